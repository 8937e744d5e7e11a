//! `run`: scenarios.

use crate::support::cli::{HUB, Machine, TUTORIAL_KEY};

const SCENARIO: &str = "fixtures/contoso/scenario.toml";

#[test]
fn the_toaster_is_accepted_and_the_heat_pump_is_rejected() {
    let ran = Machine::new().run(&["run", SCENARIO]).assert_exit(0);

    let version = env!("CARGO_PKG_VERSION");
    let header = format!("Provisioning API Version: {version}\n\nRegistering Device\n\n");
    let statuses = "Provisioning Status: PROV_DEVICE_REG_STATUS_CONNECTED\n\
                    Provisioning Status: PROV_DEVICE_REG_STATUS_ASSIGNING\n\
                    Provisioning Status: PROV_DEVICE_REG_STATUS_ASSIGNING\n\n";
    assert_eq!(
        ran.stdout,
        format!(
            "--- contoso-toaster-007\n{header}{statuses}\
             Registration Information received from service: {HUB}, deviceId: contoso-toaster-007\n\n\
             PASS contoso-toaster-007: assigned to {HUB}, as expected\n\n\
             --- contoso-heatpump-088\n{header}{statuses}\
             Failure registering device: PROV_DEVICE_RESULT_DEV_AUTH_ERROR\n\n\
             PASS contoso-heatpump-088: failed with 400207, Custom allocation failed with status code: 400, as expected\n\n\
             2 passed, 0 failed\n"
        )
    );
    assert!(ran.stderr.starts_with("error: Provisioning Failure: OperationId: "), "{}", ran.stderr);
    let reason = "the webhook answered 400: \"";
    assert!(ran.stderr.contains(reason), "as in the journal (J-213): {}", ran.stderr);
}

#[test]
fn json_has_a_verdict_per_device() {
    let json = Machine::new().run(&["run", SCENARIO, "-o", "json"]).assert_exit(0).json();

    assert_eq!((&json["passed"], &json["failed"]), (&2.into(), &0.into()));
    assert_eq!(json["devices"][0]["actual"]["assignedHub"], HUB);
    assert_eq!(json["devices"][1]["actual"]["errorCode"], 400_207);
}

#[test]
fn what_is_not_as_expected_exits_5_and_says_how_it_differs() {
    let machine = Machine::new();
    let scenario = std::fs::read_to_string(SCENARIO).unwrap();
    let wrong =
        scenario.replace("expect = { errorCode = 400207,", "expect = { errorCode = 400208,");
    let file = machine.file("wrong.toml", &wrong);

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(5);

    assert!(
        ran.stdout.contains("FAIL contoso-heatpump-088: expected errorCode 400208, got 400207\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.ends_with("1 passed, 1 failed\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains("\n  try: "), "an unexpected failure is explained: {}", ran.stderr);
}

#[test]
fn a_scenario_without_a_service_is_played_in_the_tutorials_world() {
    let machine = Machine::new();
    let file = machine.file(
        "simulated.toml",
        r#"
            [[device]]
            registrationId = "anything"
            groupKey = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
            expect = { assignedHub = "contoso-toasters-hub-1098.azure-devices.net" }

            [[device]]
            registrationId = "contoso-toaster-007"
            deviceKey = "JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs="
            expect = { status = "refused", errorCode = 401000 }
        "#,
    );

    let ran = machine.run(&["run", file.to_str().unwrap()]).assert_exit(0);

    assert!(ran.stdout.ends_with("2 passed, 0 failed\n"), "{}", ran.stdout);
}

#[test]
fn mistakes_in_a_scenario_exit_2() {
    let machine = Machine::new();
    let no_device = machine.file("empty.toml", "");
    let typo = machine.file("typo.toml", TYPO);

    let run = |path: &str| machine.run(&["run", path]).assert_exit(2);

    assert!(run("/nonexistent").stderr.contains("/nonexistent"));
    assert!(run(no_device.to_str().unwrap()).stderr.contains("it has no [[device]]"));
    let typo = run(typo.to_str().unwrap());
    assert!(
        typo.stderr.contains("line 2: device[0]: unknown member `registrationID`"),
        "{}",
        typo.stderr
    );
    assert_eq!(typo.stdout, "");
    machine.run(&["run"]).assert_exit(2);
}

const TYPO: &str = "[[device]]\nregistrationID = \"a\"\n";

/// The tutorial, expecting another code: one device passes, one fails.
fn wrong(machine: &Machine) -> String {
    let scenario = std::fs::read_to_string(SCENARIO).unwrap();
    let wrong = scenario.replace("errorCode = 400207,", "errorCode = 400208,");
    machine.file("wrong.toml", &wrong).to_str().unwrap().to_owned()
}

#[test]
fn j_301_a_file_that_cannot_be_read_does_not_stop_the_others() {
    let machine = Machine::new();
    let typo = machine.file("typo.toml", TYPO);
    let typo = typo.to_str().unwrap();

    let ran = machine.run(&["run", typo, SCENARIO]).assert_exit(2);

    assert!(
        ran.stdout.starts_with(&format!("=== {typo}\n\nFAIL {typo}, line 2: ")),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains(&format!("\n=== {SCENARIO}\n\n--- contoso-toaster-007\n")));
    assert!(ran.stdout.ends_with("2 passed, 0 failed, 1 broken\n"), "{}", ran.stdout);
    let json = machine.run(&["run", typo, SCENARIO, "-o", "json"]).assert_exit(2).json();
    assert_eq!((&json["passed"], &json["broken"]), (&2.into(), &1.into()));
    assert!(json["files"][0]["error"].as_str().unwrap().contains("line 2"));
    assert_eq!(json["files"][1]["cases"][1]["outcome"], "passed");
    // A scenario that fails goes before one that cannot be read.
    machine.run(&["run", typo, &wrong(&machine)]).assert_exit(5);
}

#[test]
fn quiet_prints_what_failed_and_the_last_line() {
    let machine = Machine::new();
    let wrong = wrong(&machine);

    let good = machine.run(&["run", SCENARIO, "-q"]).assert_exit(0);
    assert_eq!((&*good.stdout, &*good.stderr), ("2 passed, 0 failed\n", ""));

    let bad = machine.run(&["run", SCENARIO, &wrong, "-q"]).assert_exit(5);
    assert!(
        bad.stdout.starts_with(&format!("=== {wrong}\n\n--- contoso-heatpump-088\n")),
        "{}",
        bad.stdout
    );
    assert!(bad.stdout.ends_with(", got 400207\n\n3 passed, 1 failed\n"), "{}", bad.stdout);
    assert!(bad.stderr.starts_with("error: Provisioning Failure: "), "{}", bad.stderr);
}

/// What a device is told differs from run to run in IDs and ports alone, and none is in what is printed here.
#[test]
fn files_that_are_played_at_once_are_shown_whole_and_in_order() {
    let machine = Machine::new();
    let wrong = wrong(&machine);
    let files = [SCENARIO, &*wrong, SCENARIO, SCENARIO];
    let run = |jobs: &str| {
        let arguments = [&["run", "--jobs", jobs][..], &files].concat();
        machine.run(&arguments).assert_exit(5).stdout
    };

    assert_eq!(run("3"), run("1"));
}

#[test]
fn a_filter_chooses_and_a_list_names_what_would_be_played() {
    let machine = Machine::new();
    let run = |arguments: &[&str]| machine.run(&[&["run", SCENARIO], arguments].concat());

    let list = run(&["--list"]).assert_exit(0).stdout;
    assert_eq!(
        list,
        format!("{SCENARIO}: contoso-toaster-007\n{SCENARIO}: contoso-heatpump-088\n")
    );
    let json = run(&["--list", "--filter", "*heat*", "-o", "json"]).assert_exit(0).json();
    assert_eq!(json[0]["cases"], serde_json::json!(["contoso-heatpump-088"]));
    let played = run(&["--filter", "*TOASTER-???"]).assert_exit(0).stdout;
    assert!(played.ends_with("\n1 passed, 0 failed\n") && !played.contains("heatpump"), "{played}");
    let nothing = run(&["--filter", "pump-*"]).assert_exit(2);
    assert!(nothing.stderr.contains("nothing is called pump-*"), "{}", nothing.stderr);
    run(&["--filter", ""]).assert_exit(2);
    run(&["--jobs", "0"]).assert_exit(2);
}

#[test]
fn j_300_results_are_written_for_ci_systems_and_for_people() {
    let machine = Machine::new();
    let (junit, report) = (machine.path("results.xml"), machine.path("results.html"));
    let typo = machine.file("typo.toml", TYPO);
    let [junit, report, typo] = [&junit, &report, &typo].map(|path| path.to_str().unwrap());
    let arguments = ["run", &wrong(&machine), typo, "--junit", junit, "--report", report];

    machine.run(&arguments).assert_exit(5);

    let text = std::fs::read_to_string(junit).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let cases: Vec<_> = document
        .descendants()
        .filter(|it| it.has_tag_name("testcase"))
        .map(|it| {
            let inner = it.first_element_child().map(|it| it.tag_name().name());
            (it.attribute("name").unwrap(), inner)
        })
        .collect();
    assert_eq!(
        cases,
        [
            ("contoso-toaster-007", None),
            ("contoso-heatpump-088", Some("failure")),
            ("the file", Some("error"))
        ]
    );
    let failure = document.descendants().find(|it| it.has_tag_name("failure")).unwrap();
    let conversation = failure.text().unwrap();
    for said in ["What happened:", "webhook answers 400", "Device:", "Log of the service:"] {
        assert!(conversation.contains(said), "{said}: {conversation}");
    }
    let page = std::fs::read_to_string(report).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("contoso-heatpump-088"));
    let nowhere = machine.run(&["run", SCENARIO, "--junit", "/nonexistent/a.xml"]).assert_exit(2);
    assert_eq!(nowhere.stdout, "", "nothing is played first");
}

#[test]
fn what_was_said_in_a_case_that_failed_is_kept_in_a_folder() {
    let machine = Machine::new();
    let folder = machine.path("failed");
    let arguments = ["run", &wrong(&machine), "--artifacts", folder.to_str().unwrap()];

    machine.run(&arguments).assert_exit(5);

    let folders: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    let [folder] = &folders[..] else { panic!("{folders:?}") };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("case.txt").contains("failed after "));
    assert!(read("device.txt").contains("> PUBLISH $dps/registrations/PUT/iotdps-register/"));
    let json = |name: &str| serde_json::from_str::<serde_json::Value>(&read(name)).unwrap();
    assert_eq!(json("journal.json")[0]["registrationId"], "contoso-heatpump-088");
    assert_eq!(json("webhook.json")[0]["attempts"][0]["status"], 400);
    let log = read("service.log");
    assert!(log.contains("INFO contoso-heatpump-088: registering"), "{log}");
}

/// A device that waits for a webhook that never answers, and one that comes after it.
#[cfg(unix)]
#[test]
fn j_302_after_ctrl_c_what_ran_is_reported() {
    let machine = Machine::new();
    let webhook = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", webhook.local_addr().unwrap());
    let device = |id: &str| {
        format!("[[device]]\nregistrationId = \"{id}\"\ngroupKey = \"{TUTORIAL_KEY}\"\n")
    };
    let service = format!(
        "[service]\nidScope = \"0ne00002193\"\nlinkedHubs = [\"{HUB}\"]\n\
         [[service.enrollmentGroups]]\nenrollmentGroupId = \"toasters\"\nallocationPolicy = \"custom\"\n\
         iotHubs = [\"{HUB}\"]\ncustomAllocationDefinition = {{ webhookUrl = \"{url}\", apiVersion = \"2019-03-31\" }}\n\
         attestation = {{ type = \"symmetricKey\", symmetricKey = {{ primaryKey = \"{TUTORIAL_KEY}\" }} }}\n"
    );
    let file = machine.file("slow.toml", &format!("{service}{}{}", device("a"), device("b")));
    let junit = machine.path("results.xml");
    let mut child = machine
        .command()
        .args(["run", file.to_str().unwrap(), "--junit", junit.to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The first device is in the middle of it as soon as its webhook is asked.
    let _open = webhook.accept().unwrap();

    let told = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(told.unwrap().success());

    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(130));
    let text = std::fs::read_to_string(junit).unwrap();
    assert_eq!(text.matches("<skipped message=\"stopped by Ctrl-C\"/>").count(), 2, "{text}");
}
