//! `conformance`: clients are run, watched and judged.

use std::collections::BTreeMap;
#[cfg(unix)]
use std::process::Command;

use serde_json::Value;

use crate::support::cli::{BINARY, Machine, Ran};

/// Our own device, as somebody else's.
const DEVICE: [&str; 12] = [
    BINARY,
    "register",
    "--host",
    "{mqtt}",
    "--ca-file",
    "{ca-file}",
    "--id-scope",
    "{id-scope}",
    "--reg-id",
    "{registration-id}",
    "--device-key",
    "{device-key}",
];

fn conformance(machine: &Machine, options: &[&str], command: &[&str]) -> Ran {
    machine.run(&[&["conformance"], options, &["--"], command].concat())
}

/// The outcome of each case by its name, in the order of the names.
fn outcomes(ran: &Ran) -> BTreeMap<String, String> {
    let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let outcome = |case: &Value| {
        let text = |member: &str| case[member].as_str().unwrap().to_owned();
        (text("name"), text("outcome"))
    };
    told["cases"].as_array().unwrap().iter().map(outcome).collect()
}

#[track_caller]
fn assert_all(ran: &Ran, outcome: &str, names: &[&str]) {
    let outcomes = outcomes(ran);
    for name in names {
        assert_eq!(outcomes[*name], outcome, "{name}: {ran:?}");
    }
}

/// Those that take the time of a registration and no more.
const QUICK: [&str; 24] = [
    "assigned",
    "401-not-repeated",
    "400-not-repeated",
    "disabled",
    "failed",
    "connack-5",
    "suback-128",
    "token-refused-by-clock",
    "broken-json",
    "empty-answer",
    "no-operation-id",
    "unknown-members",
    "large-answer",
    "payload-of-all-scripts",
    "resumes-operation",
    "certificate-expired",
    "certificate-wrong-name",
    "certificate-untrusted",
    "server-name",
    "client-id",
    "token-resource",
    "topics",
    "request-ids",
    "closes-cleanly",
];

#[test]
fn our_own_device_keeps_to_the_rules_over_every_transport() {
    let only = QUICK.join(",");
    for (transport, host, unseen) in [
        ("mqtt", "{mqtt}", &[][..]),
        ("mqtt-ws", "{https}", &[]),
        ("https", "{https}", &["connack-5", "suback-128", "client-id", "topics", "request-ids"]),
        ("amqp", "{amqp}", &["topics", "request-ids"]),
        ("amqp-ws", "{https}", &["topics", "request-ids"]),
    ] {
        let machine = Machine::new();
        let mut command = DEVICE.to_vec();
        command.extend(["--transport", transport]);
        command[3] = host;

        let ran = conformance(&machine, &["-o", "json", "--jobs", "24", "--only", &only], &command);

        assert_eq!(ran.exit, 0, "{transport}: {ran:?}");
        assert_all(&ran, "notObserved", unseen);
        let seen: Vec<_> = QUICK.into_iter().filter(|name| !unseen.contains(name)).collect();
        assert_all(&ran, "passed", &seen);
    }
}

#[test]
fn a_device_with_a_certificate_has_no_token_to_be_judged() {
    let mut command = DEVICE.to_vec();
    command.truncate(10);
    command.extend(["--cert", "{cert}", "--cert-key", "{cert-key}", "--payload", "{payload}"]);
    let only = ["--only", "assigned,token-resource,no-payload-unasked", "-o", "json"];

    let ran = conformance(&Machine::new(), &only, &command);

    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_all(&ran, "passed", &["assigned", "no-payload-unasked"]);
    assert_all(&ran, "notObserved", &["token-resource"]);
}

/// The device trusts by rustls, which has room for 64 KB.
#[test]
fn j_325_a_client_with_no_room_for_a_long_certificate_is_warned() {
    let ran = conformance(&Machine::new(), &["--only", "long-chain", "-o", "json"], &DEVICE);

    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_all(&ran, "warned", &["long-chain"]);
}

/// As firmware does, which never ends.
#[cfg(unix)]
#[test]
fn j_327_a_client_that_goes_on_running_is_ended_and_judged_all_the_same() {
    let words = DEVICE.map(|word| format!("'{word}'")).join(" ");
    let script = format!("{words} && sleep 600");
    let only = ["--only", "assigned,topics,closes-cleanly"];

    let ran = conformance(&Machine::new(), &only, &["/bin/sh", "-c", &script]);

    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("pass  assigned "), "{ran:?}");
    assert!(ran.stdout.contains(", and went on running"), "{ran:?}");
    assert!(ran.stdout.contains("not observed  closes-cleanly"), "{ran:?}");
}

/// In text, a line a case: what was found, and of what is to be mended the rule and its source.
#[test]
fn a_client_that_never_registers_fails_once_and_is_not_seen_otherwise() {
    let only = ["--only", "topics,assigned,certificate-expired"];

    let ran = conformance(&Machine::new(), &only, &[BINARY, "--version"]);

    assert_eq!(ran.exit, 5, "{ran:?}");
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("fail  assigned "), "{ran:?}");
    assert!(lines[0].contains("it did not register: it never connected"), "{ran:?}");
    assert!(lines[1].contains("A.5: ") && lines[1].contains("[https://learn.microsoft.com/"));
    assert!(lines[2].starts_with("not observed  certificate-expired"), "{ran:?}");
    assert!(lines[3].starts_with("not observed  topics"), "{ran:?}");
    assert!(lines[4].starts_with("0 passed, 1 failed, 2 not observed"), "{ran:?}");
}

#[test]
fn j_320_what_cannot_be_played_is_refused_before_anything_is() {
    let machine = Machine::new();
    for (options, command, said) in [
        (&["--only", "asigned"][..], &["x"][..], "did you mean assigned?"),
        (&[], &["/there/is/no/such/client"], "cannot run /there/is/no/such/client"),
        (&[], &["x", "--host={mqt}"], "{mqt} is not known; did you mean {mqtt}?"),
        (&["--junit", "/there/is/no/such/folder/a.xml"], &["x"], "cannot write"),
        (&["--jobs", "0"], &["x"], "0 is not in 1..=256"),
    ] {
        let ran = conformance(&machine, options, command);

        assert_eq!((ran.exit, &*ran.stdout), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn the_cases_are_listed_without_a_client() {
    let listed = Machine::new().run(&["conformance", "--list", "-o", "json"]);

    let cases: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
    assert!(cases.len() >= 30, "{}", cases.len());
    assert_eq!(cases[0]["name"], "assigned");
    assert!(QUICK.iter().all(|name| cases.iter().any(|case| case["name"] == **name)));
}

/// What the client prints is in the reports, but for its key; whatever it starts ends with it.
#[cfg(unix)]
#[test]
fn j_321_nothing_of_a_client_is_left_behind_but_its_words() {
    let machine = Machine::new();
    let (junit, html) = (machine.path("a.xml"), machine.path("a.html"));
    let pid = machine.path("pid");
    let script = format!(
        "echo my key is $DPS_DEVICE_KEY of $DPS_REGISTRATION_ID; sleep 600 & echo $! > {}; exit 0",
        pid.display()
    );
    let files = ["--junit", junit.to_str().unwrap(), "--report", html.to_str().unwrap()];
    let options = [["--only", "assigned"], [files[0], files[1]], [files[2], files[3]]].concat();

    let ran = conformance(&machine, &options, &["/bin/sh", "-c", &script]);

    assert_eq!(ran.exit, 5, "{ran:?}");
    let written = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    assert!(written(&html).contains("my key is **** of conformance-assigned"));
    assert!(written(&junit).contains("<failure"), "{}", written(&junit));
    // It has been killed; until somebody has taken note of that, it is a zombie.
    let pid = written(&pid);
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    assert!(state.is_empty() || state.starts_with('Z'), "{state}");
}
