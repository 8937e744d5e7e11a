//! What a configuration file says, and how it becomes an [`Instance`].
//!
//! Record members keep the REST API's names; the file's own settings are spelled as the flags of
//! `serve`. A mistake is reported with the enrollment and the member it is in.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use thiserror::Error;

use super::enrollment::{
    AllocationPolicy, Capabilities, CustomAllocationDefinition, EnrollmentGroup, Instance,
    LinkedHub, ProvisioningStatus, ReprovisionPolicy, WebhookUrl,
};
use crate::attestation::{GroupKey, GroupKeys};
use crate::wire::{ApiVersion, Etag, Payload};

/// A configuration as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// ID scope of the instance.
    pub id_scope: String,
    /// The hubs linked to the instance.
    #[serde(default)]
    pub linked_hubs: Vec<LinkedHubConfig>,
    /// Its enrollment groups.
    #[serde(default)]
    pub enrollment_groups: Vec<EnrollmentGroupConfig>,
    /// What every 202 tells devices to wait, unless a flag says otherwise.
    #[serde(default, rename = "retry-after", with = "human")]
    pub retry_after: Option<Duration>,
    /// How many polls at least are answered `assigning`, unless a flag says otherwise.
    #[serde(default, rename = "assigning-polls")]
    pub assigning_polls: Option<u32>,
}

/// A linked hub: its name, or a table with the names of the resource model.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum LinkedHubConfig {
    /// Just its host name.
    Name(String),
    /// More of it.
    Table {
        /// Host name.
        name: String,
        /// Weight under the hashed policy.
        #[serde(default = "one", rename = "allocationWeight")]
        allocation_weight: u16,
        /// Whether enrollments that name no hubs may use it.
        #[serde(default = "yes", rename = "applyAllocationPolicy")]
        apply_allocation_policy: bool,
    },
}

fn one() -> u16 {
    1
}

fn yes() -> bool {
    true
}

/// An enrollment group (E.2).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnrollmentGroupConfig {
    /// Its name.
    pub enrollment_group_id: String,
    /// Its keys.
    pub attestation: AttestationConfig,
    /// What its devices can do.
    pub capabilities: Option<Capabilities>,
    /// The first twin of its devices.
    pub initial_twin: Option<toml::Value>,
    /// Whether its devices may register.
    pub provisioning_status: Option<ProvisioningStatus>,
    /// What happens to a device that comes again.
    pub reprovision_policy: Option<ReprovisionPolicy>,
    /// How its devices get their hub.
    pub allocation_policy: Option<AllocationPolicy>,
    /// The hubs its devices may get.
    pub iot_hubs: Option<Vec<String>>,
    /// The webhook of a custom policy.
    pub custom_allocation_definition: Option<CustomAllocationConfig>,
}

/// How the devices of a group prove themselves (E.3).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttestationConfig {
    /// `symmetricKey`.
    pub r#type: AttestationType,
    /// The two keys.
    pub symmetric_key: SymmetricKeyConfig,
}

/// The kinds of attestation that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationType {
    /// Keys derived from a group key.
    SymmetricKey,
}

/// The keys of a group, in Base64. A missing secondary key is the primary one.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SymmetricKeyConfig {
    /// Primary key.
    pub primary_key: String,
    /// Secondary key.
    pub secondary_key: Option<String>,
}

impl std::fmt::Debug for AttestationConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AttestationConfig(redacted)")
    }
}

impl std::fmt::Debug for SymmetricKeyConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SymmetricKeyConfig(redacted)")
    }
}

/// The webhook of a custom policy (E.1).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomAllocationConfig {
    /// Where to ask.
    pub webhook_url: String,
    /// Version of the enrollment model in the request.
    pub api_version: String,
}

impl std::fmt::Debug for CustomAllocationConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomAllocationConfig(redacted)")
    }
}

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    place: String,
    reason: String,
}

impl Config {
    /// Checks the configuration and makes the instance of it; records get `now` as their time.
    ///
    /// # Errors
    ///
    /// Names the first member that is wrong, and why.
    pub fn instance(&self, now: SystemTime) -> Result<Instance, ConfigError> {
        let mut enrollment_groups: Vec<EnrollmentGroup> =
            Vec::with_capacity(self.enrollment_groups.len());
        for group in &self.enrollment_groups {
            let id = &group.enrollment_group_id;
            if enrollment_groups.iter().any(|known| known.id.eq_ignore_ascii_case(id)) {
                return Err(error(format!("enrollment group {id:?}"), "it is there twice"));
            }
            let place = |member: &str| format!("enrollment group {id:?}, {member}");
            enrollment_groups.push(group.record(now, &place)?);
        }
        Ok(Instance {
            id_scope: self.id_scope.parse().map_err(|e| error("idScope", e))?,
            linked_hubs: self
                .linked_hubs
                .iter()
                .map(LinkedHubConfig::record)
                .collect::<Result<_, _>>()?,
            enrollment_groups,
        })
    }
}

impl LinkedHubConfig {
    fn record(&self) -> Result<LinkedHub, ConfigError> {
        let hub = match self.clone() {
            Self::Name(host_name) => {
                LinkedHub { host_name, allocation_weight: 1, apply_allocation_policy: true }
            }
            Self::Table { name, allocation_weight, apply_allocation_policy } => {
                LinkedHub { host_name: name, allocation_weight, apply_allocation_policy }
            }
        };
        let place = || format!("linkedHubs, {:?}", hub.host_name);
        if !matches!(url::Host::parse(&hub.host_name), Ok(url::Host::Domain(_))) {
            return Err(error(place(), "expected a host name such as my-hub.azure-devices.net"));
        }
        if !(1..=1000).contains(&hub.allocation_weight) {
            return Err(error(place(), "allocationWeight must be 1 to 1000"));
        }
        Ok(hub)
    }
}

impl EnrollmentGroupConfig {
    fn record(
        &self,
        now: SystemTime,
        place: &dyn Fn(&str) -> String,
    ) -> Result<EnrollmentGroup, ConfigError> {
        self.check_allocation(place)?;
        Ok(EnrollmentGroup {
            id: self.checked_id(place)?,
            keys: self.attestation.symmetric_key.keys(place)?,
            capabilities: self.capabilities,
            initial_twin: self.initial_twin.as_ref().map(|twin| json(twin, place)).transpose()?,
            etag: Etag::new(now, fastrand::u32(..)),
            provisioning_status: Some(
                self.provisioning_status.unwrap_or(ProvisioningStatus::Enabled),
            ),
            reprovision_policy: self.reprovision_policy,
            created: now,
            updated: now,
            allocation_policy: self.allocation_policy,
            iot_hubs: self.iot_hubs.clone(),
            custom_allocation: self
                .custom_allocation_definition
                .as_ref()
                .map(|definition| definition.record(place))
                .transpose()?,
        })
    }

    /// Group names follow the rule of registration IDs (D.1).
    fn checked_id(&self, place: &dyn Fn(&str) -> String) -> Result<String, ConfigError> {
        let id = &self.enrollment_group_id;
        id.parse::<crate::wire::RegistrationId>()
            .map_err(|e| error(place("enrollmentGroupId"), e))?;
        Ok(id.clone())
    }

    /// With the service's own words where they were recorded (E.5).
    fn check_allocation(&self, place: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        let has_webhook = self.custom_allocation_definition.is_some();
        if self.allocation_policy == Some(AllocationPolicy::Custom) && !has_webhook {
            let reason = "A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'";
            return Err(error(place("customAllocationDefinition"), reason));
        }
        if self.iot_hubs.is_some() && self.allocation_policy.is_none() {
            let reason =
                "Enrollment allocationPolicy must be specified when iotHubs are specified.";
            return Err(error(place("allocationPolicy"), reason));
        }
        Ok(())
    }
}

impl SymmetricKeyConfig {
    fn keys(&self, place: &dyn Fn(&str) -> String) -> Result<GroupKeys, ConfigError> {
        let key = |member: &str, text: &str| -> Result<GroupKey, ConfigError> {
            let key: GroupKey = text.parse().map_err(|e| error(place(member), e))?;
            if (16..=64).contains(&key.length()) {
                return Ok(key);
            }
            Err(error(
                place(member),
                format!("a key has 16 to 64 bytes, this one {}", key.length()),
            ))
        };
        let primary = key("primaryKey", &self.primary_key)?;
        let secondary = match &self.secondary_key {
            Some(text) => key("secondaryKey", text)?,
            None => primary.clone(),
        };
        Ok(GroupKeys { primary, secondary })
    }
}

impl CustomAllocationConfig {
    fn record(
        &self,
        place: &dyn Fn(&str) -> String,
    ) -> Result<CustomAllocationDefinition, ConfigError> {
        let webhook_url: WebhookUrl = self
            .webhook_url
            .parse()
            .map_err(|e| error(place("customAllocationDefinition.webhookUrl"), e))?;
        let api_version: ApiVersion = self
            .api_version
            .parse()
            .map_err(|e| error(place("customAllocationDefinition.apiVersion"), e))?;
        Ok(CustomAllocationDefinition { webhook_url, api_version })
    }
}

fn json(value: &toml::Value, place: &dyn Fn(&str) -> String) -> Result<Payload, ConfigError> {
    let wrong = |reason: String| error(place("initialTwin"), reason);
    let text = serde_json::to_string(value).map_err(|e| wrong(e.to_string()))?;
    text.parse().map_err(|e: crate::wire::PayloadError| wrong(e.to_string()))
}

fn error(place: impl Into<String>, reason: impl ToString) -> ConfigError {
    ConfigError { place: place.into(), reason: reason.to_string() }
}

/// Durations as people write them: `3s`, `1m 30s`.
mod human {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Some).map_err(|e| {
            serde::de::Error::custom(format!("{text:?} is no duration such as \"3s\": {e}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const GROUP: &str = r#"
        idScope = "0ne00002193"
        linkedHubs = ["a.azure-devices.net", { name = "b.azure-devices.net", allocationWeight = 3 }]
        retry-after = "0s"

        [[enrollmentGroups]]
        enrollmentGroupId = "pumps"
        attestation = { type = "symmetricKey", symmetricKey = { primaryKey = "AAAAAAAAAAAAAAAAAAAAAA==" } }
    "#;

    fn instance(text: &str) -> Result<Instance, String> {
        let config: Config = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        config.instance(UNIX_EPOCH).map_err(|e| e.to_string())
    }

    #[test]
    fn a_small_configuration_becomes_an_instance() {
        let instance = instance(GROUP).unwrap();

        assert_eq!(instance.linked_hub("B.azure-devices.net").unwrap().allocation_weight, 3);
        let group = &instance.enrollment_groups[0];
        assert_eq!(group.keys.primary, group.keys.secondary);
        assert!(group.is_enabled());
    }

    #[test]
    fn mistakes_are_reported_with_their_place() {
        let refused = |extra: &str| instance(&format!("{GROUP}{extra}")).unwrap_err();

        assert_eq!(
            refused("\nallocationPolicy = \"custom\""),
            "enrollment group \"pumps\", customAllocationDefinition: A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'"
        );
        assert_eq!(
            refused("\niotHubs = [\"a.azure-devices.net\"]"),
            "enrollment group \"pumps\", allocationPolicy: Enrollment allocationPolicy must be specified when iotHubs are specified."
        );
        assert!(
            refused("\nalocationPolicy = \"custom\"").contains("unknown field `alocationPolicy`")
        );
        assert!(refused("\nallocationPolicy = \"nearest\"").contains("unknown variant `nearest`"));
        assert!(
            instance(&GROUP.replace("\"0s\"", "\"soon\"")).unwrap_err().contains("no duration")
        );
        assert!(
            instance(&GROUP.replace("\"a.azure", "\"a b.azure"))
                .unwrap_err()
                .starts_with("linkedHubs")
        );
        assert!(
            instance(&GROUP.replace("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"))
                .unwrap_err()
                .contains("16 to 64 bytes, this one 3")
        );
    }
}
