//! `log` and `healthcheck`: what a service has seen, and whether it is up.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::support::cli::{HUB, Machine, get};

const TOASTER: &str = "contoso-toaster-007";
const HEAT_PUMP: &str = "contoso-heatpump-088";

fn register(machine: &Machine, id: &str, exit: i32) {
    machine.run(&["register", "--local", "--reg-id", id, "-q"]).assert_exit(exit);
}

/// A terminal in which `log -f` runs.
struct Terminal {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Terminal {
    fn open(machine: &Machine, arguments: &[&str]) -> Self {
        let mut command = machine.command();
        command.args(["log", "-f"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Waits for its end, and returns what else it has said.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.lines.read_to_string(&mut said).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

#[test]
fn log_shows_a_line_for_each_registration_and_below_it_why_it_failed() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    register(&machine, TOASTER, 0);
    register(&machine, HEAT_PUMP, 5);

    let all = machine.run(&["log"]).assert_exit(0).stdout;
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines[0].contains("Z     1  assigned  contoso-toaster-007  group contoso-custom"));
    assert!(lines[0].contains(&format!("symmetricKey primary  mqtt  {HUB}")), "{all}");
    assert!(lines[0].ends_with(" ms"), "{all}");
    assert!(lines[1].contains("    2  failed    contoso-heatpump-088"), "{all}");
    assert!(lines[2].starts_with("      400207: Custom allocation failed"), "{all}");
    assert!(lines[3].starts_with("      the webhook answered 400"), "{all}");

    let one = |arguments: &[&str]| {
        let ran = machine.run(&[&["log"], arguments].concat()).assert_exit(0);
        ran.stdout.lines().filter(|line| line.contains("contoso-")).count()
    };
    assert_eq!(one(&["--reg-id", "CONTOSO-TOASTER-007"]), 1);
    assert_eq!(one(&["--status", "failed"]), 1);
    assert_eq!(one(&["--status", "refused"]), 0);
    assert_eq!(one(&["-n", "1"]), 1);
    assert_eq!(one(&["--since", "1h"]), 2);
    assert_eq!(one(&["--since", "2000-01-01T00:00:00Z"]), 2);
    assert_eq!(one(&["--since", "2999-01-01T00:00:00Z"]), 0);
}

#[test]
fn log_is_for_programs_too_and_shows_a_whole_conversation() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    register(&machine, TOASTER, 0);
    register(&machine, HEAT_PUMP, 5);
    let admin = serve.ready["admin"].as_str().unwrap();

    let journal = get(admin, "/journal");
    assert_eq!(machine.run(&["log", "-o", "json"]).assert_exit(0).json(), journal);
    let lines = machine.run(&["log", "-o", "jsonl", "--url", admin]).assert_exit(0).stdout;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(lines), journal);
    let whole = machine.run(&["log", "--show", "2", "-o", "json"]).assert_exit(0).json();
    assert_eq!(whole["registrationId"], HEAT_PUMP);
    assert!(whole["timeline"].is_array(), "{whole}");

    let story = machine.run(&["log", "--show", "2"]).assert_exit(0).stdout;
    assert!(story.contains("ms webhook  answers 400"), "{story}");
    assert!(story.contains("ms device   asks to register"), "{story}");
    let verbose = machine.run(&["log", "-v", "-n", "1"]).assert_exit(0).stdout;
    assert!(verbose.contains("ms webhook  answers 400"), "{verbose}");
    machine.run(&["log", "--show", "99"]).assert_exit(2);
}

#[test]
fn j_199_log_follows_until_the_service_ends_and_shows_each_registration_once() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    register(&machine, TOASTER, 0);
    let mut all = Terminal::open(&machine, &[]);
    let mut failed = Terminal::open(&machine, &["--status", "failed", "-o", "jsonl"]);

    assert!(all.line().contains(TOASTER), "what is there already");
    register(&machine, HEAT_PUMP, 5);
    assert!(all.line().contains("failed    contoso-heatpump-088"));
    assert!(all.line().contains("400207"));
    assert!(all.line().contains("the webhook answered 400"));
    let entry: Value = serde_json::from_str(&failed.line()).unwrap();
    assert_eq!((&entry["registrationId"], &entry["sequence"]), (&HEAT_PUMP.into(), &2.into()));
    register(&machine, TOASTER, 0);
    assert!(all.line().contains("    3  assigned  contoso-toaster-007"));
    serve.end();

    for terminal in [all, failed] {
        let (code, said) = terminal.end();
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("has ended") && !said.contains("contoso-"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn log_ends_with_ctrl_c_and_when_nobody_reads_it_any_more() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    register(&machine, TOASTER, 0);

    let mut interrupted = Terminal::open(&machine, &[]);
    interrupted.line();
    let id = interrupted.child.id().to_string();
    let kill = std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap();
    assert!(kill.success());
    assert_eq!(interrupted.end(), (Some(0), String::new()));

    let mut unread = Terminal::open(&machine, &[]);
    unread.line();
    let Terminal { mut child, lines } = unread;
    drop(lines);
    register(&machine, TOASTER, 0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// J-241.
#[test]
fn log_shows_what_devices_say_without_control_characters() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let hostile = "{\"a\":\"<script>\u{202e}\\u001b[2J\"}";
    machine.run(&["register", "--local", "--reg-id", TOASTER, "--payload", hostile]).assert_exit(0);

    for arguments in [&["log", "-v"][..], &["log", "--show", "1"], &["log", "-o", "jsonl"]] {
        let shown = machine.run(arguments).assert_exit(0).stdout;
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    }
}

#[test]
fn without_a_service_or_its_management_listener_log_and_healthcheck_say_so() {
    let machine = Machine::new();
    for command in ["log", "healthcheck"] {
        let none = machine.run(&[command]).assert_exit(3).stderr;
        assert!(none.contains("no service is running") && none.contains("serve"), "{none}");
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let gone = machine.run(&[command, "--url", &closed]).assert_exit(3).stderr;
        assert!(gone.contains("no answer from the management listener at http://127"), "{gone}");
        let odd = machine.run(&[command, "--url", "https://a"]).assert_exit(2).stderr;
        assert!(odd.contains("http://localhost:8880"), "{odd}");
    }
    let _serve = machine.serve(&["--admin-port", "none"]);

    let log = machine.run(&["log"]).assert_exit(2).stderr;
    assert!(log.contains("no management listener") && log.contains("--admin-port none"), "{log}");
    let healthy = machine.run(&["healthcheck"]).assert_exit(0).stdout;
    assert!(healthy.starts_with("healthy: MQTT 127.0.0.1:"), "{healthy}");
}

#[test]
fn j_199_healthcheck_is_0_for_a_service_that_is_up_and_3_for_all_else() {
    let machine = Machine::new();
    let serve = machine.serve(&["--name", "ci"]);
    let admin = format!("http://{}", serve.ready["admin"].as_str().unwrap());

    for arguments in [&["--local=ci"][..], &["--local"], &["--url", &admin], &[]] {
        let ran = machine.run(&[&["healthcheck"], arguments].concat()).assert_exit(0);
        let amqp = serve.ready["amqp"].as_str().unwrap();
        let (mqtt, https) = (serve.mqtt(), serve.https());
        let expected = format!("healthy: MQTT {mqtt}, HTTPS {https}, AMQP {amqp}, ");
        assert!(ran.stdout.starts_with(&expected), "{ran:?}");
        assert_eq!(ran.stdout.lines().count(), 1);
    }
    let json = machine.run(&["healthcheck", "-o", "json"]).assert_exit(0).json();
    assert_eq!((&json["status"], &json["mqtt"]), (&"ok".into(), &serve.mqtt().into()));

    // One that is up and is another: its HTTPS.
    let other = machine.run(&["healthcheck", "--url", serve.https(), "--timeout", "20s"]);
    assert!(other.assert_exit(3).stderr.contains("unhealthy: "));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let late = machine.run(&["healthcheck", "--url", &address, "--timeout", "50ms", "-o", "json"]);
    let late = late.assert_exit(3).json();
    assert_eq!(late["error"]["kind"], "unhealthy");
    assert!(
        late["error"]["message"].as_str().unwrap().contains("no answer within 50 ms"),
        "{late}"
    );
}

#[test]
fn a_service_that_was_killed_is_not_healthy() {
    let machine = Machine::new();
    let local = machine.path("state/provision-sim/local.json");
    for arguments in [&["--admin-port", "0"][..], &["--admin-port", "none"]] {
        let serve = machine.serve(arguments);
        let left = std::fs::read(&local).unwrap();
        drop(serve);
        std::fs::write(&local, left).unwrap();

        let ran = machine.run(&["healthcheck"]).assert_exit(3);

        assert!(ran.stderr.contains("unhealthy: "), "{ran:?}");
    }
}
