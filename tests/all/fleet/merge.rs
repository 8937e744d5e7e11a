//! `fleet merge`, as a user calls it.

use std::time::Duration;

use provision_sim::fleet::report::{GeneratorHealth, Report, Tally};
use provision_sim::fleet::{DeviceResult, Outcome, Phase};
use serde_json::Value;

use crate::support::cli::Machine;

/// Devices that were assigned after so many milliseconds each; 0 for one that failed.
fn shard(millis: &[u64]) -> Report {
    let mut tally = Tally::new();
    for millis in millis {
        let outcome = match millis {
            0 => Outcome::Failed { code: "400207".to_owned(), message: "<webhook>".to_owned() },
            _ => Outcome::Assigned { hub: "hub-1.azure-devices.net".parse().unwrap() },
        };
        tally.record(&DeviceResult {
            registration_id: "x".to_owned(),
            outcome,
            issuance: None,
            tries: 1,
            throttled: 0,
            throttled_at: Vec::new(),
            lost: 0,
            intended: Duration::ZERO,
            began: Duration::ZERO,
            ended: Duration::from_millis(*millis),
            phases: vec![(Phase::Tls, Duration::from_millis(20))],
        });
    }
    let elapsed = Duration::from_millis(millis.iter().max().copied().unwrap_or(0));
    Report { tally, elapsed, generator: GeneratorHealth::default(), runs: Vec::new() }
}

fn text(report: &Report) -> String {
    report.to_json().to_string()
}

#[test]
fn shards_become_the_report_of_the_whole_run() {
    let machine = Machine::new();
    let one = machine.file("1.json", &text(&shard(&[1000; 60])));
    let two = machine.file("2.json", &text(&shard(&[&[5000; 39][..], &[0]].concat())));
    let files = [one.to_str().unwrap(), two.to_str().unwrap()];

    let merged = machine.run(&[&["fleet", "merge", "-o", "json"], &files[..]].concat());
    let merged = merged.assert_exit(0).json();
    let shown = machine.run(&[&["fleet", "merge"], &files[..]].concat()).assert_exit(0).stdout;

    let whole = shard(&[&[1000; 60][..], &[5000; 39], &[0]].concat());
    assert_eq!(merged, serde_json::from_str::<Value>(&text(&whole)).unwrap());
    assert!(shown.starts_with("100 devices in 5 s, 19.8/s assigned"), "{shown}");
    assert!(shown.contains("400207 CustomAllocationFailed"), "{shown}");
    let is_utf_8_anyway = cfg!(windows);
    assert_eq!(shown.is_ascii(), !is_utf_8_anyway, "the locale says nothing of UTF-8: {shown}");
}

#[test]
fn in_a_utf_8_locale_bars_are_blocks() {
    let machine = Machine::new();

    let ran = machine.run_with(
        &["fleet", "merge", "-"],
        &[("LANG", "de_DE.UTF-8")],
        &text(&shard(&[1000])),
    );

    assert!(ran.assert_exit(0).stdout.contains('█'));
}

#[test]
fn several_reports_may_come_by_standard_input() {
    let machine = Machine::new();
    let input = format!("{}\n{}\n", text(&shard(&[1000])), text(&shard(&[2000, 3000])));

    let ran = machine.run_with(&["fleet", "merge", "-", "-o", "json"], &[], &input);

    assert_eq!(ran.assert_exit(0).json()["devices"], 3);
}

#[test]
fn the_page_is_written_beside_it() {
    let machine = Machine::new();
    let page = machine.path("fleet.html");
    let arguments = ["fleet", "merge", "-", "--report", page.to_str().unwrap()];

    machine.run_with(&arguments, &[], &text(&shard(&[1000, 0]))).assert_exit(0);

    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("1 of 2 devices assigned") && page.contains("&lt;webhook&gt;"), "{page}");
}

#[test]
fn conditions_decide_the_exit_code() {
    let machine = Machine::new();
    let input = text(&shard(&[&[1000; 99][..], &[0]].concat()));
    let run = |condition: &str, exit| {
        let arguments = ["fleet", "merge", "-", "--fail-if", "p99>1h", "--fail-if", condition];
        machine.run_with(&arguments, &[], &input).assert_exit(exit)
    };

    run("failed>1%", 0);
    assert!(run("failed>0.1%", 5).stderr.contains("--fail-if failed>0.1% holds: it is 1 %"));
    run("p50(tls)>10ms", 5);
    assert!(run("p99=5s", 2).stderr.contains("expected a comparison"));
}

#[test]
fn what_is_no_report_is_refused_with_file_and_reason() {
    let machine = Machine::new();
    let good = machine.file("good.json", &text(&shard(&[1000])));
    let bad = machine.file("bad.json", "{\"version\":1}");
    let cut = machine.file("cut.json", &text(&shard(&[1000]))[..200]);
    let empty = machine.file("empty.json", "");
    let refused = |paths: &[&std::path::PathBuf]| {
        let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        let ran = machine.run(&[&["fleet", "merge"], &paths[..]].concat()).assert_exit(2);
        assert_eq!(ran.stdout, "");
        ran.stderr
    };

    let ident = machine.file("ident.json", "{\"version\": nul}");
    let list = machine.file("list.json", "[]");

    assert!(refused(&[&good, &bad]).contains(
        "bad.json, report 1: it is no report of a fleet: the member `devices` is missing"
    ));
    assert!(refused(&[&cut]).contains("cut.json, report 1: it is not JSON: line 1, column "));
    assert!(
        refused(&[&ident]).contains("ident.json, report 1: it is not JSON: line 1, column 16: ")
    );
    assert!(refused(&[&list]).contains("expected an object, found an array"));
    for file in [&bad, &cut, &ident, &list] {
        let told = refused(&[file]);
        for inner in ["struct", "u64", "ident\n", "expected ident", "EOF", "serde"] {
            assert!(!told.contains(inner), "{inner}: {told}");
        }
    }
    assert!(refused(&[&empty]).contains("empty.json is empty"));
    assert!(refused(&[&machine.path("none.json")]).contains("cannot read"));
    assert!(refused(&[&good, &good]).contains("good.json was given more than once"));
}

#[test]
fn two_runs_are_compared_with_the_ratio_of_each_figure() {
    let machine = Machine::new();
    let before = machine.file("monday.json", &text(&shard(&[1000; 50])));
    let after = machine.file("tuesday.json", &text(&shard(&[&[3000; 49][..], &[0]].concat())));
    let page = machine.path("compared.html");
    let [before, after] = [before, after].map(|path| path.to_str().unwrap().to_owned());
    let arguments = ["fleet", "merge", "--compare", &before, &after];

    let shown = machine
        .run(&[&arguments[..], &["--report", page.to_str().unwrap()]].concat())
        .assert_exit(0);
    let json = machine.run(&[&arguments[..], &["-o", "json"]].concat()).assert_exit(0).json();

    assert!(shown.stdout.contains("monday.json: 50 devices in 1 s\n"), "{shown:?}");
    let row = shown.stdout.lines().find(|line| line.starts_with("assigned p50")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>()[2..6], ["1", "s", "3", "s"], "{row}");
    let ratio = json["ratios"]["phases"]["assigned"]["p50"].as_f64().unwrap();
    assert!((ratio - 3.0).abs() < 0.01, "{json}");
    assert_eq!(json["after"]["report"]["failed"], 1);
    assert!(std::fs::read_to_string(page).unwrap().contains("Two runs compared"));
    let alone = machine.run(&arguments[..4]).assert_exit(2);
    assert!(alone.stderr.contains("two files are compared, and 1 given"), "{alone:?}");
}
