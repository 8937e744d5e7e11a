//! `serve` in one terminal, `register` in another.

use std::net::TcpListener;

use crate::support::cli::{GROUP_NOTE, HUB, Machine, Serve, TUTORIAL_KEY};

const TOASTER: [&str; 4] = ["register", "--local", "--reg-id", "contoso-toaster-007"];
const HEAT_PUMP: [&str; 4] = ["register", "--local", "--reg-id", "contoso-heatpump-088"];

#[test]
fn the_toaster_prints_what_the_sample_prints_line_for_line() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s", "--assigning-polls", "1"]);

    let ran = machine.run(&TOASTER).assert_exit(0);

    assert_eq!(
        ran.stdout,
        format!(
            "Provisioning API Version: {}\n\
             \n\
             Registering Device\n\
             \n\
             Provisioning Status: PROV_DEVICE_REG_STATUS_CONNECTED\n\
             Provisioning Status: PROV_DEVICE_REG_STATUS_ASSIGNING\n\
             Provisioning Status: PROV_DEVICE_REG_STATUS_ASSIGNING\n\
             \n\
             Registration Information received from service: {HUB}, deviceId: contoso-toaster-007\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    assert_eq!(ran.stderr, GROUP_NOTE);
}

#[test]
fn the_heat_pump_exits_5_with_the_tutorials_text_and_an_explanation() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);

    let ran = machine.run(&HEAT_PUMP).assert_exit(5);

    assert!(
        ran.stdout.ends_with("\n\nFailure registering device: PROV_DEVICE_RESULT_DEV_AUTH_ERROR\n"),
        "{}",
        ran.stdout
    );
    let event = serve.event();
    let operation_id = event["operationId"].as_str().unwrap();
    let explained = ran.stderr.strip_prefix(GROUP_NOTE).unwrap();
    let first = explained.lines().next().unwrap();
    assert!(
        first.starts_with(&format!(
            "error: Provisioning Failure: OperationId: {operation_id} - Date: 2"
        )),
        "{first}"
    );
    assert!(first.ends_with(" - Msg: Custom allocation failed with status code: 400"), "{first}");
    assert!(ran.stderr.contains("code: 400207 CustomAllocationFailed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n  try: "), "{}", ran.stderr);
}

#[test]
fn json_is_the_services_own_object_and_a_failure_an_error_object() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);

    let assigned = machine.run(&[&TOASTER[..], &["-o", "json"]].concat()).assert_exit(0).json();
    let failed = machine.run(&[&HEAT_PUMP[..], &["-o", "json"]].concat()).assert_exit(5).json();

    assert_eq!(assigned["status"], "assigned");
    assert_eq!(assigned["registrationState"]["assignedHub"], HUB);
    assert_eq!(assigned["registrationState"]["substatus"], "initialAssignment");
    let error = &failed["error"];
    assert_eq!(error["kind"], "failed");
    assert_eq!(error["exitCode"], 5);
    assert_eq!(error["result"], "PROV_DEVICE_RESULT_DEV_AUTH_ERROR");
    assert_eq!(error["code"], 400_207);
    assert_eq!(error["name"], "CustomAllocationFailed");
    assert_eq!(error["message"], "Custom allocation failed with status code: 400");
    assert!(error["operationId"].is_string() && error["date"].is_string());
    assert!(
        !error["causes"].as_array().unwrap().is_empty()
            && !error["remedies"].as_array().unwrap().is_empty()
    );
}

#[test]
fn jsonl_is_an_event_a_line() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);

    let ran = machine.run(&[&TOASTER[..], &["-o", "jsonl"]].concat()).assert_exit(0);

    let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> =
        lines.filter(|line: &serde_json::Value| line["event"] != "phase").collect();
    assert_eq!(lines[0], serde_json::json!({ "event": "connected" }));
    assert_eq!(lines[1]["event"], "assigning");
    assert_eq!(lines.last().unwrap()["status"], "assigned");
}

#[test]
fn the_ready_line_is_as_promised_and_each_registration_a_line_after_it() {
    let machine = Machine::new();
    let mut serve = machine.serve(&["--retry-after", "0s"]);

    machine.run(&TOASTER).assert_exit(0);
    let event = serve.event();

    let ready = &serve.ready;
    let members: Vec<_> = ready.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        [
            "event",
            "mqtt",
            "https",
            "amqp",
            "gateway",
            "admin",
            "caFile",
            "idScope",
            "serviceConnectionString"
        ]
    );
    assert_eq!((&ready["event"], &ready["idScope"]), (&"ready".into(), &"0ne00002193".into()));
    assert!(serve.https().starts_with("127.0.0.1:"));
    assert!(ready["admin"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(ready["amqp"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(ready["gateway"].is_null());
    assert!(serve.ca_file().exists());
    assert_eq!(event["event"], "registration");
    assert_eq!(event["registrationId"], "contoso-toaster-007");
    assert_eq!(event["status"], "assigned");
    assert_eq!(event["enrollment"], "contoso-custom-allocated-devices");
    assert_eq!(event["assignedHub"], HUB);
    assert!(event["errorCode"].is_null() && event["failedCheck"].is_null() && event["ms"].is_u64());
}

#[test]
fn d_3_the_misprinted_key_exits_4_and_both_sides_help_to_find_out() {
    let machine = Machine::new();
    let mut serve = machine.serve(&[]);

    let key = "JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=";
    let ran = machine.run(&[&TOASTER[..], &["--device-key", key]].concat()).assert_exit(4);

    assert!(ran.stderr.contains("401000"), "{}", ran.stderr);
    assert!(ran.stderr.contains("belongs to breakroom499-contoso-tstrsd-007"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI="),
        "the right one: {}",
        ran.stderr
    );
    let event = serve.event();
    assert_eq!(
        (&event["status"], &event["failedCheck"]),
        (&"refused".into(), &"keyOfAnotherDevice".into())
    );
    let log = serve.log_with("a key that belongs to `breakroom499-contoso-tstrsd-007`");
    assert!(log.contains("a key that belongs to `breakroom499-contoso-tstrsd-007`"), "{log}");
    assert!(!log.contains("JC8F"), "never a key: {log}");
}

#[test]
fn d_3_the_group_key_as_device_key_exits_4_and_both_sides_help_to_find_out() {
    let machine = Machine::new();
    let mut serve = machine.serve(&[]);

    let ran = machine.run(&[&TOASTER[..], &["--device-key", TUTORIAL_KEY]].concat()).assert_exit(4);

    assert!(ran.stderr.contains("--device-key is the tutorial's group key"), "{}", ran.stderr);
    assert!(ran.stderr.contains("give it as --group-key"), "{}", ran.stderr);
    assert_eq!(serve.event()["failedCheck"], "groupKeyItself");
    let log = serve.log_with("signed with the group key itself");
    assert!(log.contains("signed with the group key itself"), "{log}");
    assert!(!log.contains("oiK77"), "never a key: {log}");
}

#[test]
fn a_6_a_wrong_id_scope_exits_5_and_names_scope_and_outage() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);

    let ran = machine.run(&[&TOASTER[..], &["--id-scope", "0neFFFFFFFF"]].concat()).assert_exit(5);

    assert!(ran.stderr.contains("CONNACK 3"), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not know the ID scope 0neFFFFFFFF"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the service is down"), "{}", ran.stderr);
    serve.log_with("asks for the ID scope 0neFFFFFFFF; 0ne00002193 is served here");
}

#[test]
fn an_untrusted_certificate_exits_3_before_anything_is_sent() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);
    let elsewhere = Machine::new();
    let other = elsewhere.serve(&[]);
    let register = |ca: &std::path::Path, host: &str| {
        machine.run(&[
            "register",
            "--id-scope",
            "0ne00002193",
            "--reg-id",
            "a",
            "--group-key",
            TUTORIAL_KEY,
            "--host",
            host,
            "--ca-file",
            ca.to_str().unwrap(),
        ])
    };

    let untrusted = register(other.ca_file(), serve.mqtt()).assert_exit(3);

    assert!(untrusted.stderr.contains("not signed by a trusted authority"), "{}", untrusted.stderr);
    serve.log_with("does it trust the CA file?");
}

#[test]
fn without_a_service_local_exits_3_and_says_what_to_start() {
    let machine = Machine::new();

    let ran = machine.run(&TOASTER).assert_exit(3);

    assert!(ran.stderr.contains("start `provision-sim serve`"), "{}", ran.stderr);
}

#[test]
fn a_service_that_died_leaves_a_file_and_the_error_still_says_what_to_start() {
    let machine = Machine::new();
    drop(machine.serve(&[]));

    let ran = machine.run(&TOASTER).assert_exit(3);

    assert!(
        ran.stderr.contains("connection refused")
            && ran.stderr.contains("start `provision-sim serve`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn j_131_back_ends_find_the_connection_strings_of_the_hubs_in_its_file_only() {
    let machine = Machine::new();
    let serve = machine.serve(&[]);

    let text = std::fs::read_to_string(machine.path("state/provision-sim/local.json")).unwrap();

    let local: serde_json::Value = serde_json::from_str(&text).unwrap();
    let of_hub = local["hubConnectionStrings"][HUB].as_str().unwrap();
    let (start, key) = of_hub.split_once(";SharedAccessKey=").unwrap();
    assert_eq!(start, format!("HostName={HUB};SharedAccessKeyName=iothubowner"));
    let of_service = serve.ready["serviceConnectionString"].as_str().unwrap();
    assert!(of_service.ends_with(&format!(";SharedAccessKey={key}")), "J-130");
}

#[cfg(unix)]
#[test]
fn interrupt_and_terminate_end_it_cleanly_and_remove_its_file() {
    for signal in ["INT", "TERM"] {
        let machine = Machine::new();
        let serve = machine.serve(&[]);
        let local = machine.path("state/provision-sim/local.json");
        assert!(local.exists());

        assert_eq!(serve.stop(signal), 0);

        assert!(!local.exists());
    }
}

#[test]
fn a_program_that_started_it_ends_it_by_ending_itself() {
    let machine = Machine::new();
    let mut command = machine.command();
    command.args(["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0"]);
    command.args(["-o", "json", "--until-eof"]);
    let serve = Serve::start(command.stdin(std::process::Stdio::piped()), &machine);
    let local = machine.path("state/provision-sim/local.json");
    assert!(local.exists());

    assert_eq!(serve.end_of_input(), 0);

    assert!(!local.exists());
}

#[test]
fn the_ca_is_made_once_and_reused() {
    let machine = Machine::new();
    let read = |serve: &Serve| std::fs::read_to_string(serve.ca_file()).unwrap();

    let first = machine.serve(&[]);
    let before = read(&first);
    first.end();
    let second = machine.serve(&["--retry-after", "0s"]);

    assert_eq!(read(&second), before);
    machine.run(&[&TOASTER[..], &["--timeout", "30s"]].concat()).assert_exit(0);
}

#[test]
fn a_taken_port_exits_2_and_says_how_to_get_a_free_one() {
    let machine = Machine::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    for ([mqtt, https, amqp], remedy) in [
        ([&port, "0", "0"], "--mqtt-port 0"),
        (["0", &port, "0"], "--https-port 0"),
        (["0", "0", &port], "--amqp-port 0"),
    ] {
        let ports = ["--mqtt-port", mqtt, "--https-port", https, "--amqp-port", amqp];
        let ran = machine.run(&[&["serve"], &ports[..]].concat()).assert_exit(2);

        assert!(ran.stderr.contains(&port) && ran.stderr.contains(remedy), "{}", ran.stderr);
    }
}

#[test]
fn where_443_cannot_be_had_https_is_elsewhere_and_the_log_says_how_to_get_it() {
    let machine = Machine::new();
    // Taken here, or not permitted: either way the service does not get it.
    let _taken = TcpListener::bind("127.0.0.1:443");

    let serve = machine.serve_where_it_can(&[]);

    assert!(serve.https().starts_with("127.0.0.1:") && !serve.https().ends_with(":443"));
    serve.log_with("not at 127.0.0.1:443");
}

#[test]
fn a_configuration_replaces_the_world() {
    let machine = Machine::new();
    let config = machine.file(
        "dps.toml",
        r#"
            idScope = "0neMINE"
            retry-after = "0s"
            linkedHubs = ["mine.azure-devices.net"]
            [[enrollmentGroups]]
            enrollmentGroupId = "mine"
            attestation = { type = "symmetricKey", symmetricKey = { primaryKey = "AAAAAAAAAAAAAAAAAAAAAA==" } }
        "#,
    );
    let serve = machine.serve(&["--config", config.to_str().unwrap()]);

    let without_key = machine.run(&TOASTER).assert_exit(2);
    let ran = machine
        .run(&[&TOASTER[..], &["--group-key", "AAAAAAAAAAAAAAAAAAAAAA=="]].concat())
        .assert_exit(0);

    assert_eq!(serve.ready["idScope"], "0neMINE");
    assert!(
        without_key.stderr.contains("--group-key"),
        "only the tutorial's world has a known key"
    );
    assert!(ran.stdout.contains("mine.azure-devices.net"), "{}", ran.stdout);
}

#[test]
fn mistakes_in_a_configuration_exit_2_with_file_and_place_and_without_keys() {
    let machine = Machine::new();
    let refused = |text: &str| {
        let config = machine.file("bad.toml", text);
        let path = config.to_str().unwrap();
        let ran = machine.run(&["serve", "--mqtt-port", "0", "--config", path]).assert_exit(2);
        assert!(!ran.stderr.contains("c2Vj"), "{}", ran.stderr);
        ran.stderr
    };

    let top = refused("idScope = \"x\"\nprimaryKey = \"c2VjcmV0\"\n");
    let inner = refused(
        "idScope = \"x\"\n[[enrollmentGroups]]\nenrollmentGroupId = \"g\"\nattestation = { type = \"symmetricKey\", symmetricKey = { primaryKey = \"c2VjcmV0*\" } }",
    );

    assert!(top.contains("bad.toml, line 2: unknown member `primaryKey`"), "{top}");
    assert!(
        inner.contains(
            "enrollmentGroups \"g\": attestation.symmetricKey.primaryKey: the key is not Base64"
        ),
        "{inner}"
    );
    machine.run(&["serve", "--config", "/nonexistent"]).assert_exit(2);
}

#[test]
fn bad_input_exits_2_names_the_argument_and_sends_nothing() {
    let machine = Machine::new();
    // Would exit 3 if anything were tried: nothing listens on port 1.
    let base = ["register", "--host", "127.0.0.1:1", "--id-scope", "0ne1", "--reg-id", "a"];
    let key = ["--device-key", "AAAAAAAAAAAAAAAAAAAAAA=="];
    let with_key = |more: &[&'static str]| [&base[..], &key, more].concat();
    for (arguments, named) in [
        (base.to_vec(), "--group-key"),
        ([&base[..], &["--group-key", "c2VjcmV0*"]].concat(), "--group-key"),
        (with_key(&["--group-key", "AAAA"]), "--device-key"),
        (with_key(&["--payload", "{fw:1}"]), "--payload"),
        (with_key(&["--payload", ""]), "--payload"),
        (with_key(&["--payload", "@/nonexistent"]), "--payload"),
        (with_key(&["--ca-file", "/nonexistent"]), "--ca-file"),
        (with_key(&["--ttl", "soon"]), "--ttl"),
        (with_key(&["--timeout", "0s"]), "--timeout"),
        (with_key(&["--host", "https://x"]), "--host"),
        (with_key(&["--api-version", "latest"]), "--api-version"),
        (with_key(&["--reg-id", "a b"]), "--reg-id"),
        (with_key(&["--transport", "carrier-pigeon"]), "--transport"),
    ] {
        let ran = machine.run(&arguments).assert_exit(2);

        assert!(ran.stderr.contains(named), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("c2Vj") && !ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn a_flag_beats_a_variable_and_two_variables_are_too_many() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let wrong = [("IOTHUB_DEVICE_DPS_DEVICE_KEY", "AAAAAAAAAAAAAAAAAAAAAA==")];
    let both = [("PROVISION_SIM_GROUP_KEY", TUTORIAL_KEY), wrong[0]];

    let with_flag = [&TOASTER[..], &["--group-key", TUTORIAL_KEY]].concat();
    machine.run_with(&with_flag, &wrong, "").assert_exit(0);
    machine.run_with(&TOASTER, &wrong, "").assert_exit(4);
    let ran = machine.run_with(&TOASTER, &both, "").assert_exit(2);

    assert!(ran.stderr.contains("are both set"), "{}", ran.stderr);
}

#[test]
fn scope_id_host_and_ca_come_from_the_environment() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let variables = [
        ("IOTHUB_DEVICE_DPS_ID_SCOPE", "0ne00002193"),
        ("IOTHUB_DEVICE_DPS_DEVICE_ID", "contoso-toaster-007"),
        ("IOTHUB_DEVICE_DPS_ENDPOINT", serve.mqtt()),
        ("SSL_CERT_FILE", serve.ca_file().to_str().unwrap()),
        ("PROVISION_SIM_GROUP_KEY", TUTORIAL_KEY),
    ];

    machine.run_with(&["register"], &variables, "").assert_exit(0);
}

#[test]
fn g_3_the_payload_reaches_the_webhook_as_the_value_that_was_given() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let payload = "{ \"z\": 1.50, \"a\": [\"K\\u00fcche\", 12345678901234567890] }";

    machine.run_with(&[&TOASTER[..], &["--payload", "-"]].concat(), &[], payload).assert_exit(0);

    serve.log_with(r#""payload":{"z":1.50,"a":["K\u00fcche",12345678901234567890]}}"#);
}

/// The device is told a code by Azure; here it is told what the service knows of the webhook.
#[test]
fn j_213_a_local_device_is_told_what_was_wrong_with_the_webhook() {
    let machine = Machine::new();
    let config = machine.file(
        "dps.toml",
        &format!(
            "idScope = \"0ne00002193\"\nlinkedHubs = [\"{HUB}\"]\n[[enrollmentGroups]]\n\
             enrollmentGroupId = \"pumps\"\nallocationPolicy = \"custom\"\n\
             attestation = {{ type = \"symmetricKey\", symmetricKey = {{ primaryKey = \"AAAAAAAAAAAAAAAAAAAAAA==\" }} }}\n\
             customAllocationDefinition = {{ webhookUrl = \"http://127.0.0.1:1/?code=s3cret\", apiVersion = \"2021-10-01\" }}\n"
        ),
    );
    let _serve = machine.serve(&["--config", config.to_str().unwrap(), "--retry-after", "0s"]);
    let device =
        ["register", "--local", "--reg-id", "pump-1", "--group-key", "AAAAAAAAAAAAAAAAAAAAAA=="];

    let ran = machine.run(&device).assert_exit(5);
    let json = machine.run(&[&device[..], &["-o", "json"]].concat()).assert_exit(5);

    let reason = "the webhook cannot be reached: cannot connect to 127.0.0.1:1 (127.0.0.1:1): connection refused";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    assert!(json.json()["error"]["causes"][0] == reason, "{}", json.stdout);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

#[test]
fn a_1_an_rsa_certificate_of_ones_own_is_shown_to_devices() {
    let machine = Machine::new();
    let own = [
        "--tls-cert",
        "tests/data/tls/server-rsa.pem",
        "--tls-key",
        "tests/data/tls/server-rsa.key",
    ];
    let serve = machine.serve(&[&["--retry-after", "0s"][..], &own].concat());

    machine.run(&TOASTER).assert_exit(0);
    let wrong_key =
        machine.run(&["serve", "--tls-cert", own[1], "--tls-key", own[1]]).assert_exit(2);
    let no_key = machine.run(&["serve", "--tls-cert", own[1]]).assert_exit(2);

    assert!(serve.ca_file().ends_with("tests/data/tls/server-rsa.pem"));
    assert!(wrong_key.stderr.contains("--tls-cert-key"), "{}", wrong_key.stderr);
    assert!(no_key.stderr.contains("--tls-cert-key"), "{}", no_key.stderr);
}

#[test]
fn webhook_settings_that_are_none_exit_2() {
    let machine = Machine::new();
    for (flag, value) in [
        ("--webhook-ca", "/nonexistent"),
        ("--webhook-timeout", "soon"),
        ("--webhook-retry", "forever"),
    ] {
        let ran = machine.run(&["serve", flag, value]).assert_exit(2);
        assert!(ran.stderr.contains(flag), "{}", ran.stderr);
    }
}

#[test]
fn g_2_what_goes_wrong_with_a_webhook_is_logged_and_its_key_never() {
    let machine = Machine::new();
    let answering = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = answering.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in answering.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope",
            );
        }
    });
    let config = machine.file(
        "dps.toml",
        &format!(
            r#"
                idScope = "0ne00002193"
                retry-after = "0s"
                linkedHubs = ["mine.azure-devices.net"]
                [[enrollmentGroups]]
                enrollmentGroupId = "mine"
                allocationPolicy = "custom"
                customAllocationDefinition = {{ webhookUrl = "http://127.0.0.1:{port}/api/A?code=s3cret", apiVersion = "2021-10-01" }}
                attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{TUTORIAL_KEY}" }} }}
            "#
        ),
    );
    let serve = machine.serve(&["--config", config.to_str().unwrap(), "-vv"]);

    let ran = machine.run(&[&TOASTER[..], &["--group-key", TUTORIAL_KEY]].concat()).assert_exit(5);

    assert!(ran.stderr.contains("the enrollment's webhook answered 404"), "{}", ran.stderr);
    let log = serve.log_with("contoso-toaster-007: the webhook answered 404: \"nope\"");
    assert!(log.contains("contoso-toaster-007: the webhook answered 404: \"nope\""), "{log}");
    assert!(log.contains("/api/A?****"), "{log}");
    assert!(!log.contains("s3cret") && !log.contains("oiK77"), "never a key: {log}");
}
