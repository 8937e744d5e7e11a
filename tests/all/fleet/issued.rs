//! Fleets whose devices ask for certificates, as a user runs them.

use std::path::Path;

use provision_sim::attestation::DeviceCertificate;

use crate::support::cli::{HUB, Machine, Ran, Serve, TUTORIAL_KEY};

/// A service with a group whose devices get certificates, unless `names` names no authority.
fn serve(machine: &Machine, names: &str) -> Serve {
    let config = format!(
        "idScope = \"0ne00002193\"\nlinkedHubs = [\"{HUB}\"]\n\
         [[certificateAuthorities]]\nnamespaceName = \"fleet\"\nname = \"line-1\"\n\
         policies = [{{ name = \"short\", validity = \"1h\" }}]\n\
         [[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\nattestation.type = \"symmetricKey\"\n\
         attestation.symmetricKey.primaryKey = \"{TUTORIAL_KEY}\"\n{names}\n"
    );
    let config = machine.file("config.toml", &config);
    let flags = ["--retry-after", "0s", "--config", config.to_str().unwrap()];
    machine.serve_without_events(&flags)
}

fn from_line_1(machine: &Machine) -> Serve {
    serve(
        machine,
        "namespaceName = \"fleet\"\ncertificateAuthorityName = \"line-1\"\n\
         certificatePolicyName = \"short\"",
    )
}

fn fleet(machine: &Machine, flags: &[&str]) -> Ran {
    let all = ["fleet", "--local", "--group", "pumps", "--new-keys", "-o", "json"];
    machine.run(&[&all, flags].concat())
}

fn read(path: &Path) -> DeviceCertificate {
    let pem = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    DeviceCertificate::read(&pem, None, None).unwrap()
}

#[test]
fn j_490_each_device_is_issued_a_certificate_for_a_key_of_its_own_over_each_transport() {
    let machine = Machine::new();
    let _serve = from_line_1(&machine);

    for transport in ["mqtt", "https", "amqp"] {
        let file = machine.path(&format!("{transport}/{{reg_id}}.pem")).display().to_string();
        let results = machine.path("results.jsonl").display().to_string();
        let flags = ["--count", "5", "--transport", transport, "--results", &results];
        let report = fleet(&machine, &[&flags[..], &["--issued-cert", &file]].concat());
        let report = report.assert_exit(0).json();

        assert_eq!((&report["issued"], &report["leftOut"]), (&5.into(), &0.into()), "{report}");
        let lines = std::fs::read_to_string(&results).unwrap();
        assert_eq!(lines.matches("\"issued\":true").count(), 5, "{lines}");
        let path = |number| machine.path(&format!("{transport}/sim-{number:06}.pem"));
        let kept: Vec<_> = (0..5).map(|number| read(&path(number))).collect();
        for (number, certificate) in kept.iter().enumerate() {
            let id = format!("sim-{number:06}");
            assert_eq!(certificate.registration_id().unwrap().as_str(), id);
            assert_eq!(certificate.chain().len(), 3, "its own, the issuing one, the root");
        }
        assert_ne!(kept[0].leaf(), kept[1].leaf());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path(0)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "its key is in it");
        }
    }
}

#[test]
fn j_491_devices_whose_group_has_no_authority_are_assigned_and_counted() {
    let machine = Machine::new();
    let _serve = serve(&machine, "");

    let flags = ["--count", "3"];
    let report = fleet(&machine, &flags).assert_exit(0).json();

    assert_eq!((&report["assigned"], &report["failed"]), (&3.into(), &0.into()), "{report}");
    assert_eq!((&report["issued"], &report["leftOut"]), (&0.into(), &3.into()), "{report}");
    let judged = fleet(&machine, &[&flags[..], &["--fail-if", "left-out>0"]].concat());
    assert!(judged.assert_exit(5).stdout.contains("--fail-if left-out>0 holds: it is 3"));
}

#[test]
fn j_491_a_device_that_cannot_keep_what_it_was_issued_has_failed() {
    let machine = Machine::new();
    let _serve = from_line_1(&machine);
    // The second device's folder is a file.
    machine.file("sim-000001", "in the way");
    let file = machine.path("{reg_id}/issued.pem").display().to_string();

    let report = fleet(&machine, &["--count", "2", "--issued-cert", &file]);

    let report = report.assert_exit(5).json();
    assert_eq!((&report["issued"], &report["outcomes"]["not-kept"]), (&1.into(), &1.into()));
    let example = report["examples"]["not-kept"].as_str().unwrap();
    assert!(example.contains("sim-000001/issued.pem: cannot be written"), "{example}");
    assert!(machine.path("sim-000000/issued.pem").is_file());
}

#[test]
fn what_is_wrong_with_the_flags_is_told_before_anything_is_sent() {
    let machine = Machine::new();
    let serve = from_line_1(&machine);
    let one_file = machine.path("issued.pem").display().to_string();
    let in_a_file = machine.file("file", "").join("{reg_id}.pem").display().to_string();
    let long = format!("{}-{{n}}", "x".repeat(63));

    for (flags, said) in [
        (&["--issued-cert", &one_file][..], "all devices would have the same file"),
        (&["--issued-cert", &in_a_file], "cannot write"),
        (&["--reg-id-pattern", &long], "common name has at most 64"),
        (&["--api-version", "2019-03-31"], "2019-03-31 has no requests for certificates"),
    ] {
        let ran = fleet(&machine, &[&["--count", "2"], flags].concat()).assert_exit(2);
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
    let alone = ["fleet", "--local", "--count", "1", "--issued-cert", &one_file];
    assert!(machine.run(&alone).assert_exit(2).stderr.contains("--new-keys"));
    assert!(!serve.log().contains("registering"), "{}", serve.log());
}
