//! `--local` and `--group`: whose key a device is given that brings none, and which service is meant.

use serde_json::Value;

use crate::support::cli::{Machine, Serve};

const GROUP_KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

fn serve(machine: &Machine) -> Serve {
    machine.serve(&["--retry-after", "0s"])
}

fn register(machine: &Machine, more: &[&str]) -> Value {
    let arguments = [&["register", "--local", "-o", "json"], more].concat();
    machine.run(&arguments).assert_exit(0).json()
}

#[test]
fn any_device_is_let_in_by_the_group_that_takes_it() {
    let machine = Machine::new();
    let _serve = serve(&machine);

    let toaster = register(&machine, &["--reg-id", "contoso-toaster-007"]);
    let device = register(&machine, &["--reg-id", "my-device"]);
    let text = machine.run(&["register", "--local", "--reg-id", "my-device"]).assert_exit(0);
    let quiet = machine.run(&["register", "--local", "--reg-id", "my-device", "-q"]);

    assert_eq!(toaster["group"], "contoso-custom-allocated-devices");
    assert_eq!(device["group"], "simulated-devices");
    assert_eq!(
        text.stderr,
        "with the key of enrollment group simulated-devices (another: --group NAME)\n"
    );
    assert_eq!(quiet.assert_exit(0).stderr, "");
}

#[test]
fn a_group_of_ones_own_is_named_and_its_key_fetched() {
    let machine = Machine::new();
    let _serve = serve(&machine);
    let create = ["enrollment-group", "create", "--local", "--enrollment-id", "pumps"];
    machine.run(&create).assert_exit(0);
    let device = ["--local", "--group", "pumps", "--reg-id", "pump-1"];
    let run = |command: &str| machine.run(&[&[command], &device[..]].concat()).assert_exit(0);

    let registered = run("register");
    let key = run("derive-key").stdout;
    let token = run("sas-token").stdout;

    assert_eq!(registered.stderr, "", "the group was named");
    run("status");
    run("diagnose");
    let fleet = ["fleet", "--local", "--group", "pumps", "--count", "2", "-o", "json"];
    machine.run(&fleet).assert_exit(0);
    let by_hand = ["--local", "--reg-id", "pump-1", "--device-key", key.trim()];
    machine.run(&[&["register"], &by_hand[..]].concat()).assert_exit(0);
    let check = [&["sas-token"], &by_hand[..], &["--check", token.trim()]].concat();
    machine.run(&check).assert_exit(0);
}

#[test]
fn commands_that_only_compute_know_the_local_service_too() {
    let machine = Machine::new();
    let _serve = serve(&machine);
    let derived = |arguments: &[&str]| {
        machine.run(&[&["derive-key"], arguments].concat()).assert_exit(0).stdout
    };

    let by_hand = derived(&["--group-key", GROUP_KEY, "--reg-id", "my-device"]);

    assert_eq!(derived(&["--local", "--reg-id", "my-device"]), by_hand);
    let mixed = ["derive-key", "--local", "--reg-id", "my-device", "contoso-toaster-007"];
    assert!(machine.run(&mixed).assert_exit(2).stderr.contains("different groups"));
    let token = ["sas-token", "--local", "--reg-id", "my-device", "-o", "json"];
    assert_eq!(machine.run(&token).assert_exit(0).json()["group"], "simulated-devices");
}

#[test]
fn a_group_that_is_not_there_or_has_no_key_is_said_with_those_that_are() {
    let machine = Machine::new();
    let _serve = serve(&machine);
    let by = |group: &str| {
        machine
            .run(&["register", "--local", "--reg-id", "a", "--group", group])
            .assert_exit(2)
            .stderr
    };

    let unknown = by("pump");

    assert!(unknown.contains("no enrollment group \"pump\""), "{unknown}");
    assert!(unknown.contains("contoso-custom-allocated-devices, simulated-devices"), "{unknown}");
    let alone = machine.run(&["register", "--reg-id", "a", "--group", "pumps"]).assert_exit(2);
    assert!(alone.stderr.contains("--local"), "{}", alone.stderr);
    let both = ["register", "--local", "--reg-id", "a", "--group", "g", "--device-key", GROUP_KEY];
    let both = machine.run(&both).assert_exit(2).stderr;
    assert!(both.contains("--group and --device-key are both given"), "{both}");
}

#[test]
fn the_start_screen_of_a_configuration_names_a_group_that_works() {
    let machine = Machine::new();
    let config = machine.file(
        "dps.toml",
        "idScope = \"0ne00000001\"\nlinkedHubs = [\"a.azure-devices.net\"]\n\n\
         [[enrollmentGroups]]\nenrollmentGroupId = \"my-pumps\"\nattestation.type = \"symmetricKey\"\n",
    );
    let config = config.to_str().unwrap();
    let _serve = machine.serve(&["--retry-after", "0s", "--config", config]);

    let without = machine.run(&["register", "--local", "--reg-id", "a"]).assert_exit(2).stderr;

    assert!(without.contains("--group NAME takes the key of an enrollment group"), "{without}");
    register(&machine, &["--reg-id", "a", "--group", "my-pumps"]);
}

#[test]
fn of_two_services_each_has_its_file_and_is_found_by_name_or_port() {
    let machine = Machine::new();
    let first = serve(&machine);
    let second = machine.serve(&["--retry-after", "0s", "--name", "ci"]);
    let state = machine.path("state/provision-sim");
    let register = |local: &str| machine.run(&["register", local, "--reg-id", "my-device"]);

    let unclear = register("--local").assert_exit(2).stderr;

    assert!(unclear.contains("2 services are running"), "{unclear}");
    assert!(unclear.contains("ci (port "), "{unclear}");
    register("--local=ci").assert_exit(0);
    let port = first.ready["mqtt"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();
    register(&format!("--local={port}")).assert_exit(0);
    let wrong = register("--local=other").assert_exit(2).stderr;
    assert!(wrong.contains("no such service is running"), "{wrong}");

    assert!(state.join("local.json").exists() && state.join("local-ci.json").exists());
    second.end();
    assert!(state.join("local.json").exists(), "the first one's is its own");
    register("--local").assert_exit(0);
}

#[test]
fn a_second_service_of_the_same_name_is_refused() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--name", "ci"]);

    let ports =
        ["--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "--admin-port", "none"];
    let ran = machine.run(&[&["serve", "--name", "ci"], &ports[..]].concat()).assert_exit(2);
    let odd = machine.run(&["serve", "--name", "a/b"]).assert_exit(2);

    assert!(ran.stderr.contains("a service called \"ci\" is running"), "{}", ran.stderr);
    assert!(odd.stderr.contains("letters, digits"), "{}", odd.stderr);
}

#[test]
fn all_that_is_missing_is_told_at_once_and_to_programs_as_json() {
    let machine = Machine::new();

    let text = machine.run(&["register"]).assert_exit(2).stderr;
    let json = machine.run(&["register", "-o", "json"]).assert_exit(2).json();
    let wrong_flag = machine.run(&["register", "--reg-ix", "a", "-o", "json"]).assert_exit(2);

    assert!(
        text.contains("no ID scope (--id-scope), no device (--reg-id), no credential ("),
        "{text}"
    );
    assert!(text.contains("give --local"), "{text}");
    assert_eq!((&json["error"]["kind"], &json["error"]["exitCode"]), (&"usage".into(), &2.into()));
    let error = &wrong_flag.json()["error"];
    assert_eq!(error["message"], "unexpected argument '--reg-ix' found");
    assert_eq!(wrong_flag.stderr, "");
}

#[test]
fn json_that_a_shell_has_spoilt_is_shown_as_it_arrived_with_the_quoting_of_each_shell() {
    let machine = Machine::new();
    let device = ["register", "--id-scope", "0ne1", "--reg-id", "a", "--group-key", GROUP_KEY];
    for more in [&["--payload", "{fw:1.0}"][..], &["--connect", "--reported", "{fw:1.0}"]] {
        let said = machine.run(&[&device[..], more].concat()).assert_exit(2).stderr;

        for part in [
            "what arrived is \"{fw:1.0}\"",
            "in sh and PowerShell 7: '{\"fw\":\"1.0\"}'",
            "in Windows PowerShell: '{\\\"fw\\\":\\\"1.0\\\"}'",
            "in cmd.exe: \"{\\\"fw\\\":\\\"1.0\\\"}\"",
            "@FILE",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn an_own_function_takes_the_place_of_the_tutorials() {
    let machine = Machine::new();
    // Nobody is there; that the service says so shows that it asked.
    let closed = "http://127.0.0.1:9/api/MyFunction";
    let _serve =
        machine.serve(&["--retry-after", "0s", "--webhook-retry", "none", "--webhook-url", closed]);

    let ran = machine.run(&["register", "--local", "--reg-id", "contoso-toaster-007"]);

    let said = ran.assert_exit(5).stderr;
    assert!(said.contains("400207"), "{said}");
    let config = machine.file("dps.toml", "idScope = \"0ne00000001\"\n");
    let refused = ["serve", "--config", config.to_str().unwrap(), "--webhook-url", closed];
    let refused = machine.run(&refused).assert_exit(2).stderr;
    assert!(refused.contains("contoso:HttpTrigger1"), "{refused}");
}

/// What was called otherwise before goes on by its old name.
#[test]
fn older_names_of_flags_and_keys_still_read() {
    let machine = Machine::new();
    let config = machine.file(
        "dps.toml",
        &format!(
            "idScope = \"0ne00000001\"\nlinkedHubs = [\"a.azure-devices.net\"]\nretry-after = \"0s\"\n\
             assigning-polls = 1\n\n[[enrollmentGroups]]\nenrollmentGroupId = \"g\"\n\
             attestation.type = \"symmetricKey\"\n\
             attestation.symmetricKey.primaryKey = \"{GROUP_KEY}\"\n"
        ),
    );
    let _serve = machine.serve(&["--config", config.to_str().unwrap()]);
    let device = ["register", "--local", "--registration-id", "a", "--group", "g"];

    let ran = machine.run(&[&device[..], &["--connect", "--report", "{\"fw\":1}"]].concat());

    let stdout = ran.assert_exit(0).stdout;
    assert_eq!(stdout.matches("STATUS_ASSIGNING").count(), 2, "{stdout}");
    assert!(stdout.contains("Properties reported"), "{stdout}");
    let derive = ["derive-key", "--local", "--group", "g", "--registration-id", "a"];
    machine.run(&derive).assert_exit(0);
    let ca = ["serve", "--webhook-ca", "/nonexistent", "--tls-cert", "a"];
    let said = machine.run(&ca).assert_exit(2).stderr;
    assert!(said.contains("--tls-cert-key"), "{said}");
}

#[test]
fn commands_of_the_service_api_find_their_way_as_devices_do() {
    let machine = Machine::new();
    let serve = serve(&machine);
    let text = serve.ready["serviceConnectionString"].as_str().unwrap();
    let (_, rest) = text.split_once(';').unwrap();
    let elsewhere = format!("HostName=contoso.azure-devices-provisioning.net;{rest}");
    let rule = format!("contoso.azure-devices-provisioning.net:443:{}", serve.https());
    let list = ["enrollment-group", "list", "--timeout", "20s", "--connection-string"];

    let ran = machine.run(
        &[
            &list[..],
            &[&elsewhere, "--connect-to", &rule, "--ca-file", serve.ca_file().to_str().unwrap()],
        ]
        .concat(),
    );

    assert!(ran.assert_exit(0).stdout.contains("simulated-devices"));
}
