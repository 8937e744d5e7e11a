//! `run`: scenarios.

use crate::support::cli::{HUB, Machine};

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
fn mistakes_in_a_scenario_exit_2_before_anything_starts() {
    let machine = Machine::new();
    let no_device = machine.file("empty.toml", "");
    let typo = machine.file("typo.toml", "[[device]]\nregistrationID = \"a\"\n");

    let run = |path: &str| machine.run(&["run", SCENARIO, path]).assert_exit(2);

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
