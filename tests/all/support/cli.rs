//! Runs the binary as a user does: in an environment of its own, with a state folder of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub use super::keys::TUTORIAL_KEY;

/// The program, as Cargo built it for the tests.
pub const BINARY: &str = env!("CARGO_BIN_EXE_provision-sim");

pub const HUB: &str = "contoso-toasters-hub-1098.azure-devices.net";

/// What tells a person which group's key was taken (see `group.rs`).
pub const GROUP_NOTE: &str =
    "with the key of enrollment group contoso-custom-allocated-devices (another: --group NAME)\n";

/// As `COLUMNS`: texts are compared whole, not as they are wrapped.
const WIDE: &str = "100000";

/// A machine with nothing set up on it.
pub struct Machine {
    home: TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Machine {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn command(&self) -> Command {
        let mut command = self.program(BINARY);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    /// A program that knows nothing of the user's own environment.
    fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("COLUMNS", WIDE)
            .env("HOME", self.home.path())
            .env("XDG_STATE_HOME", self.path("state"));
        // Without it Windows finds neither its sockets nor its randomness.
        if let Some(system) = std::env::var_os("SystemRoot") {
            command.env("SystemRoot", system);
        }
        command
    }

    /// A shell that runs `script` as the user would.
    #[cfg(unix)]
    pub fn shell(&self, script: &str) -> Command {
        let mut shell = self.program("/bin/sh");
        shell.args(["-c", script]);
        shell
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[], "")
    }

    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], stdin: &str) -> Ran {
        let mut child = self
            .command()
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    pub fn serve(&self, arguments: &[&str]) -> Serve {
        self.serve_where_it_can(&[&["--https-port", "0", "--amqp-port", "0"], arguments].concat())
    }

    /// Like [`serve`](Self::serve), without events: for a test that does not read them.
    pub fn serve_without_events(&self, arguments: &[&str]) -> Serve {
        let ports =
            ["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "-o", "json"];
        Serve::start(self.command().args(ports).args(admin_port(arguments)).args(arguments), self)
    }

    /// The same on a certain port: where a service was that is gone.
    #[cfg(unix)]
    pub fn serve_again(&self, mqtt_port: &str, arguments: &[&str]) -> Serve {
        let ports =
            ["--mqtt-port", mqtt_port, "--https-port", "0", "--amqp-port", "0", "-o", "json"];
        Serve::start(
            self.command().arg("serve").args(ports).args(admin_port(arguments)).args(arguments),
            self,
        )
    }

    /// What [`serve_without_events`](Self::serve_without_events) runs, by way of a shell that runs
    /// `before` first.
    #[cfg(target_os = "linux")]
    pub fn serve_from_shell(&self, before: &str, arguments: &[&str]) -> Serve {
        let script = format!("{before}; exec \"$0\" \"$@\"");
        let mut command = self.program("/bin/sh");
        command.arg("-c").arg(script).arg(BINARY);
        command.args(["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0"]);
        command.args(["-o", "json"]);
        Serve::start(command.args(admin_port(arguments)).args(arguments), self)
    }

    /// Like [`serve`](Self::serve), with HTTPS and AMQP where a user gets them who says nothing of them.
    pub fn serve_where_it_can(&self, arguments: &[&str]) -> Serve {
        let mut command = self.command();
        command.args(["serve", "--mqtt-port", "0", "-o", "jsonl"]);
        Serve::start(command.args(admin_port(arguments)).args(arguments), self)
    }
}

/// A free port for the management listener too, unless the test has something to say about it.
fn admin_port(arguments: &[&str]) -> &'static [&'static str] {
    if arguments.contains(&"--admin-port") { &[] } else { &["--admin-port", "0"] }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code().expect("it was not killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub fn assert_exit(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{self:?}");
        self
    }
}

/// The whole answer of the management listener at `address` to a request; `head` is all of its head.
pub fn ask(address: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What the management listener at `address` has at `path`.
pub fn get(address: &str, path: &str) -> Value {
    let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A service that runs until this is dropped.
pub struct Serve {
    child: Child,
    lines: BufReader<ChildStdout>,
    log: PathBuf,
    pub ready: Value,
}

impl Serve {
    /// Starts `command`, which runs a service that prints events.
    pub fn start(command: &mut Command, machine: &Machine) -> Self {
        let log = machine.path("serve.log");
        let stderr = std::fs::File::create(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let ready = next_json(&mut lines)
            .unwrap_or_else(|| panic!("not ready: {}", std::fs::read_to_string(&log).unwrap()));
        Self { child, lines, log, ready }
    }

    /// The next line of its output.
    pub fn event(&mut self) -> Value {
        next_json(&mut self.lines).expect("it goes on")
    }

    pub fn mqtt(&self) -> &str {
        self.ready["mqtt"].as_str().unwrap()
    }

    pub fn https(&self) -> &str {
        self.ready["https"].as_str().unwrap()
    }

    pub fn amqp(&self) -> &str {
        self.ready["amqp"].as_str().unwrap()
    }

    pub fn ca_file(&self) -> &Path {
        Path::new(self.ready["caFile"].as_str().unwrap())
    }

    /// Its log, once `text` is in it: the service may still be writing when its client has ended.
    #[track_caller]
    pub fn log_with(&self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in the log: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.log()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Ends it: cleanly where another process can ask for that, which on Windows none can.
    pub fn end(self) {
        #[cfg(unix)]
        assert_eq!(self.stop("TERM"), 0);
    }

    /// Closes its standard input, if it has one of its own, as the system does for a process that died.
    pub fn end_of_input(mut self) -> i32 {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code().expect("it ends by itself")
    }

    /// Asks it to end, as a terminal (`INT`) or an init system (`TERM`) does.
    #[cfg(unix)]
    pub fn stop(mut self, signal: &str) -> i32 {
        let status = Command::new("kill")
            .args(["-s", signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        self.child.wait().unwrap().code().expect("it ends by itself")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_json(lines: &mut impl BufRead) -> Option<Value> {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    serde_json::from_str(&line).ok()
}
