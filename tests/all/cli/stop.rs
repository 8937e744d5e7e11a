//! How commands end when they are told to: at once, and in order.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::cli::Machine;

/// Key, scope and ID of a device, for commands that never get as far as to need them.
const DEVICE: [&str; 6] =
    ["--id-scope", "0ne00000001", "--reg-id", "pump-1", "--device-key", "c3RyYW5nZXI="];

fn send(signal: &str, process: u32) {
    let status = Command::new("kill").args(["-s", signal, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Whoever connects hears nothing, ever.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// A process that is not left behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_ends_at_once_whoever_is_connected_and_whatever_it_waits_for() {
    let machine = Machine::new();
    let (webhook, address) = silent();
    let url = format!("http://{address}/api/Choose");
    let serve = machine.serve(&["--webhook-url", &url, "--webhook-timeout", "10m"]);
    let admin = serve.ready["admin"].as_str().unwrap();
    let mut events = BufReader::new(TcpStream::connect(admin).unwrap());
    let head = format!("GET /journal/events HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    events.get_mut().write_all(head.as_bytes()).unwrap();
    let mut status = String::new();
    events.read_line(&mut status).unwrap();
    let _strangers = [serve.mqtt(), serve.https(), admin].map(|at| TcpStream::connect(at).unwrap());
    let mut register = machine.command();
    register.args(["register", "--local", "--reg-id", "contoso-toaster-007", "-q"]);
    let _device = Running(register.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let _call = webhook.accept().unwrap();

    assert_eq!(serve.stop("TERM"), 0);

    assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
    let mut rest = Vec::new();
    // Closed, or reset because it had sent what was not read: over in both cases.
    let _ = events.read_to_end(&mut rest);
    assert!(String::from_utf8_lossy(&rest).contains("assigning"), "the device was on its way");
    assert!(!machine.path("state/provision-sim/local.json").exists());
}

#[test]
fn a_fleet_that_is_to_end_at_once_still_reports() {
    let machine = Machine::new();
    let (service, address) = silent();
    let mut command = machine.command();
    command.args(["fleet", "--host", &address, "--id-scope", "0ne00000001", "-o", "json"]);
    command.args(["--group-key", "c3RyYW5nZXI=", "--count", "100", "--concurrency", "1"]);
    let fleet = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let _connection = service.accept().unwrap();

    send("TERM", fleet.id());
    let ended = fleet.wait_with_output().unwrap();

    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(5), "{report}");
    assert!(report["devices"].as_u64().unwrap() <= 1, "{report}");
}

/// In a container the program may be process 1, for which the system ignores what it does not take.
#[cfg(target_os = "linux")]
#[test]
fn the_first_process_of_a_container_ends_when_it_is_told_to() {
    let unshare = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let may = Command::new("unshare").args(unshare).arg("true").stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        let why = "SKIPPED: this system lets nobody make a PID namespace (unshare --user --pid)";
        writeln!(std::io::stderr(), "{why}").unwrap();
        return;
    }
    let machine = Machine::new();
    for (signal, exit) in [("TERM", 143), ("INT", 130)] {
        let (service, address) = silent();
        let device = machine.command();
        let mut command = Command::new("unshare");
        command.args(unshare).arg(device.get_program());
        command.arg("register").args(DEVICE).args(["--host", &address, "--timeout", "1m"]);
        let mut outside =
            Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let _connection = service.accept().unwrap();

        let id = outside.0.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        send(signal, children.trim().parse().unwrap());

        assert_eq!(outside.0.wait().unwrap().code(), Some(exit), "{signal}");
    }
}
