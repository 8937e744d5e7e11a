//! A terminal in which the commands of one page are typed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::runtime::Runtime;

use super::document::root;
use super::typed::Typed;
use crate::support::cli::{BINARY, HUB, Machine, Serve};
use crate::support::service::webhook::{Reaction, Webhook};

/// As many devices has a fleet here.
const SMALL: u32 = 200;

/// The ID scope that the documents use for an instance on Azure, and what its owner has at hand.
const AZURE_SCOPE: &str = "0ne00012345";
const AZURE_KEY: &str = "bXktb3duLWdyb3Vwcy1rZXktb24tYXp1cmUtMDEyMzQ1Njc4OTAxMjM0NTY3ODk=";

/// Where the management listener is on a machine that has one service.
const ADMIN_PORT: &str = "8880";

/// One page's terminal: a machine, the folder in which commands are typed, and what runs beside it.
pub(super) struct Session {
    machine: Machine,
    folder: PathBuf,
    serve: Option<Serve>,
    azure: Option<Azure>,
    function: Option<(Runtime, Webhook)>,
    /// Addresses that the page names, and where what it means really is.
    addresses: Vec<(String, String)>,
}

/// A local service that stands for Azure: another machine, reached by its address and its CA.
struct Azure {
    _machine: Machine,
    serve: Serve,
}

impl Session {
    pub(super) fn new() -> Self {
        let machine = Machine::new();
        let (folder, bin) = (machine.path("work"), machine.path("bin"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(BINARY, bin.join("provision-sim")).unwrap();
        std::os::unix::fs::symlink(root().join("fixtures"), folder.join("fixtures")).unwrap();
        let (serve, azure, function) = (None, None, None);
        Self { machine, folder, serve, azure, function, addresses: Vec::new() }
    }

    pub(super) fn save(&self, name: &str, content: &str) {
        std::fs::write(self.folder.join(name), content).unwrap();
    }

    /// The reader's own allocation function, which accepts all devices.
    pub(super) fn start_function(&mut self) {
        let runtime = Runtime::new().unwrap();
        let webhook = runtime.block_on(Webhook::start([Reaction::hub(HUB)]));
        let origin = webhook.url().split("/api/").next().unwrap().to_owned();
        self.name_address("http://localhost:7071".to_owned(), origin);
        self.function = Some((runtime, webhook));
    }

    /// Types a command, and sees that it ends as the page says.
    pub(super) fn run(&mut self, typed: &Typed, on_azure: bool) -> Result<(), String> {
        let command = self.translate(&typed.command);
        if let Some(flags) = command.strip_prefix("provision-sim serve") {
            return self.start_service(flags);
        }
        let output = self
            .shell(&command, on_azure)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("bash: {error}"))?;
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.code() != Some(typed.exit) {
            let (wanted, status) = (typed.exit, output.status);
            return Err(format!("`{command}`: {status}, and not exit code {wanted}\n{out}{err}"));
        }
        match &typed.output {
            Some(shown) if !fits(&shown.replace("…\n", "…"), &out) => {
                Err(format!("`{command}` is shown with\n{shown}\nand prints\n{out}"))
            }
            _ => Ok(()),
        }
    }

    /// Sees that every flag of a command that cannot be run here is one that exists.
    pub(super) fn check_flags(&mut self, command: &str) -> Result<(), String> {
        let Some((before, rest)) = command.split_once("provision-sim ") else { return Ok(()) };
        // The value of a flag, such as keytool's `-alias`, is no command.
        if before.split_whitespace().next_back().is_some_and(|word| word.starts_with('-')) {
            return Ok(());
        }
        let arguments = rest.split(['|', '<', '>', '#']).next().unwrap();
        let command = format!("provision-sim {arguments} --help");
        let output =
            self.shell(&command, false).output().map_err(|error| format!("bash: {error}"))?;
        let err = String::from_utf8_lossy(&output.stderr);
        output.status.success().then_some(()).ok_or(format!("`{command}`: {err}"))
    }

    /// Ends what still runs.
    pub(super) fn end(mut self) -> Result<(), String> {
        self.stop_service()
    }

    /// What is really typed.
    fn translate(&self, command: &str) -> String {
        let command = command.replace("cargo run --release -- ", "provision-sim ");
        let command = self
            .addresses
            .iter()
            .fold(command, |command, (shown, real)| command.replace(shown, real));
        match command.split_once("--count ") {
            Some((before, rest)) if before.starts_with("provision-sim fleet --") => {
                let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let count = rest[..digits].parse::<u32>().unwrap().min(SMALL);
                format!("{before}--count {count}{}", &rest[digits..])
            }
            _ => command,
        }
    }

    /// What a shell does with `command`, where `provision-sim` is the binary that was built.
    fn shell(&mut self, command: &str, on_azure: bool) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.machine.path("bin")).chain(std::env::split_paths(&path));
        let mut shell = self.machine.shell(command);
        shell.env("PATH", std::env::join_paths(paths).unwrap()).current_dir(&self.folder);
        // Pages show what readers see.
        shell.env_remove("COLUMNS");
        if on_azure {
            let azure = self.azure.get_or_insert_with(|| Azure::start(&self.folder));
            shell.env("IOTHUB_DEVICE_DPS_ENDPOINT", azure.serve.mqtt());
            shell.env("SSL_CERT_FILE", azure.serve.ca_file());
        }
        shell
    }

    /// Starts the service of the page, in place of the one that it had before.
    fn start_service(&mut self, flags: &str) -> Result<(), String> {
        self.stop_service()?;
        let mut flags = flags.split(" #").next().unwrap().to_owned();
        let admin = without(&mut flags, "--admin-port").unwrap_or_else(|| ADMIN_PORT.to_owned());
        let gateway = without(&mut flags, "--gateway-port");
        if gateway.is_some() {
            flags += " --gateway-port 0";
        }
        for ours in ["--mqtt-port", "--https-port", "--amqp-port", "--retry-after", "-o"] {
            without(&mut flags, ours);
        }
        let here =
            "--mqtt-port 0 --https-port 0 --amqp-port 0 --admin-port 0 --retry-after 0s -o json";
        let mut shell = self.shell(&format!("exec provision-sim serve {flags} {here}"), false);
        let serve = Serve::start(&mut shell, &self.machine);
        if let Some(real) = serve.ready["admin"].as_str() {
            let real = real.to_owned();
            self.name_address(format!("localhost:{admin}"), real);
        }
        if let (Some(port), Some(real)) = (gateway, serve.ready["gateway"].as_str()) {
            let real = real.to_owned();
            self.name_address(format!("127.0.0.1:{port}"), real);
        }
        self.serve = Some(serve);
        Ok(())
    }

    /// What the page calls `named` is at `real` from here on.
    fn name_address(&mut self, named: String, real: String) {
        self.addresses.retain(|(earlier, _)| *earlier != named);
        self.addresses.push((named, real));
    }

    fn stop_service(&mut self) -> Result<(), String> {
        match self.serve.take().map(|serve| serve.stop("INT")) {
            None | Some(0) => Ok(()),
            Some(exit) => Err(format!("`provision-sim serve` ended with exit code {exit}")),
        }
    }
}

/// Takes a flag out of a command line, and returns its value.
fn without(flags: &mut String, flag: &str) -> Option<String> {
    let mut words: Vec<_> = flags.split(' ').map(str::to_owned).collect();
    let at = words.iter().position(|word| word == flag)?;
    let value = words.drain(at..at + 2).next_back();
    *flags = words.join(" ");
    value
}

impl Azure {
    /// Starts it, and puts into `folder` what its user has: keys and certificates that it knows.
    fn start(folder: &Path) -> Self {
        let machine = Machine::new();
        let (pki, device) = (machine.path("pki"), "my-device");
        machine.run(&["pki", "--out", pki.to_str().unwrap(), "--reg-id", device]).assert_exit(0);
        let derived = machine.run(&["derive-key", "--group-key", AZURE_KEY, "--reg-id", device]);
        std::fs::write(folder.join("group.key"), AZURE_KEY).unwrap();
        std::fs::write(folder.join("device.key"), derived.assert_exit(0).stdout).unwrap();
        for name in ["my-device-chain.pem", "my-device-key.pem"] {
            std::fs::copy(pki.join("devices").join(name), folder.join(name)).unwrap();
        }
        let root = std::fs::read_to_string(pki.join("root-cert.pem")).unwrap();
        let config = format!(
            r#"
                idScope = "{AZURE_SCOPE}"
                linkedHubs = ["{HUB}"]

                [[enrollmentGroups]]
                enrollmentGroupId = "keys"
                attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{AZURE_KEY}" }} }}

                [[enrollmentGroups]]
                enrollmentGroupId = "certificates"
                attestation.type = "x509"
                attestation.x509.signingCertificates.primary.certificate = """{root}"""

                [[certificates]]
                name = "root"
                certificate = """{root}"""
            "#
        );
        let config = machine.file("azure.toml", &config);
        let serve = machine.serve(&["--config", config.to_str().unwrap(), "--retry-after", "0s"]);
        Self { _machine: machine, serve }
    }
}

/// Whether `text` is what `pattern` shows, in which `…` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('…').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = text.find(piece) else { return false };
        text = &text[at + piece.len()..];
    }
    text.ends_with(last)
}

#[test]
fn a_transcript_may_leave_something_out() {
    assert!(fits("a\n", "a\n") && !fits("a\n", "a\nb\n") && !fits("a", "b"));
    assert!(fits("…b\n", "a\nb\n") && fits("a…c…e", "abcde") && !fits("a…x…e", "abcde"));
    assert!(!fits("…b\n", "a\n") && !fits("a…", "b"));
}
