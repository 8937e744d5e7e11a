//! `provision-sim pki`, and a service that takes what it made.

use crate::support::cli::Machine;

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn d_5_the_files_are_what_a_device_and_a_service_need() {
    let machine = Machine::new();
    let out = machine.path("pki");
    let folder = out.to_str().unwrap();

    let ran = machine.run(&["pki", "--out", folder, "--reg-id", "pump-0042", "--bad"]);

    let ran = ran.assert_exit(0);
    assert_eq!(
        names(&out),
        [
            "bad",
            "devices",
            "intermediate-cert.pem",
            "intermediate-key.pem",
            "root-cert.pem",
            "root-key.pem"
        ]
    );
    assert_eq!(
        names(&out.join("devices")),
        ["pump-0042-cert.pem", "pump-0042-chain.pem", "pump-0042-key.pem"]
    );
    assert_eq!(names(&out.join("bad")).len(), 15, "five kinds, three files each");
    assert!(ran.stdout.contains("bad-expired: refused (expired yesterday)"));

    // The snippet is ready to be used.
    let snippet = &ran.stdout[ran.stdout.find("[[enrollmentGroups]]").unwrap()..];
    let config =
        format!("idScope = \"0ne00012345\"\nlinkedHubs = [\"h.azure-devices.net\"]\n{snippet}");
    let config = machine.file("config.toml", &config);
    let serve = machine.serve(&["--config", config.to_str().unwrap()]);
    assert_eq!(serve.ready["idScope"], "0ne00012345");
}

#[cfg(unix)]
#[test]
fn keys_are_readable_by_their_owner_only_also_after_force() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let out = machine.path("pki");
    let arguments = ["pki", "--out", out.to_str().unwrap(), "--reg-id", "pump-0042"];
    let key = out.join("devices/pump-0042-key.pem");
    std::fs::create_dir_all(out.join("devices")).unwrap();
    std::fs::write(&key, "mine").unwrap();

    let refused = machine.run(&arguments).assert_exit(2);
    assert!(refused.stderr.contains("is already there"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "mine");
    assert_eq!(names(&out), ["devices"], "nothing was written");

    machine.run(&[&arguments[..], &["--force"]].concat()).assert_exit(0);
    for key in [&key, &out.join("root-key.pem"), &out.join("intermediate-key.pem")] {
        let mode = std::fs::metadata(key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key:?}");
    }
}

#[test]
fn json_lists_the_files_and_bad_names_are_refused_before_anything_is_written() {
    let machine = Machine::new();
    let out = machine.path("pki");
    let folder = out.to_str().unwrap();

    for ids in [["a", "A"], ["b", &"x".repeat(65)]] {
        let ran = machine.run(&["pki", "--out", folder, "--reg-id", ids[0], "--reg-id", ids[1]]);
        ran.assert_exit(2);
        assert!(!out.exists());
    }
    let made = machine.run(&["pki", "--out", folder, "-o", "json"]).assert_exit(0).json();
    assert_eq!(made["files"].as_array().unwrap().len(), 4);
    assert!(made["enrollmentGroupToml"].as_str().unwrap().starts_with("[[enrollmentGroups]]"));
    assert!(!made.to_string().contains("PRIVATE KEY"));
}
