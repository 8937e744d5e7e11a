//! Enrollment groups and the instance they belong to: the records and their rules (E.1–E.3, F.5).

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::attestation::GroupKeys;
use crate::wire::{ApiVersion, Etag, IdScope, Payload};

/// A DPS instance: what every enrollment can count on.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its ID scope.
    pub id_scope: IdScope,
    /// The hubs linked to it, in the order of the configuration (J-28).
    pub linked_hubs: Vec<LinkedHub>,
    /// Its enrollment groups.
    pub enrollment_groups: Vec<EnrollmentGroup>,
}

impl Instance {
    /// The linked hub of that name; case does not matter.
    pub fn linked_hub(&self, host_name: &str) -> Option<&LinkedHub> {
        self.linked_hubs.iter().find(|hub| hub.host_name.eq_ignore_ascii_case(host_name))
    }
}

/// An IoT hub linked to the instance (F.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedHub {
    /// Host name, such as `contoso-hub.azure-devices.net`.
    pub host_name: String,
    /// Weight under the hashed policy, 1 to 1000.
    pub allocation_weight: u16,
    /// Whether enrollments that name no hubs may use it.
    pub apply_allocation_policy: bool,
}

/// An enrollment group with symmetric keys.
#[derive(Debug, Clone)]
pub struct EnrollmentGroup {
    /// Its name.
    pub id: String,
    /// The keys from which its devices derive theirs.
    pub keys: GroupKeys,
    /// What its devices can do.
    pub capabilities: Option<Capabilities>,
    /// The first twin of its devices, as given.
    pub initial_twin: Option<Payload>,
    /// Version of the record.
    pub etag: Etag,
    /// Whether its devices may register; absent means enabled (J-22).
    pub provisioning_status: Option<ProvisioningStatus>,
    /// What happens to a device that comes again.
    pub reprovision_policy: Option<ReprovisionPolicy>,
    /// When the record was made.
    pub created: SystemTime,
    /// When it was last changed.
    pub updated: SystemTime,
    /// How its devices get their hub; absent means the instance's way, hashed.
    pub allocation_policy: Option<AllocationPolicy>,
    /// The hubs its devices may get; absent means every linked one.
    pub iot_hubs: Option<Vec<String>>,
    /// The webhook of a custom policy.
    pub custom_allocation: Option<CustomAllocationDefinition>,
}

impl EnrollmentGroup {
    /// Whether its devices may register.
    pub fn is_enabled(&self) -> bool {
        self.provisioning_status != Some(ProvisioningStatus::Disabled)
    }
}

/// What a device can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capabilities {
    /// Whether it is an IoT Edge device.
    pub iot_edge: bool,
}

/// Whether devices may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningStatus {
    /// They may.
    Enabled,
    /// They may not (F.4).
    Disabled,
}

/// What happens to a device that registers again (F.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReprovisionPolicy {
    /// It may get another hub.
    #[serde(default = "yes")]
    pub update_hub_assignment: bool,
    /// Its twin moves along.
    #[serde(default = "yes")]
    pub migrate_device_data: bool,
}

fn yes() -> bool {
    true
}

/// How devices get their hub (F.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AllocationPolicy {
    /// By a weighted hash of the registration ID.
    Hashed,
    /// The one hub that the enrollment names.
    Static,
    /// By asking a webhook.
    Custom,
}

/// The webhook of a custom policy (G.2).
#[derive(Debug, Clone, PartialEq)]
pub struct CustomAllocationDefinition {
    /// Where to ask.
    pub webhook_url: WebhookUrl,
    /// Version of the enrollment model in the request.
    pub api_version: ApiVersion,
}

/// The address of a webhook. Its query carries the function key, so `Display` and `Debug` mask it
/// as DPS does (G-1, G-2).
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// Why a text is no webhook address. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebhookUrlError {
    /// No URL.
    #[error("it is no URL: {0}")]
    Url(#[from] url::ParseError),
    /// Another scheme.
    #[error("it must begin with https:// or http://")]
    Scheme,
    /// A user name or password.
    #[error(
        "it must not contain a user name or password; function keys go into the query, as ?code=…"
    )]
    UserInfo,
}

impl WebhookUrl {
    /// The whole address with its key. Only for calling it.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// The address with its query masked: `https://host/api/Choose?****` (G-1).
    pub fn masked(&self) -> String {
        match self.0.as_str().split_once('?') {
            Some((address, _)) => format!("{address}?****"),
            None => self.0.to_string(),
        }
    }
}

impl std::str::FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, WebhookUrlError> {
        let url: Url = text.parse()?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(WebhookUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::UserInfo);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_1_and_g_2_a_webhook_address_never_shows_its_query() {
        let url: WebhookUrl =
            "https://alloc.azurewebsites.net/api/Choose?code=secret&x=1".parse().unwrap();

        assert_eq!(url.to_string(), "https://alloc.azurewebsites.net/api/Choose?****");
        assert!(!format!("{url:?}").contains("secret"));
        assert_eq!(
            url.expose().as_str(),
            "https://alloc.azurewebsites.net/api/Choose?code=secret&x=1"
        );
        let bare: WebhookUrl = "http://localhost:7071/api/Choose".parse().unwrap();
        assert_eq!(bare.masked(), "http://localhost:7071/api/Choose");
    }

    #[test]
    fn webhook_addresses_are_http_without_credentials() {
        let refused = |text: &str| text.parse::<WebhookUrl>().unwrap_err();

        assert_eq!(refused("ftp://x/y"), WebhookUrlError::Scheme);
        assert_eq!(refused("https://me:pw@host/y"), WebhookUrlError::UserInfo);
        assert!(matches!(refused("choose"), WebhookUrlError::Url(_)));
    }
}
