//! The record of an enrollment (E.1, E.2).

use std::time::SystemTime;

use super::attestation::Attestation;
use super::issuer::IssuerNames;
use super::policy::{AllocationPolicy, Capabilities, ProvisioningStatus, ReprovisionPolicy};
use super::unknown::Unknown;
use super::webhook_url::WebhookUrl;
use crate::service::twin::InitialTwin;
use crate::wire::{ApiVersion, DeviceId, Etag, Payload, RegistrationId};

/// An individual enrollment or an enrollment group.
#[derive(Debug, Clone)]
pub struct Enrollment {
    /// For whom it is.
    pub subject: Subject,
    /// How that subject proves itself.
    pub attestation: Attestation,
    /// What its devices can do.
    pub capabilities: Option<Capabilities>,
    /// The one hub of its devices, in the form of before there were lists.
    pub iot_hub_host_name: Option<String>,
    /// The first twin of its devices, as given.
    pub initial_twin: Option<Payload>,
    /// Version of the record.
    pub etag: Etag,
    /// Whether its devices may register; `None` is an explicit `null`, which means enabled (J-22).
    pub provisioning_status: Option<ProvisioningStatus>,
    /// What happens to a device that comes again.
    pub reprovision_policy: Option<ReprovisionPolicy>,
    /// When the record was made.
    pub created: SystemTime,
    /// When it was last changed.
    pub updated: SystemTime,
    /// How its devices get their hub; absent means the instance's way.
    pub allocation_policy: Option<AllocationPolicy>,
    /// The hubs its devices may get; absent means every linked one.
    pub iot_hubs: Option<Vec<String>>,
    /// The webhook of a custom policy.
    pub custom_allocation: Option<CustomAllocationDefinition>,
    /// Who issues certificates to its devices.
    pub issuer: IssuerNames,
    /// Members that this program does not know; they survive.
    pub unknown: Unknown,
}

/// For whom an enrollment is.
#[derive(Debug, Clone)]
pub enum Subject {
    /// One device.
    Individual {
        /// Its name towards DPS.
        registration_id: RegistrationId,
        /// Its name on the hub; absent means the registration ID.
        device_id: Option<DeviceId>,
        /// A free map.
        optional_device_information: Option<Payload>,
    },
    /// Every device that can prove that it belongs to it.
    Group {
        /// Its name.
        id: String,
    },
}

/// The webhook of a custom policy (G.2).
#[derive(Debug, Clone, PartialEq)]
pub struct CustomAllocationDefinition {
    /// Where to ask.
    pub webhook_url: WebhookUrl,
    /// Version of the enrollment model in the request.
    pub api_version: ApiVersion,
}

/// Which of the two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `enrollments`.
    Individual,
    /// `enrollmentGroups`.
    Group,
}

impl Kind {
    /// The word for it in addresses of the page, in the journal and in what is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Group => "group",
        }
    }

    /// The kind of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Individual, Self::Group].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Enrollment {
    /// Its name: registration ID or group ID, as given.
    pub fn name(&self) -> &str {
        match &self.subject {
            Subject::Individual { registration_id, .. } => registration_id.as_str(),
            Subject::Group { id } => id,
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self.subject {
            Subject::Individual { .. } => Kind::Individual,
            Subject::Group { .. } => Kind::Group,
        }
    }

    /// Whether its devices may register.
    pub fn is_enabled(&self) -> bool {
        self.provisioning_status != Some(ProvisioningStatus::Disabled)
    }

    /// The name on the hub of a device that registers through it (E.1, D.5).
    pub fn device_id(&self, registration_id: &RegistrationId) -> DeviceId {
        match &self.subject {
            Subject::Individual { device_id: Some(device_id), .. } => device_id.clone(),
            _ => registration_id.into(),
        }
    }

    /// The first twin of its devices. It was checked when the record was read.
    pub fn first_twin(&self) -> InitialTwin {
        let twin = self.initial_twin.as_ref();
        twin.and_then(|twin| InitialTwin::read(twin.as_json()).ok()).unwrap_or_default()
    }

    /// The hubs it names, in either form.
    pub fn named_hubs(&self) -> Option<Vec<&str>> {
        let list = self.iot_hubs.as_ref().map(|hubs| hubs.iter().map(String::as_str).collect());
        list.or_else(|| self.iot_hub_host_name.as_deref().map(|hub| vec![hub]))
    }
}
