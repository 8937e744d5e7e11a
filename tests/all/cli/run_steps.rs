//! `run`: scenarios of steps.

use std::path::Path;

use crate::support::cli::{Machine, Ran};

const SERVICE: &str = r#"
    [service]
    idScope = "0ne00012345"
    linkedHubs = ["hub-east.azure-devices.net", "hub-west.azure-devices.net"]

    [[service.enrollmentGroups]]
    enrollmentGroupId = "pumps"
    allocationPolicy = "custom"
    customAllocationDefinition = { webhookUrl = "function:allocate", apiVersion = "2021-10-01" }
    attestation = { type = "symmetricKey" }

    [[function]]
    name = "allocate"
    answers = [{ when = { registrationId = "pump-*" }, hub = "hub-east.azure-devices.net" }]

    [[device]]
    registrationId = "pump-{n}"
    count = 3
    group = "pumps"

    [[device]]
    registrationId = "heater-1"
    group = "pumps"
"#;

fn run(steps: &str) -> Ran {
    let machine = Machine::new();
    let file = machine.file("steps.toml", &format!("{SERVICE}\n{steps}"));
    // Programs are found as the user finds them.
    let path = std::env::var("PATH").unwrap_or_default();
    machine.run_with(&["run", file.to_str().unwrap()], &[("PATH", &path)], "")
}

/// What a step that fails is told to have failed by.
#[track_caller]
fn fails(steps: &str, told: &str) {
    let ran = run(steps).assert_exit(5);
    let failures: Vec<_> = ran.stdout.lines().filter(|line| line.contains("FAIL")).collect();
    assert!(
        failures.iter().any(|line| line.contains(told)),
        "{told}: {failures:?}\n{}",
        ran.stdout
    );
}

/// One of the scenarios that the documentation shows.
fn holds(name: &str) {
    let file = format!("fixtures/scenarios/{name}.toml");
    assert!(Path::new(&file).exists(), "{file}");
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Machine::new().run_with(&["run", &file], &[("PATH", &path)], "");
    assert_eq!(ran.exit, 0, "{file}: {}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("passed, 0 failed"), "{}", ran.stdout);
}

macro_rules! scenarios {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test] fn $test() { holds($name); })*

        #[test]
        fn every_scenario_of_the_fixtures_has_a_test() {
            let tested = [$($name),*];
            let all = std::fs::read_dir("fixtures/scenarios").unwrap();
            let names = all.map(|file| file.unwrap().file_name().into_string().unwrap());
            for name in names.filter_map(|it| Some(it.strip_suffix(".toml")?.to_owned())) {
                assert!(tested.contains(&&*name), "{name}.toml has no test here");
            }
        }
    };
}

scenarios! {
    an_authority_is_rolled_over: "certificate-rolled-over",
    an_enrollment_is_disabled_in_the_middle: "disabled-in-the-middle",
    devices_migrate_are_reset_or_stay: "migrate-reset-never",
    a_busy_service_has_devices_wait: "throttled-then-assigned",
    a_service_is_killed_while_it_assigns: "service-killed-while-assigning",
    a_webhook_is_slow_and_broken_and_right: "webhook-slow-broken-right",
    somebodys_own_device_is_a_command: "own-device",
    devices_have_tpms_and_the_heat_pump_is_refused: "tpm",
    certificates_are_issued_and_shown_to_the_hub: "issued-certificates",
    of_a_hundred_devices_every_one_is_assigned: "hundred-devices",
}

#[test]
fn j_280_a_step_that_says_nothing_expects_an_assignment() {
    run("[[step]]\nregister = \"pump-0\"").assert_exit(0);
    fails("[[step]]\nregister = \"heater-1\"", "heater-1: expected status assigned, got failed");
}

#[test]
fn after_a_failed_step_the_rest_is_left_out_and_that_is_said() {
    let ran = run("[[step]]\nregister = \"heater-1\"\n\n\
         [[step]]\nname = \"the other\"\nregister = \"pump-0\"")
    .assert_exit(5);

    assert!(ran.stdout.contains("SKIP the other: a step before it failed"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("--- pump-0"), "{}", ran.stdout);
}

/// J-285.
#[test]
fn what_the_journal_does_not_say_is_told_member_by_member() {
    let register = "[[step]]\nregister = [\"pump-0\", \"pump-1\"]\nparallel = 2\n\n\
                    [[step]]\njournal = \"pump-*\"\n";
    for (expect, told) in [
        ("expect = { registers = 2 }", "pump-0: registers: expected 2, got 1"),
        ("expect = { registers = 1 }", "pump-2: registers: expected 1, got 0"),
        ("total = { assigned = { atMost = 1 } }", "total: assigned: expected at most 1, got 2"),
        ("expect = { refusedBy = \"signature\" }", "expected signature, got nothing: it was not"),
        ("expect = { waited = { atLeast = \"1s\" } }", "pump-0: waited: it was never told to"),
        (
            "expect = { assignedHub = \"hub-west.azure-devices.net\" }",
            "pump-0: assignedHub: expected hub-west.azure-devices.net, got hub-east.azure-devices.net",
        ),
        ("total = { struck = 1 }", "total: struck: expected 1, got 0"),
        ("total = { webhookCalls = 3 }", "total: webhookCalls: expected 3, got 2"),
    ] {
        fails(&format!("{register}{expect}"), told);
    }
}

#[test]
fn what_stands_in_a_twin_an_enrollment_or_a_record_is_held_against_what_is_expected() {
    let register = "[[step]]\nregister = \"pump-0\"\nconnect = true\n\n[[step]]\n";
    for (step, told) in [
        (
            "twin = \"pump-0\"\ndesired = { fan = \"on\" }\nexpect = { desired = { fan = \"off\" } }",
            "pump-0: twin.desired.fan: expected \"off\", got \"on\"",
        ),
        (
            "enrollment = \"pumps\"\ndisable = true\nexpect = { provisioningStatus = \"enabled\" }",
            "enrollment.provisioningStatus: expected \"enabled\", got \"disabled\"",
        ),
        ("enrollment = \"valves\"\ndelete = true", "there is no enrollment or enrollment group"),
        (
            "record = \"pump-1\"\nexpect = { status = \"assigned\" }",
            "pump-1: record.status: expected",
        ),
        ("record = \"pump-1\"\ndelete = true", "pump-1: the service answered 404"),
        ("connect = \"pump-1\"", "pump-1: it was not assigned to any hub"),
    ] {
        fails(&format!("{register}{step}"), told);
    }
}

#[test]
fn what_a_device_reports_and_a_back_end_wants_is_in_its_twin() {
    run(r#"
        [[step]]
        register = "pump-0"

        [[step]]
        report = "pump-0"
        properties = { fw = "1.0", old = 1 }

        [[step]]
        report = "pump-0"
        properties = { fw = "1.1" }

        [[step]]
        wait = { device = "pump-0", atHub = true }

        [[step]]
        twin = "pump-0"
        desired = { fan = "on" }
        tags = { site = "north" }
        expect = { tags = { site = "north" }, desired = { fan = "on" }, reported = { fw = "1.1", old = 1 } }

        [[step]]
        service = "restart"

        [[step]]
        wait = { device = "pump-0", atHub = false }

        [[step]]
        name = "it signs in again to report"
        report = "pump-0"
        properties = { old = 2 }

        [[step]]
        connect = "pump-0"
        expect = { desired = { fan = "on" }, reported = { fw = "1.1", old = 2 } }
    "#)
    .assert_exit(0);
}

#[test]
fn j_281_who_is_killed_tells_nobody_and_has_what_was_kept() {
    run(r#"
        [[step]]
        register = "pump-*"
        parallel = 3

        [[step]]
        service = "kill"

        [[step]]
        name = "nobody is there"
        register = "pump-0"
        within = "5s"
        expect = { status = "error" }

        [[step]]
        service = "start"

        [[step]]
        record = "pump-*"
        expect = { status = "assigned" }

        [[step]]
        register = "pump-0"
        expect = { status = "assigned", substatus = "reprovisionedToInitialAssignment" }
    "#)
    .assert_exit(0);
}

#[test]
fn j_283_an_enrollment_is_made_changed_and_deleted() {
    run(r#"
        [[step]]
        enrollment = "valves"
        create = { attestation = { type = "symmetricKey" }, allocationPolicy = "hashed" }
        expect = { enrollmentGroupId = "valves", allocationPolicy = "hashed", provisioningStatus = "enabled" }

        [[step]]
        enrollment = "valves"
        change = { allocationPolicy = "static", iotHubs = ["hub-west.azure-devices.net"] }
        expect = { allocationPolicy = "static", iotHubs = ["hub-west.azure-devices.net"] }

        [[step]]
        enrollment = "one-valve"
        create = { registrationId = "one-valve", attestation = { type = "symmetricKey" } }
        expect = { registrationId = "one-valve", enrollmentGroupId = { absent = true } }

        [[step]]
        enrollment = "valves"
        delete = true

        [[step]]
        name = "its keys outlive a change"
        enrollment = "pumps"
        change = { allocationPolicy = "static", iotHubs = ["hub-west.azure-devices.net"], customAllocationDefinition = "none" }
        onAzure = "fail"
    "#)
    .assert_exit(5);
    run(r#"
        [[step]]
        enrollment = "pumps"
        change = { reprovisionPolicy = { updateHubAssignment = true, migrateDeviceData = false } }

        [[step]]
        register = "pump-1"
    "#)
    .assert_exit(0);
}

#[test]
fn j_286_faults_of_a_step_outlive_a_restart_until_they_are_off() {
    run(r#"
        [[step]]
        fault = "register status=429 retry-after=0 times=1 scope=device"

        [[step]]
        register = "pump-0"

        [[step]]
        service = "restart"

        [[step]]
        name = "again"
        register = "pump-0"

        [[step]]
        wait = { device = "pump-0", struck = 2, registers = 4 }

        [[step]]
        faults = "off"

        [[step]]
        name = "no more"
        register = "pump-0"

        [[step]]
        journal = "pump-0"
        since = "no more"
        expect = { registers = 1, struck = 0 }
    "#)
    .assert_exit(0);
}

#[cfg(unix)]
#[test]
fn a_program_is_told_who_it_is_and_its_output_has_no_key_in_it() {
    let ran = run(r#"
        [[step]]
        command = ["sh", "-c", "echo $DPS_REGISTRATION_ID {id-scope} $MORE; echo $DPS_DEVICE_KEY >&2; exit 3"]
        device = "pump-0"
        env = { MORE = "and more" }
        expect = { exit = 3, stdout = "pump-0 0ne00012345 and more", stderr = { regex = "^[*]+$" } }
    "#);
    ran.assert_exit(0);
    fails(
        "[[step]]\ncommand = [\"sh\", \"-c\", \"echo no luck; exit 4\"]\nexpect = { stdout = { regex = \"^luck\" } }",
        "exit: expected 0, got 4; stdout: expected like /^luck/, got \"no luck\"",
    );
    fails("[[step]]\ncommand = [\"no-such-program\"]", "\"no-such-program\" cannot be run");
    fails("[[step]]\ncommand = [\"echo\", \"{device-key}\"]", "says nothing of whose device it is");
}

#[cfg(unix)]
#[test]
fn a_step_whose_time_is_up_has_failed_and_leaves_nothing_behind() {
    fails(
        "[[step]]\nwithin = \"300ms\"\ncommand = [\"sh\", \"-c\", \"sleep 600\"]",
        "it still ran after 300 ms, and was ended",
    );
    fails(
        "[[step]]\nregister = \"pump-0\"\n\n[[step]]\nwithin = \"300ms\"\n\
         wait = { device = \"pump-0\", polls = 99 }",
        "its last registration is assigned, polled 1 times",
    );
    fails(
        "[[function]]\nname = \"slow\"\nanswers = [{ close = true }]\n\n[[step]]\nwithin = \"300ms\"\n\
         wait = { function = \"slow\" }",
        "it was not done within 300 ms; it never came to function slow was asked 1 times",
    );
}

#[test]
fn mistakes_in_steps_are_told_with_their_line_before_anything_starts() {
    for (step, told) in [
        ("regster = \"pump-0\"", "unknown member `regster`"),
        ("regster = \"pump-0\"", "did you mean `register`?"),
        ("name = \"x\"", "say what the step does: one of register, connect"),
        ("register = \"pump-0\"\nservice = \"stop\"", "a step does one thing"),
        ("register = \"pmup-0\"", "there is no [[device]] \"pmup-0\"; did you mean \"pump-0\"?"),
        ("service = \"stop\"\nparallel = 2", "parallel: it does not go with service"),
        ("service = \"start\"", "start: the service runs already then"),
        ("service = \"halt\"", "unknown value `halt`"),
        ("register = \"pump-0\"\nwithin = \"soon\"", "within: write a duration"),
        (
            "register = \"pump-0\"\ntransport = \"coap\"",
            "\"coap\" is none of mqtt, mqtt-ws, https, amqp",
        ),
        ("register = \"pump-0\"\nparallel = 0", "parallel: it is from 1 to 1000"),
        ("register = \"pump-0\"\nexpect = { satus = 1 }", "unknown member `satus`"),
        ("fault = \"poll statsu=503\"", "did you mean status?"),
        ("fault = []", "name at least one rule"),
        ("function = \"alocate\"\nanswers = [{ close = true }]", "did you mean \"allocate\"?"),
        ("function = \"allocate\"", "answers: say what it answers"),
        ("function = \"allocate\"\nanswers = [{}]", "an answer has hub, status, body or close"),
        ("wait = { step = \"later\" }", "there is no step before this one with the name \"later\""),
        ("wait = { polls = 2 }", "say of which device"),
        ("journal = \"pump-0\"", "say what must stand there"),
        ("journal = \"pump-0\"\ntotal = { waited = { atLeast = \"1s\" } }", "of each device only"),
        (
            "journal = \"pump-0\"\nexpect = { registers = -1 }",
            "expected a whole number, or an object",
        ),
        ("record = \"pump-0\"", "say either delete = true or expect"),
        ("enrollment = \"pumps\"\ndelete = true\ndisable = true", "in one way only"),
        ("enrollment = \"pumps\"\ndelete = false", "it is true, or not there at all"),
        ("command = []", "name a program"),
        ("report = \"pump-0\"", "say what is reported"),
        ("twin = \"pump-0\"", "say what to set (desired, tags) or to expect"),
    ] {
        let ran = run(&format!("[[step]]\n{step}")).assert_exit(2);
        assert!(
            ran.stderr.contains(told) && ran.stderr.contains("line 2"),
            "{step}: {}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "", "{step}");
    }
}
