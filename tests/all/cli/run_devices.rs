//! `run`: devices of every kind, variables, and what is expected of them.

use crate::support::cli::Machine;

/// An instance with two groups: for certificates below `pumps-root`, and for keys that nobody wrote.
const SERVICE: &str = r#"
    [[authority]]
    name = "pumps-root"

    [[authority]]
    name = "pumps-factory"
    issuer = "pumps-root"

    [service]
    idScope = "0ne00012345"
    linkedHubs = ["west.azure-devices.net"]

    [[service.certificates]]
    name = "pumps-root"
    certificate = "${authority:pumps-root}"

    [[service.enrollmentGroups]]
    enrollmentGroupId = "pumps"
    attestation = { type = "x509", x509 = { caReferences = { primary = "pumps-root" } } }

    [[service.enrollmentGroups]]
    enrollmentGroupId = "valves"
    attestation = { type = "symmetricKey" }
"#;

const TRANSPORTS: [&str; 5] = ["mqtt", "mqtt-ws", "https", "amqp", "amqp-ws"];

#[test]
fn a_certificate_made_on_the_spot_is_assigned_and_with_each_flaw_refused_on_every_transport() {
    let machine = Machine::new();
    let mut text = SERVICE.to_owned();
    for transport in TRANSPORTS {
        text.push_str(&format!(
            "[[device]]\nregistrationId = \"good-{transport}\"\ntransport = \"{transport}\"\n\
             x509 = {{ issuer = \"pumps-factory\" }}\n\
             expect = {{ assignedHub = \"west.azure-devices.net\", answer.registrationState.x509.enrollmentGroupId = \"pumps\" }}\n"
        ));
        for flaw in ["expired", "not-yet-valid", "wrong-name", "wrong-chain", "self-signed"] {
            text.push_str(&format!(
                "[[device]]\nregistrationId = \"{flaw}-{transport}\"\ntransport = \"{transport}\"\n\
                 x509 = {{ issuer = \"pumps-factory\", flaw = \"{flaw}\" }}\nexpect = \"refused\"\n"
            ));
        }
    }
    let file = machine.file("flaws.toml", &text);

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(0);

    assert!(ran.stdout.ends_with("30 passed, 0 failed\n"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("try: "), "all of it was expected: {}", ran.stderr);
}

#[test]
fn d_3_devices_of_a_group_register_with_either_key_that_nobody_wrote() {
    let machine = Machine::new();
    let text = format!(
        "{SERVICE}\n[[device]]\nregistrationId = \"valve-{{n}}\"\ncount = 3\ngroup = \"valves\"\n\
         transport = \"https\"\napiVersion = \"2019-03-31\"\n\
         [[device]]\nregistrationId = \"other\"\ngroup = \"VALVES\"\nkey = \"secondary\"\n\
         expect = {{ substatus = \"initialAssignment\", deviceId = {{ regex = \"^other$\" }} }}\n"
    );
    let file = machine.file("keys.toml", &text);

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(0);

    assert!(ran.stdout.contains("PASS valve-2: assigned to"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("4 passed, 0 failed\n"), "{}", ran.stdout);
}

#[test]
fn lists_keys_and_certificates_are_found_beside_the_scenario() {
    let machine = Machine::new();
    let pki = machine.path("pki");
    machine.run(&["pki", "--out", pki.to_str().unwrap(), "--reg-id", "own"]).assert_exit(0);
    machine.file("devices.csv", "registrationId,payload,expectedHub\nlisted-1,\"{\"\"a\"\":1}\",west.azure-devices.net\nlisted-2,,east.azure-devices.net\n");
    let text = r#"
        [[authority]]
        name = "root"
        certificate = "pki/root-cert.pem"
        key = "pki/root-key.pem"

        [service]
        idScope = "0ne00012345"
        linkedHubs = ["west.azure-devices.net"]
        x509.requireVerifiedCa = false
        [[service.enrollmentGroups]]
        enrollmentGroupId = "pumps"
        attestation = { type = "x509", x509 = { signingCertificates = { primary = { certificate = "${authority:root}" } } } }

        [[device]]
        registrationId = "own"
        x509 = { certificate = "pki/devices/own-chain.pem", key = "pki/devices/own-key.pem" }

        [[device]]
        csv = "devices.csv"
        group = "pumps"
    "#;
    let file = machine.file("beside.toml", text);

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(5);

    assert!(ran.stdout.contains("PASS own: assigned to west.azure-devices.net"), "{}", ran.stdout);
    assert!(ran.stdout.contains("PASS listed-1: assigned"), "{}", ran.stdout);
    let told =
        "FAIL listed-2: expected assignedHub east.azure-devices.net, got west.azure-devices.net\n";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
}

/// J-270.
#[test]
fn a_secret_is_not_printed_wherever_it_stands() {
    let machine = Machine::new();
    let text = format!(
        "[variables]\nkey = {{ secret = true }}\n{SERVICE}\n\
         [[device]]\nregistrationId = \"a\"\ndeviceKey = \"${{key}}\"\n\
         expect = {{ errorMessage = \"${{key}}\" }}\n"
    );
    let file = machine.file("secret.toml", &text);
    let file = file.to_str().unwrap();
    let secret = "bm90IGZvciBhbnlib2R5J3MgZXllcywgbm90IGV2ZW4=";
    let var = format!("key={secret}");

    for format in ["text", "json", "jsonl"] {
        let ran = machine.run(&["run", file, "--var", &var, "-o", format, "-vv"]).assert_exit(5);

        assert!(ran.stdout.contains("***"), "{}", ran.stdout);
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{}", ran.stderr);
    }
    let heard = machine.file(
        "heard.toml",
        "[variables]\nword = { secret = true }\n[[device]]\nregistrationId = \"contoso-heatpump-1\"\n\
         groupKey = \"oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==\"\n\
         payload = { word = \"${word}\" }\nexpect = \"failed\"\n",
    );
    let heard = heard.to_str().unwrap();
    let logged = machine.run(&["run", heard, "--var", &format!("word={secret}"), "-vv"]);
    assert!(logged.stderr.contains("***") && !logged.stderr.contains(secret), "{}", logged.stderr);
    let none = machine.run(&["run", file]).assert_exit(2);
    let told = "line 2: variables.key: it has no value; give it by --var key=VALUE";
    assert!(none.stderr.contains(told), "{}", none.stderr);
    let named = machine.run_with(&["run", file], &[("key", secret)], "").assert_exit(5);
    assert!(named.stdout.contains("expected errorMessage \"***\""), "{}", named.stdout);
    machine.run(&["run", file, "--var", "key"]).assert_exit(2);
    let slip = machine.run(&["run", file, "--var", &var, "--var", "kez=1"]).assert_exit(2);
    assert!(slip.stderr.contains("--var: no file has a variable kez\n"), "{}", slip.stderr);
    assert!(slip.stderr.contains("did you mean --var key="), "{}", slip.stderr);
}

#[test]
fn a_difference_in_a_payload_names_the_member() {
    let machine = Machine::new();
    let text = format!(
        "{SERVICE}\n[[device]]\nregistrationId = \"a\"\ngroup = \"valves\"\n\
         expect = {{ payload = {{ model = \"x\" }}, answer = {{ status = {{ regex = \"^assign\" }}, registrationState.substatus = \"other\" }}, took = {{ atLeast = \"1h\" }} }}\n"
    );
    let file = machine.file("payload.toml", &text);

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(5);

    let told = "FAIL a: payload.model: expected \"x\", got none; \
                answer.registrationState.substatus: expected \"other\", got \"initialAssignment\"; \
                took: expected at least 1h, got ";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
}

/// A twin is looked at by whoever is at the hub: the device goes on to it.
#[test]
fn a_device_whose_twin_is_expected_goes_on_to_its_hub() {
    let machine = Machine::new();
    let text = format!(
        "{SERVICE}    initialTwin = {{ tags = {{ site = \"hall-3\" }}, properties = {{ desired = {{ interval = 60 }} }} }}\n\
         [[device]]\nregistrationId = \"a\"\ngroup = \"valves\"\n\
         expect = {{ twin = {{ tags = {{ site = \"hall-3\" }}, desired = {{ interval = 15 }} }} }}\n"
    );
    let file = machine.file("twin.toml", &text);

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(5);

    let told = "FAIL a: twin.desired.interval: expected 15, got 60\n";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
}

/// As a file without steps has had it since it was said which devices there are.
#[test]
fn one_registration_id_may_be_declared_with_two_keys() {
    let machine = Machine::new();
    let wrong = "bm90IHRoZSBrZXkgb2YgcHVtcC0yLCBidXQgYSB3cm9uZyBvbmU=";
    let text = format!(
        "{SERVICE}\n[[device]]\nregistrationId = \"a\"\ngroup = \"valves\"\n\
         [[device]]\nregistrationId = \"a\"\ndeviceKey = \"{wrong}\"\nexpect = \"refused\"\n"
    );
    let file = machine.file("twice.toml", &text);

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(0);

    assert!(ran.stdout.contains("PASS a: assigned to west"), "{}", ran.stdout);
    assert!(ran.stdout.contains("PASS a: refused with 401000"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("2 passed, 0 failed\n"), "{}", ran.stdout);
}

/// J-275.
#[test]
fn j_275_what_was_begun_before_an_enrollment_was_disabled_comes_to_its_end() {
    let file = "fixtures/scenarios/disabled-in-the-middle.toml";

    let ran = Machine::new().run(&["run", file]).assert_exit(0);

    let at = |text: &str| ran.stdout.find(text).unwrap_or_else(|| panic!("{text}: {}", ran.stdout));
    let begun = at("PASS pump-1: assigned to contoso-pumps.azure-devices.net");
    let disabled = at("disable the group in the midst of it");
    let again = at("PASS pump-1: disabled: ");
    assert!(begun < again && disabled < again, "{}", ran.stdout);
}

#[test]
fn j_486_devices_ask_for_certificates_of_an_authority_beside_the_scenario() {
    let machine = Machine::new();
    let pki = machine.path("pki");
    machine.run(&["pki", "--out", pki.to_str().unwrap()]).assert_exit(0);
    let text = |device: &str| {
        format!(
            r#"
            [service]
            idScope = "0ne00012345"
            linkedHubs = ["west.azure-devices.net"]

            [[service.certificateAuthorities]]
            namespaceName = "fleet"
            name = "line-1"
            certificate = "pki/root-cert.pem"
            key = "pki/root-key.pem"
            policies = [{{ name = "short", validity = "1h" }}]

            [[service.enrollmentGroups]]
            enrollmentGroupId = "pumps"
            attestation.type = "symmetricKey"
            namespaceName = "fleet"
            certificateAuthorityName = "line-1"

            [[device]]
            registrationId = "pump-1"
            group = "pumps"
            {device}
            "#
        )
    };
    let run = |device: &str| {
        let file = machine.file("asks.toml", &text(device));
        machine.run(&["run", file.to_str().unwrap(), "-o", "json"])
    };
    let outcome = |ran: &crate::support::cli::Ran| ran.json()["devices"][0].clone();

    let issued = run("csr = true\nexpect.issued = { subject = \"pump-1\", length = 2 }");
    let none = run("expect.issued = true").assert_exit(5);
    let other = run("csr = true\nexpect = { status = \"assigned\", issued = { length = 3 } }");
    let early = run("csr = true\napiVersion = \"2021-06-01\"\nexpect.issued = false");

    let actual = &outcome(&issued.assert_exit(0))["actual"]["issued"];
    assert_eq!(actual["validity"], "1h5m", "{actual}");
    assert!(none.stdout.contains("issued: expected a certificate, got none"), "{}", none.stdout);
    assert!(other.stdout.contains("issued.length: expected 3, got 2"), "{}", other.stdout);
    early.assert_exit(0);
    let wrong =
        machine.file("wrong.toml", &text("csr = true").replace("pki/root-key.pem", "none.pem"));
    let wrong = machine.run(&["run", wrong.to_str().unwrap()]).assert_exit(2);
    for part in ["certificateAuthorities", "key", "cannot read none.pem"] {
        assert!(wrong.stderr.contains(part), "{part}: {}", wrong.stderr);
    }
}
