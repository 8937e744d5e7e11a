//! `serve --fault`, and how `register` ends against each of them (the table of exit codes).

use crate::support::cli::{Machine, Ran};

const TOASTER: &str = "contoso-toaster-007";

fn register(machine: &Machine, transport: &str, timeout: &str) -> Ran {
    let device = ["register", "--local", "--reg-id", TOASTER, "--transport", transport];
    machine.run(&[&device[..], &["--timeout", timeout, "-q"]].concat())
}

/// Ends against a service with this fault, over MQTT and over HTTPS.
fn ends(rule: &str, timeout: &str) -> [i32; 2] {
    ["mqtt", "https"].map(|transport| {
        let machine = Machine::new();
        let _serve = machine.serve(&["--retry-after", "0s", "--fault", rule]);
        register(&machine, transport, timeout).exit
    })
}

#[test]
fn register_copes_with_what_passes() {
    for rule in [
        "register status=429 times=1 retry-after=1",
        "register close times=1",
        "register reset times=1",
        "register duplicate",
        "poll close times=1",
        "poll assigning=2",
        "poll forget-operation times=1",
        "poll retry-after=abc times=1",
        "poll duplicate",
        "register delay=50ms",
        "connect connack=3 times=1",
        "subscribe close times=1",
        "webhook status=503 times=1",
        "accept slow=20000/s",
        "register clock=-2h",
    ] {
        assert_eq!(ends(rule, "1m"), [0, 0], "{rule}");
    }
}

#[test]
fn register_ends_as_the_table_of_exit_codes_says() {
    for (rule, exits) in [
        ("register status=401", [4, 4]),
        ("register status=400", [5, 5]),
        ("poll status=404", [5, 5]),
        ("register broken-json", [5, 5]),
        ("register no-operation-id", [5, 5]),
        ("register unknown-status", [5, 5]),
        ("poll forget-operation", [5, 5]),
        // Over HTTPS it is no service of this kind that answers.
        ("register html", [5, 3]),
        // What is for MQTT alone leaves HTTPS alone.
        ("connect connack=5", [4, 0]),
        ("connect close", [3, 0]),
        ("subscribe suback=128", [5, 0]),
        ("webhook hub=unknown", [5, 5]),
        ("webhook broken-json", [5, 5]),
        ("register clock=+2h", [4, 4]),
    ] {
        assert_eq!(ends(rule, "1m"), exits, "{rule}");
    }
}

#[test]
fn register_trusts_no_bad_certificate_and_tells_a_broken_wire() {
    for rule in [
        "tls certificate=expired",
        "tls certificate=wrong-name",
        "tls certificate=untrusted",
        "tls tls-alert=handshake-failure",
        "tls close",
        "accept close",
        "accept reset",
        "accept truncate=100",
    ] {
        assert_eq!(ends(rule, "1m"), [3, 3], "{rule}");
    }
}

#[test]
fn register_gives_up_at_its_deadline_where_nothing_comes() {
    for (rule, exits) in [
        ("register silence", [6, 6]),
        ("accept silence", [6, 6]),
        ("connect silence", [6, 0]),
        ("register status=503", [6, 6]),
        ("register delay=1h", [6, 6]),
        // A transport without the fault has nothing of it.
        ("register wrong-rid", [6, 0]),
        ("register late", [6, 0]),
        ("register lose-answer times=1 transport=mqtt", [6, 0]),
    ] {
        assert_eq!(ends(rule, "1500ms"), exits, "{rule}");
    }
}

#[test]
fn j_260_a_rule_that_is_none_is_bad_input_and_told_why() {
    let machine = Machine::new();
    for (rule, told) in [
        ("poll statsu=503", "no rule has a word \"statsu\"; did you mean status?"),
        ("pol status=503", "did you mean poll?"),
        (
            "register hub=unknown",
            "hub can never strike at register; it is for poll, lookup and webhook",
        ),
        ("", "the rule is empty"),
    ] {
        let ran = machine.run(&["serve", "--mqtt-port", "0", "--https-port", "0", "--fault", rule]);

        assert!(ran.stderr.contains(told), "{rule}: {ran:?}");
        assert_eq!(ran.exit, 2, "{rule}");
    }
    let config = machine.file(
        "faults.toml",
        "idScope = \"0ne00002193\"\n[[faults]]\nwhere = \"poll\"\nstatsu = 503\n",
    );
    let path = config.display().to_string();
    let ran = machine.run(&["serve", "--mqtt-port", "0", "--https-port", "0", "--config", &path]);
    assert!(ran.exit == 2 && ran.stderr.contains("did you mean status?"), "{ran:?}");
}

#[test]
fn each_strike_is_in_the_log_the_journal_and_the_events() {
    let machine = Machine::new();
    let mut serve = machine.serve(&[
        "--retry-after",
        "0s",
        "--fault",
        "register status=429 retry-after=1 times=1",
    ]);

    register(&machine, "mqtt", "1m").assert_exit(0);

    let event = serve.event();
    assert_eq!((&event["status"], &event["failedCheck"]), (&"refused".into(), &"fault".into()));
    assert_eq!(serve.event()["status"], "assigned");
    let log = machine.run(&["log", "-v"]).assert_exit(0).stdout;
    assert!(
        log.contains("has fault 1 strike, as was asked for: register times=1 status=429"),
        "{log}"
    );
    serve.log_with(
        "contoso-toaster-007: fault 1 strikes (1): register times=1 status=429 retry-after=1",
    );
}
