//! Which device, which service, and the way to it: what `register`, `status` and `diagnose` have in
//! common.

use clap::Args;

use super::certificate::CertificateArgs;
use super::credential;
use super::key::{FoundKey, KeyArgs};
use super::missing::Missing;
use super::route::RouteArgs;
use super::service::{IdScopeArg, ServiceArgs};
use super::tpm::TpmArgs;
use crate::cli::exit::Exit;
use crate::cli::local::Local;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::device::{Settings, Transport};
use crate::explain::{Context, Proof};
use crate::text::shell_word;
use crate::wire::{OperationId, Payload, RegistrationId};

/// A device and its service.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    #[command(flatten)]
    id_scope: IdScopeArg,
    /// Registration ID of the device [env: IOTHUB_DEVICE_DPS_DEVICE_ID] [default: the CN of --cert, or what the TPM's key gives]
    #[arg(
        long,
        alias = "registration-id",
        env = "IOTHUB_DEVICE_DPS_DEVICE_ID",
        hide_env = true,
        value_name = "ID"
    )]
    reg_id: Option<RegistrationId>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    certificate: CertificateArgs,
    #[command(flatten)]
    tpm: TpmArgs,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    #[command(flatten)]
    pub(crate) route: RouteArgs,
}

impl DeviceArgs {
    /// One kind of credential, and standard input read once at most; `others` are the flags beside
    /// these that may be read from there, and their arguments.
    pub(crate) fn check_given(&self, others: &[(&str, Option<&str>)]) -> Result<(), Report> {
        credential::check_given(&self.key, &self.certificate, &self.tpm, others)?;
        self.transport().map(drop)
    }

    /// The settings that the arguments make, and what is known for explanations.
    pub(crate) fn resolve(
        &self,
        local: Option<&Local>,
        payload: Option<Payload>,
    ) -> Result<(Settings, Context), Report> {
        self.check_missing(local)?;
        let (proof, registration_id, group) = self.proof(local)?;
        let settings = self.settings(local, &proof, registration_id, payload)?;
        let context = Context {
            endpoint: settings.endpoint.clone(),
            id_scope: Some(settings.id_scope.clone()),
            registration_id: settings.registration_id.clone(),
            proof: Some(proof),
            skew: None,
            is_local: self.service.local.is_given(),
            group,
            proxy: settings.route.proxy.as_ref().map(ToString::to_string),
            ca_file: self.service.ca_file(local),
        };
        Ok((settings, context))
    }

    /// Tells a person what was taken where nothing was said: which group's key; with a TPM its ID, and over what
    /// it goes.
    pub(crate) fn note_assumed(&self, context: &Context, printer: &Printer) {
        if self.tpm.given().is_some() {
            if self.reg_id.is_none() {
                let id = &context.registration_id;
                printer.note(&format!("as {id}, the hash of the TPM's key (another: --reg-id ID)"));
            }
            if self.route.given_transport().is_none() {
                printer.note(
                    "over https, as there is none for TPMs over MQTT (another: --transport amqp)",
                );
            }
        }
        let group = context.group.as_deref().filter(|_| self.key.group.group.is_none());
        printer.note_group(group);
    }

    /// Where time is up and the service still at it, the report names the command that asks for the
    /// result.
    pub(crate) fn with_follow_up(&self, mut report: Report, context: &Context) -> Report {
        if report.exit == Exit::Deadline
            && let Some(id) = report.operation_id.as_deref().and_then(|id| id.parse().ok())
        {
            let command = self.status_command(&id, &context.registration_id);
            report.remedies.insert(0, command);
        }
        report
    }

    /// The command that asks for the result of an operation later. Keys are not repeated: where one
    /// stood on the command line, the command takes it from standard input.
    fn status_command(
        &self,
        operation_id: &OperationId,
        registration_id: &RegistrationId,
    ) -> String {
        let mut words = vec!["provision-sim status".to_owned()];
        let mut add = |flag: &str, value: &str| words.push(format!("{flag} {}", shell_word(value)));
        add("--operation-id", operation_id.as_str());
        if let Some(id_scope) = &self.id_scope.id_scope {
            add("--id-scope", id_scope.as_str());
        }
        add("--reg-id", registration_id.as_str());
        let secrets = [
            ("--group-key", &self.key.group_key),
            ("--device-key", &self.key.device_key),
            ("--cert-key-passphrase", &self.certificate.cert_key_passphrase),
        ];
        for (flag, value) in secrets {
            if let Some(value) = value {
                add(flag, if value.starts_with('@') { value } else { "-" });
            }
        }
        let files = [
            ("--cert", &self.certificate.cert),
            ("--cert-key", &self.certificate.cert_key),
            ("--ca-file", &self.service.ca_file),
        ];
        for (flag, path) in files {
            if let Some(path) = path {
                add(flag, &path.display().to_string());
            }
        }
        if let Some(host) = &self.service.host {
            add("--host", &host.to_string());
        }
        if let Some(version) = &self.service.api_version {
            add("--api-version", &version.to_string());
        }
        for (flag, value) in self.tpm.as_given() {
            add(flag, &value);
        }
        for (flag, value) in self.route.as_given() {
            add(flag, &value);
        }
        if let Some(group) = &self.key.group.group {
            add("--group", group);
        }
        words.extend(self.service.local.as_given());
        words.join(" ")
    }

    fn transport(&self) -> Result<Transport, Report> {
        self.route.transport_with(self.tpm.given())
    }

    fn settings(
        &self,
        local: Option<&Local>,
        proof: &Proof,
        registration_id: RegistrationId,
        payload: Option<Payload>,
    ) -> Result<Settings, Report> {
        let endpoint = self.service.endpoint(local)?;
        let ports = ServiceArgs::ports(local)?;
        let credential = proof.credential(&registration_id);
        let transport = self.transport()?;
        Ok(Settings {
            route: self.route.route(&endpoint, transport, ports, self.service.local.is_given())?,
            ports,
            transport,
            payload,
            api_version: self.service.api_version(),
            timeout: self.service.timeout,
            token_lifetime: self.service.ttl,
            ..Settings::new(
                endpoint,
                self.id_scope.resolve(local)?,
                registration_id,
                credential,
                self.service.tls(local)?,
            )
        })
    }

    fn check_missing(&self, local: Option<&Local>) -> Result<(), Report> {
        // Each of these also says whose it is.
        let names_device = self.certificate.cert.is_some() || self.tpm.given().is_some();
        let is_default_world = local.is_some_and(|local| local.is_default_world);
        Missing {
            id_scope: !self.id_scope.is_given(local),
            device: self.reg_id.is_none() && !names_device,
            credential: !names_device && !is_default_world && !self.key.is_given(),
            or_certificate: true,
        }
        .report(local)
    }

    /// The one credential that was given, the device whose it is, and the group of the local service
    /// that has it; a flag beats any variable.
    fn proof(
        &self,
        local: Option<&Local>,
    ) -> Result<(Proof, RegistrationId, Option<String>), Report> {
        if let Some((certificate, id)) = self.certificate.resolve(self.reg_id.as_ref())? {
            return Ok((Proof::Certificate(certificate), id, None));
        }
        if let Some(named) = self.tpm.open()? {
            named.warn_if_new();
            let id = match &self.reg_id {
                Some(id) => id.clone(),
                None => named.own_id()?,
            };
            return Ok((Proof::Tpm(named.tpm), id, None));
        }
        let id = self.reg_id.clone().ok_or_else(|| Report::usage("no device (--reg-id)"))?;
        let found = self.key.resolve(local, &id)?;
        let FoundKey { key, group } = found.ok_or_else(|| Report::usage("no credential"))?;
        Ok((Proof::Key(key), id, group))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        device: DeviceArgs,
    }

    fn follow_up(arguments: &[&str]) -> String {
        let command = Command::try_parse_from([&["it"], arguments].concat()).unwrap();
        let (operation, id) = ("5.one".parse().unwrap(), "pump-0042".parse().unwrap());
        command.device.status_command(&operation, &id)
    }

    #[test]
    fn j_148_the_command_repeats_the_way_and_no_secret() {
        let common = ["--reg-id", "pump-0042", "--id-scope", "0ne1"];
        let expected =
            "provision-sim status --operation-id 5.one --id-scope 0ne1 --reg-id pump-0042";
        for (more, behind) in [
            (&["--group-key", "c2VjcmV0"][..], " --group-key -"),
            (&["--device-key", "@my key"], " --device-key '@my key'"),
            (
                &["--cert", "a.pem", "--cert-key-passphrase", "s3cret"],
                " --cert-key-passphrase - --cert a.pem",
            ),
            (&["--local", "--transport", "mqtt-ws"], " --transport mqtt-ws --local"),
            (
                &["--host", "a.net:1", "--proxy", "http://u:s3cret@p:2", "--connect-to", "::b:3"],
                " --host a.net:1 --connect-to ::b:3 --proxy http://USER:PASSWORD@p:2",
            ),
            (&["--proxy", ""], " --proxy ''"),
            (
                &["--ca-file", "ca.pem", "--api-version", "2019-03-31"],
                " --ca-file ca.pem --api-version 2019-03-31",
            ),
        ] {
            assert_eq!(follow_up(&[&common[..], more].concat()), format!("{expected}{behind}"));
        }
    }
}
