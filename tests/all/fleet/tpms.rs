//! Fleets whose devices have TPMs in software, as a user runs them.

use std::collections::BTreeSet;

use provision_sim::attestation::SoftwareTpm;
use serde_json::Value;

use crate::support::cli::{Machine, Ran};

/// A fleet with the TPMs of a folder, enrolled at the service that runs.
fn fleet(machine: &Machine, flags: &[&str]) -> Ran {
    let file = machine.path("tpms/{reg_id}.pem").display().to_string();
    let all = ["fleet", "--local", "--tpm-state", &file, "-o", "json"];
    machine.run(&[&all, flags].concat())
}

fn keys(machine: &Machine, count: u64) -> BTreeSet<String> {
    let read = |number| {
        let path = machine.path(&format!("tpms/sim-{number:06}.pem"));
        let tpm = SoftwareTpm::from_pem(&std::fs::read(path).unwrap()).unwrap();
        tpm.endorsement_key().to_base64()
    };
    (0..count).map(read).collect()
}

fn enrolled(machine: &Machine) -> Vec<Value> {
    let list = machine.run(&["enrollment", "list", "--local", "-o", "json"]).assert_exit(0);
    list.json().as_array().unwrap().clone()
}

#[test]
fn j_492_devices_get_tpms_and_enrollments_and_are_assigned() {
    let machine = Machine::new();
    let _serve = machine.serve_without_events(&["--retry-after", "0s"]);

    let first = fleet(&machine, &["--count", "3", "--enroll", "--transport", "https"]);

    let report = first.assert_exit(0).json();
    assert_eq!((&report["assigned"], &report["failed"]), (&3.into(), &0.into()), "{report}");
    let made = keys(&machine, 3);
    assert_eq!(made.len(), 3, "each has its own");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(machine.path("tpms/sim-000000.pem")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    // The next has them already, and one more; what was enrolled by then is left as it is.
    let before = enrolled(&machine);
    let flags = ["--count", "4", "--enroll", "--transport", "https", "--rounds", "2"];
    let report = fleet(&machine, &flags).assert_exit(0).json();
    assert_eq!((&report["assigned"], &report["failed"]), (&8.into(), &0.into()), "{report}");
    assert!(keys(&machine, 4).is_superset(&made));
    let after = enrolled(&machine);
    assert_eq!((before.len(), after.len()), (3, 4));
    for record in &before {
        assert!(after.iter().any(|later| later["etag"] == record["etag"]), "{record}");
    }
    // Without --enroll nobody looks whether they are.
    fleet(&machine, &["--count", "2", "--transport", "https"]).assert_exit(0);
}

#[test]
fn j_492_they_are_assigned_over_amqp_too() {
    let machine = Machine::new();
    let _serve = machine.serve_without_events(&["--retry-after", "0s"]);

    let report = fleet(&machine, &["--count", "2", "--enroll", "--transport", "amqp"]);

    let report = report.assert_exit(0).json();
    assert_eq!((&report["assigned"], &report["failed"]), (&2.into(), &0.into()), "{report}");
    assert_eq!(report["runs"][0]["transport"], "amqp");
    let by_itself = fleet(&machine, &["--count", "2"]).assert_exit(0).json();
    assert_eq!(by_itself["runs"][0]["transport"], "https", "MQTT has no TPMs");
}

#[test]
fn j_493_an_enrollment_of_another_tpm_is_not_overwritten() {
    let machine = Machine::new();
    let serve = machine.serve_without_events(&["--retry-after", "0s"]);
    let flags = ["--count", "2", "--enroll", "--transport", "https"];
    fleet(&machine, &flags).assert_exit(0);
    std::fs::remove_file(machine.path("tpms/sim-000001.pem")).unwrap();
    let before = serve.log().matches("registering").count();

    let ran = fleet(&machine, &flags).assert_exit(2);

    assert!(ran.stdout.contains("sim-000001 is enrolled already, with another TPM"), "{ran:?}");
    assert_eq!(serve.log().matches("registering").count(), before, "no device began");
}

#[test]
fn what_is_wrong_with_tpms_is_told_before_anything_is_sent() {
    let machine = Machine::new();
    let _serve = machine.serve_without_events(&["--retry-after", "0s"]);
    std::fs::create_dir(machine.path("tpms")).unwrap();
    machine.file("tpms/sim-000000.pem", "no TPM");
    let one_file = machine.path("tpm.pem").display().to_string();

    for (flags, said) in [
        (&["--transport", "mqtt"][..], "cannot prove itself over mqtt"),
        (&["--transport", "https"], "tpms/sim-000000.pem: "),
    ] {
        let ran = fleet(&machine, &[&["--count", "2"], flags].concat()).assert_exit(2);
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
    let run = |flags: &[&str], stdin: &str| {
        machine.run_with(&[&["fleet", "--transport", "https"], flags].concat(), &[], stdin)
    };
    let same = run(&["--local", "--count", "2", "--tpm-state", &one_file], "").assert_exit(2);
    assert!(same.stderr.contains("all devices would have the same file"), "{same:?}");
    let list = ["--local", "--reg-ids", "-", "--tpm-state", "{reg_id}.pem"];
    let read_once = run(&list, "pump-1\n").assert_exit(2);
    assert!(read_once.stderr.contains("read once only"), "{read_once:?}");
    let nowhere =
        ["--id-scope", "0ne00002193", "--count", "1", "--tpm-state", &one_file, "--enroll"];
    let nowhere = run(&nowhere, "").assert_exit(2);
    assert!(nowhere.stderr.contains("it is not known at which service"), "{nowhere:?}");
    assert_eq!(std::fs::read_to_string(machine.path("tpms/sim-000000.pem")).unwrap(), "no TPM");
}
