//! The real binary as a process of its own, whose memory and processor time are its own.

#![allow(dead_code, reason = "each benchmark uses its own part of this")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Key of the default world's group that takes any registration ID.
pub const GROUP_KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

/// `serve`, as its user starts it.
pub struct ServiceProcess {
    child: Child,
    ready: Value,
    folder: TempDir,
}

impl ServiceProcess {
    /// Starts it on free ports with these flags, and waits until it is ready.
    pub fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = command(folder.path())
            .args([
                "serve",
                "--mqtt-port",
                "0",
                "--https-port",
                "0",
                "--amqp-port",
                "0",
                "--admin-port",
                "none",
                "-q",
                "-o",
                "json",
            ])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("a ready line");
        Self { child, ready: serde_json::from_str(&line).expect("JSON"), folder }
    }

    /// A member of its ready line.
    pub fn told(&self, member: &str) -> &str {
        self.ready[member].as_str().expect("a text")
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The binary, for a command that finds this service by `--local`.
    pub fn client(&self) -> Command {
        command(self.folder.path())
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision-sim"));
    command.env("XDG_STATE_HOME", state);
    command
}

/// Memory in use, in MiB, as Linux tells it; 0 elsewhere, and of a process that has ended.
pub fn resident_mebibytes(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}

/// User and system time, as Linux tells them in hundredths of a second; 0 elsewhere.
pub fn processor_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; the numbers stand behind it.
    let numbers = stat.rsplit_once(')').map_or("", |(_, numbers)| numbers);
    let ticks = numbers.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
