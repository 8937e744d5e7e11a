//! Somebody's own program as a step: told where the service is and who it is to be, and waited for.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::core::Engine;
use crate::attestation::KeySlot;
use crate::child::{DeviceFacts, End, Fact, Program, Running};
use crate::device::Credential;
use crate::net::Endpoint;
use crate::scenario::device::{DeviceSpec, Proof};
use crate::scenario::stage::{Reach, Stage};
use crate::scenario::step::Command;
use crate::text::spoken;
use crate::verdicts::{Part, PartKind};

/// What came of a program.
pub(super) struct Ran {
    pub(super) differences: Vec<String>,
    pub(super) parts: Vec<Part>,
    pub(super) seen: String,
}

impl<S: Stage> Engine<S> {
    /// Runs a program to its end, or until its time is up: then it is ended with all that it has
    /// started.
    pub(super) async fn command(&self, command: &Command, within: Duration) -> Ran {
        let device = command.device.as_deref().and_then(|name| self.devices.named(name));
        let (facts, _files) = match facts(&self.stage.reach(), device) {
            Ok(facts) => facts,
            Err(error) => return Ran::not(format!("its files cannot be written: {error}")),
        };
        let secret = |fact: &Fact| fact.value.clone().ok().filter(|_| fact.is_secret);
        let secrets: Vec<_> = facts.iter().filter_map(secret).collect();
        let program = match Program::new(&command.argv, &facts) {
            Ok(program) => program,
            Err(error) => return Ran::not(format!("command: {error}")),
        };
        let program = command
            .env
            .iter()
            .fold(program, |program, (name, value)| program.with_variable(name, value));
        if let Some(device) = device
            && let Err(error) = self.stage.begins(&device.registration_id).await
        {
            return Ran::not(error.to_string());
        }
        let mut running = match program.start(self.folder.as_deref()) {
            Ok(running) => running,
            Err(error) => {
                let name = command.argv.first().map_or("", String::as_str);
                return Ran::not(format!("{name:?} cannot be run: {error}"));
            }
        };
        let end = timeout(within, running.ended()).await;
        if end.is_err() {
            running.stop().await;
        }
        if let Some(device) = device {
            self.stage.ended(&device.registration_id);
        }
        Ran::of(command, end.ok(), within, &running, &secrets)
    }
}

impl Ran {
    fn not(reason: String) -> Self {
        Self { seen: reason.clone(), differences: vec![reason], parts: Vec::new() }
    }

    /// `end` is none if its time was up.
    fn of(
        command: &Command,
        end: Option<End>,
        within: Duration,
        running: &Running,
        secrets: &[Zeroizing<String>],
    ) -> Self {
        let (stdout, stderr) = (running.output().text(secrets), running.errors().text(secrets));
        let (differences, seen) = match end {
            None => {
                let late = format!("it still ran after {}, and was ended", spoken(within));
                (vec![late.clone()], late)
            }
            Some(end) => {
                let code = match end {
                    End::Code(code) => Some(code),
                    End::Signal(_) | End::Stopped => None,
                };
                (command.expect.differences(code, &stdout, &stderr), end.to_string())
            }
        };
        let parts = vec![Part::new(PartKind::Output, stdout), Part::new(PartKind::Errors, stderr)];
        Self { differences, parts, seen }
    }
}

/// What the program is told, and the folder of the files that are named there.
fn facts(reach: &Reach, device: Option<&DeviceSpec>) -> io::Result<(Vec<Fact>, TempDir)> {
    let folder = tempfile::tempdir()?;
    let certificate = match device.map(|device| &device.proof) {
        Some(Proof::X509(proof)) => {
            let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("cert.key"));
            std::fs::write(&cert, &proof.chain_pem)?;
            std::fs::write(&key, proof.key_pem.as_bytes())?;
            Some((cert, key))
        }
        _ => None,
    };
    let ca_file = reach.ca_file.clone().unwrap_or_default();
    let told = DeviceFacts {
        mqtt: address(&reach.mqtt()),
        https: address(&reach.https()),
        amqp: address(&reach.amqp()),
        gateway: reach.gateway.as_ref().map(address).unwrap_or_default(),
        ca_file: &ca_file,
        id_scope: reach.id_scope.as_str(),
        registration_id: device.map_or("", |device| device.registration_id.as_str()),
        device_key: device.and_then(|device| key(device, device.slot)),
        cert: certificate.as_ref().map(|(cert, _)| cert.as_path()),
        cert_key: certificate.as_ref().map(|(_, key): &(PathBuf, PathBuf)| key.as_path()),
        payload: device.and_then(|device| device.payload.as_ref()).map(|it| it.as_json()),
    };
    let mut facts = told.facts();
    for fact in &mut facts {
        let why = match fact.name {
            "registration-id" | "device-key" | "cert" | "cert-key" if device.is_none() => {
                "the step says nothing of whose device it is: device = \"…\""
            }
            "gateway" if reach.gateway.is_none() => "there is no gateway here",
            "ca-file" if reach.ca_file.is_none() => "what the system trusts is enough here",
            _ => continue,
        };
        fact.value = Err(why);
    }
    Ok((facts, folder))
}

fn key(device: &DeviceSpec, slot: KeySlot) -> Option<Zeroizing<String>> {
    match device.credential_with(slot) {
        Credential::SymmetricKey(key) => Some(key.to_base64()),
        Credential::X509(_) | Credential::Signer(_) | Credential::Tpm(_) => None,
    }
}

/// As clients that verify names want it.
fn address(endpoint: &Endpoint) -> String {
    let text = endpoint.to_string();
    match text.strip_prefix("127.0.0.1:") {
        Some(port) => format!("localhost:{port}"),
        None => text,
    }
}
