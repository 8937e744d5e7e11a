//! `serve` with quotas, as a user runs it: flags, configuration, and what a device says of a 429.

use crate::support::cli::{Machine, Ran, TUTORIAL_KEY};

/// The tutorial's toaster, with its key: a service with a configuration does not have that.
fn register(machine: &Machine, timeout: &str) -> Ran {
    let device = ["register", "--local", "--reg-id", "contoso-toaster-007"];
    machine.run(&[&device[..], &["--group-key", TUTORIAL_KEY, "--timeout", timeout]].concat())
}

#[test]
fn h_3_a_quota_given_by_flag_is_kept_and_the_device_waits_to_its_deadline() {
    let machine = Machine::new();
    let mut serve = machine.serve(&[
        "--retry-after",
        "0s",
        "--quotas",
        "azure",
        "--quota",
        "registrations=1/h",
    ]);

    register(&machine, "1m").assert_exit(0);
    let throttled = register(&machine, "1s").assert_exit(6);

    assert!(
        throttled.stderr.contains("Operations are being throttled for this tenant. (429001)"),
        "{throttled:?}"
    );
    assert_eq!(serve.event()["status"], "assigned");
    let event = serve.event();
    assert_eq!((&event["status"], &event["errorCode"]), (&"refused".into(), &429_001.into()));
    assert_eq!(event["failedCheck"], "quota");
    serve.log_with("refused with 429: the quota registrations=1/h is used up (H.3)");
}

#[test]
fn the_configurations_quotas_are_kept_unless_a_flag_lifts_them() {
    let machine = Machine::new();
    let world = std::fs::read_to_string("fixtures/contoso/world.toml").unwrap();
    let config = |quotas: &str| {
        machine.file("config.toml", &format!("{world}\n[quotas]\n{quotas}\n")).display().to_string()
    };

    let path = config("preset = \"azure\"\nregistrations = \"1/h\"");
    {
        let _serve = machine.serve(&["--retry-after", "0s", "--config", &path]);
        register(&machine, "1m").assert_exit(0);
        register(&machine, "1s").assert_exit(6);
    }
    let _serve = machine.serve(&["--retry-after", "0s", "--config", &path, "--quotas", "none"]);
    for _ in 0..2 {
        register(&machine, "1m").assert_exit(0);
    }
}

#[test]
fn a_mistake_in_a_quota_is_bad_input_and_named_with_the_remedy() {
    let machine = Machine::new();
    let scope = "idScope = \"0ne00002193\"\n[quotas]\npolls = \"often\"\n";
    let config = machine.file("wrong.toml", scope).display().to_string();

    for (arguments, told) in [
        (["--quota", "polls=0/s"], "the count must be 1 to 1000000; `none` lifts a limit"),
        (["--quota", "poll=1/s"], "expected registrations, operations or polls"),
        (["--quota", "polls"], "expected NAME=LIMIT"),
        (["--config", config.as_str()], "\"often\": expected COUNT/DURATION such as 1000/min"),
    ] {
        let ran = machine.run(
            &[
                &["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0"],
                &arguments[..],
            ]
            .concat(),
        );

        assert!(ran.stderr.contains(told), "{arguments:?}: {ran:?}");
        assert_eq!(ran.exit, 2, "{arguments:?}");
    }
}

#[test]
fn a_scenario_can_say_that_a_device_is_throttled() {
    let machine = Machine::new();
    let device = |id: &str, expect: &str| {
        format!(
            "[[device]]\nregistrationId = \"{id}\"\ngroupKey = \"{TUTORIAL_KEY}\"\nexpect = {{ {expect} }}\n"
        )
    };
    let world = std::fs::read_to_string("fixtures/contoso/world.toml").unwrap();
    let service = world.replace("[enrollmentGroups", "[service.enrollmentGroups");
    let scenario = format!(
        "[service]\n{service}\n[service.quotas]\nregistrations = \"1/h\"\n{}{}",
        device("contoso-toaster-007", "status = \"assigned\""),
        device("contoso-toaster-008", "errorCode = 429001"),
    );
    let file = machine.file("throttled.toml", &scenario);

    machine.run(&["run", file.to_str().unwrap()]).assert_exit(0);
}
