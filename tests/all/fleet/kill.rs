//! A fleet whose service is killed in its midst, and comes back with its state.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::cli::{Machine, get};

const COUNT: usize = 600;
const KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
const WORLD: &str = r#"
idScope = "0ne00002193"
linkedHubs = ["hub-0.azure-devices.net", "hub-1.azure-devices.net", "hub-2.azure-devices.net"]

[[enrollmentGroups]]
enrollmentGroupId = "simulated-devices"
allocationPolicy = "hashed"
"#;

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_else(|| panic!("no {member} in {object}"))
}

/// J-32, J-164: the devices that were told to wait are told their result by the next process, those
/// whose register was cut off register again, those that find nobody come again.
#[test]
fn every_device_is_assigned_once_and_the_disturbance_is_told() {
    let machine = Machine::new();
    let key = format!(
        "attestation = {{ type = \"symmetricKey\", symmetricKey = {{ primaryKey = \"{KEY}\" }} }}\n"
    );
    let config = machine.file("world.toml", &format!("{WORLD}{key}"));
    let state = machine.path("kept");
    let arguments = [
        &["--config", config.to_str().unwrap(), "--state", state.to_str().unwrap()][..],
        &["--retry-after", "1s", "--admin-port", "0"],
    ]
    .concat();
    let serve = machine.serve_without_events(&arguments);
    let port = serve.mqtt().rsplit_once(':').unwrap().1.to_owned();
    let mut fleet = machine
        .command()
        .args(["fleet", "--local", "--group-key", KEY, "--rate", "200/s", "-o", "jsonl", "--count"])
        .arg(COUNT.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(fleet.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();

    // A second after the first registers some 200 have been told to wait, and some are assigned.
    while lines.len() < 20 {
        lines.push(output.next().unwrap().unwrap());
    }
    // `kill -9`.
    drop(serve);
    let serve = machine.serve_again(&port, &arguments);
    lines.extend(output.map(Result::unwrap));

    assert_eq!(fleet.wait().unwrap().code(), Some(0), "all were assigned: {:?}", lines.last());
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (report, devices) = lines.split_last().unwrap();
    assert_eq!([&report["devices"], &report["assigned"]], [COUNT, COUNT]);
    let told: BTreeMap<_, _> = devices
        .iter()
        .map(|line| (text(line, "registrationId"), text(line, "assignedHub")))
        .collect();
    assert_eq!((devices.len(), told.len()), (COUNT, COUNT), "one result for each device");

    // What the service knows now is what the devices were told, also by the one that was killed.
    let admin = text(&serve.ready, "admin");
    let records = get(admin, "/registrations?limit=1000");
    let records = records.as_array().unwrap();
    let kept: BTreeMap<_, _> = records
        .iter()
        .map(|record| (text(record, "registrationId"), text(record, "assignedHub")))
        .collect();
    assert_eq!(kept, told);
    let identities = get(admin, "/twins?limit=1000");
    let identities = identities.as_array().unwrap();
    let on_hubs: BTreeMap<_, _> =
        identities.iter().map(|twin| (text(twin, "deviceId"), text(twin, "hub"))).collect();
    assert_eq!((identities.len(), on_hubs), (COUNT, told), "on its hub and on no other");

    let sum = |member: &str| -> u64 { devices.iter().map(|it| it[member].as_u64().unwrap()).sum() };
    assert_eq!([&report["lost"], &report["tries"]], [sum("lost"), sum("tries")]);
    assert!(sum("lost") >= 100, "so many waited when it was killed: {report}");
    let lost = devices.iter().filter(|line| line["lost"] != 0).count();
    assert!((100..COUNT).contains(&lost), "not all were disturbed: {report}");
    serve.stop("TERM");
}
