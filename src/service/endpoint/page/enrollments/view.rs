//! An enrollment as pages show it: nothing of its keys, and its webhook's address without the query (G-1).
//! Every text of others is inert here, but for names that forms send back.

use crate::attestation::Certificate;
use crate::service::endpoint::page::address::of_enrollment;
use crate::service::endpoint::page::registrations::Time;
use crate::service::endpoint::page::shown::pretty;
use crate::service::enrollment::{
    AllocationPolicy, Attestation, Enrollment, ReprovisionPolicy, Subject, show_to_webhook,
};
use crate::text::inert;

/// An enrollment.
#[derive(Debug)]
pub(super) struct View {
    /// As it is, for forms.
    pub(super) name: String,
    /// As it is shown.
    pub(super) shown: String,
    pub(super) kind: &'static str,
    pub(super) address: String,
    pub(super) is_enabled: bool,
    pub(super) attestation: &'static str,
    pub(super) allocation: &'static str,
    pub(super) hubs: Vec<String>,
    pub(super) webhook: Option<(String, String)>,
    pub(super) reprovisioning: &'static str,
    pub(super) device_id: Option<String>,
    pub(super) twin: Option<String>,
    pub(super) certificates: Vec<String>,
    /// The public keys of a TPM, Base64.
    pub(super) tpm_keys: Vec<(&'static str, String)>,
    pub(super) has_keys: bool,
    pub(super) etag: String,
    pub(super) created: Time,
    pub(super) updated: Time,
}

impl From<&Enrollment> for View {
    fn from(enrollment: &Enrollment) -> Self {
        let kind = enrollment.kind().as_str();
        let webhook = enrollment
            .custom_allocation
            .as_ref()
            .map(|it| (inert(&it.webhook_url.masked()).into_owned(), it.api_version.to_string()));
        let device_id = match &enrollment.subject {
            Subject::Individual { device_id, .. } => device_id.as_ref(),
            Subject::Group { .. } => None,
        };
        let twin = enrollment.initial_twin.as_ref();
        Self {
            name: enrollment.name().to_owned(),
            shown: inert(enrollment.name()).into_owned(),
            kind,
            address: of_enrollment(enrollment.kind(), enrollment.name()),
            is_enabled: enrollment.is_enabled(),
            attestation: attestation(&enrollment.attestation),
            allocation: allocation(enrollment.allocation_policy),
            hubs: enrollment
                .named_hubs()
                .unwrap_or_default()
                .into_iter()
                .map(|hub| inert(hub).into_owned())
                .collect(),
            webhook,
            reprovisioning: reprovisioning(enrollment.reprovision_policy),
            device_id: device_id.map(|it| inert(it.as_str()).into_owned()),
            twin: twin.map(|twin| pretty(twin.as_json())),
            certificates: certificates(&enrollment.attestation),
            tpm_keys: tpm_keys(&enrollment.attestation),
            has_keys: has_keys(enrollment),
            etag: enrollment.etag.encoded(),
            created: enrollment.created.into(),
            updated: enrollment.updated.into(),
        }
    }
}

/// Whether its devices prove themselves by a key.
pub(super) fn has_keys(enrollment: &Enrollment) -> bool {
    matches!(enrollment.attestation, Attestation::DeviceKeys(_) | Attestation::GroupKeys(_))
}

/// The record, without keys.
pub(super) fn record(enrollment: &Enrollment) -> String {
    let record = serde_json::to_string(&show_to_webhook(enrollment)).unwrap_or_default();
    pretty(&record)
}

fn attestation(attestation: &Attestation) -> &'static str {
    match attestation {
        Attestation::DeviceKeys(_) | Attestation::GroupKeys(_) => "Symmetric key",
        Attestation::ClientCertificates(_) => "X.509, own certificate",
        Attestation::SigningCertificates(_) => "X.509, signing certificate",
        Attestation::CaReferences(_) => "X.509, uploaded CA",
        Attestation::Tpm { .. } => "TPM",
    }
}

fn certificates(attestation: &Attestation) -> Vec<String> {
    let certificate = |it: &Certificate| {
        let info = it.info();
        format!("{} ({})", inert(&info.subject_name), info.sha1_thumbprint)
    };
    match attestation {
        Attestation::ClientCertificates(slots) | Attestation::SigningCertificates(slots) => {
            slots.iter().map(certificate).collect()
        }
        Attestation::CaReferences(slots) => {
            slots.iter().map(|name| inert(name).into_owned()).collect()
        }
        _ => Vec::new(),
    }
}

fn tpm_keys(attestation: &Attestation) -> Vec<(&'static str, String)> {
    let Some(keys) = attestation.tpm_keys() else { return Vec::new() };
    let named =
        [("Endorsement key", keys.endorsement_key), ("Storage root key", keys.storage_root_key)];
    named.into_iter().filter_map(|(name, key)| Some((name, inert(&key?).into_owned()))).collect()
}

fn allocation(policy: Option<AllocationPolicy>) -> &'static str {
    match policy {
        None => "as the instance does",
        Some(AllocationPolicy::Hashed) => "evenly weighted",
        Some(AllocationPolicy::GeoLatency) => "lowest latency",
        Some(AllocationPolicy::Static) => "static",
        Some(AllocationPolicy::Custom) => "custom (webhook)",
    }
}

fn reprovisioning(policy: Option<ReprovisionPolicy>) -> &'static str {
    match policy {
        None => "not said",
        Some(ReprovisionPolicy { update_hub_assignment: false, .. }) => "never",
        Some(ReprovisionPolicy { migrate_device_data: true, .. }) => "migrate data",
        Some(ReprovisionPolicy { migrate_device_data: false, .. }) => "reset data",
    }
}
