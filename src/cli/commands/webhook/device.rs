//! For which device the function is asked, and of which enrollment.

use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

use super::expected::ExpectedArgs;
use super::record;
use crate::api_client::Kind;
use crate::attestation::Certificate;
use crate::cli::args::certificate::read_pem;
use crate::cli::args::payload::PayloadArgs;
use crate::cli::local::Local;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::service::{
    self, Applicant, Assignment, CustomAllocationDefinition, Enrollment, Trial, WebhookUrl,
    read_enrollment_now,
};
use crate::sources::Sources;
use crate::tutorial;
use crate::wire::{ApiVersion, HubName, RegistrationId};

/// The device, and what is known of it.
#[derive(Debug, Args)]
pub(super) struct DeviceArgs {
    /// Registration ID of the device
    #[arg(long, alias = "registration-id", value_name = "ID")]
    reg_id: RegistrationId,
    /// The enrollment group that it comes through; with --local that of the service [default: an
    /// enrollment of its own]
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    #[command(flatten)]
    payload: PayloadArgs,
    /// The hub that has it already, as of a device that registers again
    #[arg(long, value_name = "HUB")]
    current_hub: Option<HubName>,
    /// A hub that may be chosen; several times for several [default: with --local those of the
    /// service, else the tutorial's]
    #[arg(long, value_name = "HUB")]
    linked_hub: Vec<HubName>,
    /// Certificate by which it proves itself, in place of a symmetric key
    #[arg(long, value_name = "PEM")]
    x509: Option<PathBuf>,
    /// Version of the enrollment model, as in customAllocationDefinition [default: the
    /// enrollment's, or 2021-10-01]
    #[arg(long, alias = "webhook-api-version", value_name = "DATE")]
    api_version: Option<ApiVersion>,
}

/// An enrollment, and the address that it has for its webhook.
struct Through {
    enrollment: Enrollment,
    webhook: Option<WebhookUrl>,
}

impl DeviceArgs {
    /// What is asked at `url`, or else at the webhook of the device's enrollment.
    pub(super) fn trial(
        &self,
        url: Option<&str>,
        local: Option<&Local>,
        expected: &ExpectedArgs,
        printer: &mut Printer,
    ) -> Result<Trial, Report> {
        let payload = self.payload.resolve()?;
        let certificate = self.certificate()?;
        let url = url.map(|text| record::url(text, local)).transpose()?;
        let Through { enrollment, webhook } = match local {
            Some(local) => self.of_local(local, printer)?,
            None => Through { enrollment: self.of_nobody(certificate.as_ref())?, webhook: None },
        };
        let Some(webhook_url) = url.or(webhook) else {
            return Err(Report::usage(format!(
                "no URL, and the enrollment {:?} has no webhook",
                enrollment.name()
            ))
            .remedy(
                "give the address of the function, such as http://localhost:7071/api/HttpTrigger1",
            ));
        };
        let version = enrollment.custom_allocation.as_ref().map(|it| it.api_version.clone());
        let version = self.api_version.clone().or(version);
        let webhook = CustomAllocationDefinition {
            webhook_url,
            api_version: version.unwrap_or(ApiVersion::OF_WEBHOOKS),
        };
        let current = self
            .current_hub
            .clone()
            .map(|hub| Assignment { hub, device_id: enrollment.device_id(&self.reg_id) });
        let tpm = enrollment.attestation.tpm_keys();
        let applicant = Applicant {
            registration_id: &self.reg_id,
            certificate: certificate.as_ref(),
            tpm: tpm.as_ref(),
            current: current.as_ref(),
            payload: payload.as_ref(),
        };
        let linked_hubs = self.linked_hubs(&enrollment, local, expected, printer)?;
        Ok(Trial::new(webhook, &enrollment, applicant, linked_hubs))
    }

    fn certificate(&self) -> Result<Option<Certificate>, Report> {
        let Some(path) = &self.x509 else { return Ok(None) };
        let pem = read_pem("--x509", path)?;
        Certificate::from_text(&String::from_utf8_lossy(&pem)).map(Some).map_err(|error| {
            Report::usage(format!("--x509 {}: {error}", path.display()))
                .remedy("give PEM with `-----BEGIN CERTIFICATE-----`")
        })
    }

    fn of_local(&self, local: &Local, printer: &mut Printer) -> Result<Through, Report> {
        let client = local.client("--local")?;
        let (kind, record) =
            run_to_end(record::of_device(&client, &self.reg_id, self.group.as_deref()))??;
        let webhook = record::webhook_of(&record, local).transpose()?;
        let enrollment = record::read(kind, &record)?;
        if self.group.is_none() {
            printer.note(&format!(
                "through {} {} (another: --group NAME)",
                kind.noun(),
                enrollment.name()
            ));
        }
        Ok(Through { enrollment, webhook })
    }

    /// An enrollment such as a function would be shown.
    fn of_nobody(&self, certificate: Option<&Certificate>) -> Result<Enrollment, Report> {
        let attestation = match (certificate, &self.group) {
            (None, _) => json!({ "type": "symmetricKey" }),
            (Some(_), Some(_)) => json!({
                "type": "x509", "x509": { "caReferences": { "primary": "device-ca" } },
            }),
            (Some(certificate), None) => {
                let own = json!({ "certificate": certificate.to_pem() });
                json!({ "type": "x509", "x509": { "clientCertificates": { "primary": own } } })
            }
        };
        let mut record = json!({ "attestation": attestation, "provisioningStatus": "enabled" });
        let kind = match &self.group {
            Some(_) => Kind::Group,
            None => Kind::Individual,
        };
        let name = self.group.as_deref().unwrap_or(self.reg_id.as_str());
        record[kind.id_member()] = Value::from(name);
        let read_as = match kind {
            Kind::Group => service::Kind::Group,
            _ => service::Kind::Individual,
        };
        let json = record.to_string();
        let read = read_enrollment_now(read_as, json.as_bytes(), &Sources::default(), None);
        let mut enrollment =
            read.map_err(|error| Report::usage(format!("--group, --reg-id: {error}")))?;
        if !self.linked_hub.is_empty() {
            let hubs = self.linked_hub.iter().map(ToString::to_string);
            enrollment.iot_hubs = Some(hubs.collect());
        }
        Ok(enrollment)
    }

    fn linked_hubs(
        &self,
        enrollment: &Enrollment,
        local: Option<&Local>,
        expected: &ExpectedArgs,
        printer: &mut Printer,
    ) -> Result<Vec<HubName>, Report> {
        if !self.linked_hub.is_empty() {
            return Ok(self.linked_hub.clone());
        }
        let named = |names: Vec<&str>| {
            let hubs = names.into_iter().map(str::parse::<HubName>).collect::<Result<Vec<_>, _>>();
            hubs.map_err(|error| Report::usage(format!("the hubs of the enrollment: {error}")))
        };
        if let Some(local) = local {
            let linked = local.hub_connection_strings.keys().map(String::as_str);
            return named(enrollment.named_hubs().unwrap_or_else(|| linked.collect()));
        }
        let mut hubs = named(vec![tutorial::HUB])?;
        hubs.extend(self.current_hub.clone().filter(|hub| !hubs.contains(hub)));
        hubs.extend(expected.hub().cloned().filter(|hub| !hubs.contains(hub)));
        let names: Vec<_> = hubs.iter().map(HubName::as_str).collect();
        printer.note(&format!("linked hubs: {} (others: --linked-hub HUB)", names.join(", ")));
        Ok(hubs)
    }
}
