//! Runs with `--seed` say the same, byte for byte (J-310 to J-313).

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::cli::Machine;

const TUTORIAL: &str = "fixtures/contoso/scenario.toml";

/// The scenarios of the fixtures, but for the one with a program, which waits in earnest.
fn scenarios() -> Vec<String> {
    let own = std::fs::read_dir("fixtures/scenarios").unwrap().map(|entry| entry.unwrap().path());
    let own = own.filter(|path| path.extension().is_some_and(|it| it == "toml"));
    let own = own.filter(|path| !path.ends_with("own-device.toml"));
    let mut all: Vec<_> = own.map(|path| path.display().to_string()).collect();
    all.push(TUTORIAL.to_owned());
    all.sort();
    all
}

/// The files of a folder, by their names.
fn files(folder: &Path, all: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, all),
            false => {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                all.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
}

/// All that a run says and writes.
fn written(scenarios: &[String], more: &[&str]) -> BTreeMap<String, String> {
    let machine = Machine::new();
    let paths = ["out.xml", "out.html", "kept"].map(|name| machine.path(name));
    let [junit, report, kept] = &paths.each_ref().map(|path| path.to_str().unwrap());
    let mut arguments = vec!["run", "--seed", "7", "--junit", junit, "--report", report];
    arguments.extend(["--artifacts", kept]);
    arguments.extend(more);
    arguments.extend(scenarios.iter().map(String::as_str));
    let ran = machine.run(&arguments);
    let mut all = BTreeMap::from([
        ("exit".to_owned(), ran.exit.to_string()),
        ("stdout".to_owned(), ran.stdout),
    ]);
    paths[..2].iter().for_each(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        all.insert(name, std::fs::read_to_string(path).unwrap());
    });
    files(&paths[2], &mut all);
    all
}

#[track_caller]
fn assert_same(one: &BTreeMap<String, String>, two: &BTreeMap<String, String>) {
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for ((name, one), two) in one.iter().zip(two.values()) {
        let differing = one.lines().zip(two.lines()).find(|(one, two)| one != two);
        assert_eq!(differing, None, "{name}");
        assert!(one == two, "{name}");
    }
}

#[test]
fn j_310_two_seeded_runs_of_the_scenarios_are_the_same_byte_for_byte() {
    for more in [&[][..], &["-o", "json"]] {
        let (one, two) = (written(&scenarios(), more), written(&scenarios(), more));

        assert_eq!(one["exit"], "0", "{}", one["stdout"]);
        assert_same(&one, &two);
    }
}

/// What fails comes with the whole conversation, and the journal's account of it.
#[test]
fn j_310_what_is_kept_of_a_failure_is_the_same_too() {
    let machine = Machine::new();
    let text = std::fs::read_to_string(TUTORIAL).unwrap();
    let wrong = text.replace(
        "expect = { assignedHub = \"contoso-toasters-hub-1098",
        "expect = { assignedHub = \"hub-1099",
    );
    assert_ne!(text, wrong);
    let file = machine.file("wrong.toml", &wrong).display().to_string();
    let files = [file];

    let (one, two) = (written(&files, &[]), written(&files, &[]));

    assert_eq!(one["exit"], "5", "{}", one["stdout"]);
    assert!(one.values().any(|text| text.contains("2026-01-01T00:00:00")), "{one:?}");
    assert_same(&one, &two);
}

#[test]
fn j_310_another_seed_and_another_clock_say_something_else() {
    let machine = Machine::new();
    let told = |more: &[&str]| machine.run(&[&["run", TUTORIAL], more].concat());
    let one = told(&["--seed", "7"]);

    assert_eq!(told(&["--seed", "7", "--clock", "2026-01-01T00:00:00Z"]).stdout, one.stdout);
    assert_ne!(told(&["--seed", "8"]).stderr, one.stderr);
    let failed = machine.run(&["run", TUTORIAL, "--seed", "7", "--clock", "2031-02-03T04:05:06Z"]);
    assert!(failed.stderr.contains("2031-02-03T04:05:06"), "{}", failed.stderr);
    for (wrong, said) in [("yesterday", "2026-01-01T00:00:00Z"), ("25:00", "2026-01-01T00:00:00Z")]
    {
        let refused = machine.run(&["run", TUTORIAL, "--clock", wrong]);
        assert_eq!(refused.exit, 2);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert_eq!(machine.run(&["run", TUTORIAL, "--seed", "-1"]).exit, 2);
}

/// Renew it with `UPDATE_DOCS=1`, and look at what has changed.
#[test]
fn the_tutorial_says_what_stands_in_its_golden_file() {
    let golden = "tests/data/tutorial.seed-7.txt";
    let ran = Machine::new().run(&["run", TUTORIAL, "--seed", "7"]).assert_exit(0);
    let said = ran.stdout.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(golden, &said).unwrap();
    }

    assert_eq!(said, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn j_310_a_service_with_a_seed_says_that_it_is_for_tests() {
    let machine = Machine::new();
    let key = |seed: &str| {
        let serve = machine.serve(&["--seed", seed, "--clock", "2026-01-01T00:00:00Z"]);
        serve.log_with("whoever knows it knows them; for tests only");
        let all = serve.ready["serviceConnectionString"].as_str().unwrap().to_owned();
        serve.end();
        all.rsplit_once(';').unwrap().1.to_owned()
    };

    let (one, same, other) = (key("7"), key("7"), key("8"));

    assert_eq!(one, same);
    assert_ne!(one, other);
}
