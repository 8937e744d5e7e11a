//! The scenario file (TOML).

use serde::Deserialize;
use thiserror::Error;

use crate::attestation::{DeviceKey, GroupKey};
use crate::contoso;
use crate::device::Credential;
use crate::service::Config;
use crate::wire::{Payload, RegistrationId};

/// A scenario, checked.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What to serve.
    pub service: Config,
    /// The devices, in the order in which they register.
    pub devices: Vec<DeviceSpec>,
}

/// One device and what must become of it.
#[derive(Debug, Clone)]
pub struct DeviceSpec {
    /// Its name.
    pub registration_id: RegistrationId,
    /// Its proof.
    pub credential: Credential,
    /// What it has to say.
    pub payload: Option<Payload>,
    /// What must come out.
    pub expect: Expectation,
}

/// What must come out; what is not named may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// Host name of the hub.
    pub assigned_hub: Option<String>,
    /// The service's error code.
    pub error_code: Option<u32>,
    /// The service's error message.
    pub error_message: Option<String>,
    /// `assigned`, `failed`, `disabled`, `refused` (401) or `error`.
    pub status: Option<String>,
}

/// What is wrong with a scenario, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct ScenarioError {
    /// The line, or the device.
    place: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    service: Option<Config>,
    #[serde(default)]
    device: Vec<DeviceEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceEntry {
    registration_id: String,
    group_key: Option<String>,
    device_key: Option<String>,
    payload: Option<toml::Value>,
    expect: Expectation,
}

impl std::fmt::Debug for DeviceEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceEntry({:?})", self.registration_id)
    }
}

impl Scenario {
    /// Reads a scenario. Without `[service]` it is played in the tutorial's world.
    ///
    /// # Errors
    ///
    /// Names the line or the device, and what is wrong with it. Never repeats a key.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        if file.device.is_empty() {
            return Err(wrong("the file", "it has no [[device]]"));
        }
        let devices = file.device.into_iter().map(DeviceEntry::check).collect::<Result<_, _>>()?;
        Ok(Self { service: file.service.unwrap_or_else(contoso::config), devices })
    }
}

/// toml's own text shows the line, which may hold a key; its message and number do not.
pub(crate) fn toml_place(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count() + 1);
    line.map_or_else(|| "the file".to_owned(), |line| format!("line {line}"))
}

fn syntax(text: &str, error: &toml::de::Error) -> ScenarioError {
    wrong(toml_place(text, error), error.message())
}

fn wrong(place: impl Into<String>, reason: impl ToString) -> ScenarioError {
    ScenarioError { place: place.into(), reason: reason.to_string() }
}

impl DeviceEntry {
    fn check(self) -> Result<DeviceSpec, ScenarioError> {
        let place = |member: &str| format!("device {:?}, {member}", self.registration_id);
        let registration_id: RegistrationId =
            self.registration_id.parse().map_err(|e| wrong(place("registrationId"), e))?;
        let key = match (&self.group_key, &self.device_key) {
            (Some(text), None) => {
                let group_key: GroupKey = text.parse().map_err(|e| wrong(place("groupKey"), e))?;
                group_key.derive(&registration_id)
            }
            (None, Some(text)) => {
                text.parse::<DeviceKey>().map_err(|e| wrong(place("deviceKey"), e))?
            }
            (Some(_), Some(_)) => {
                return Err(wrong(place("groupKey"), "give groupKey or deviceKey, not both"));
            }
            (None, None) => return Err(wrong(place("groupKey"), "give groupKey or deviceKey")),
        };
        let payload =
            self.payload.as_ref().map(|value| json(value, &place("payload"))).transpose()?;
        self.expect.check(&place("expect"))?;
        Ok(DeviceSpec {
            registration_id,
            credential: Credential::SymmetricKey(key),
            payload,
            expect: self.expect,
        })
    }
}

impl Expectation {
    fn check(&self, place: &str) -> Result<(), ScenarioError> {
        const STATUSES: [&str; 5] = ["assigned", "failed", "disabled", "refused", "error"];
        if let Some(status) = self.status.as_deref().filter(|status| !STATUSES.contains(status)) {
            return Err(wrong(
                place,
                format!("status {status:?} is none of {}", STATUSES.join(", ")),
            ));
        }
        let Self { assigned_hub, error_code, error_message, status } = self;
        if assigned_hub.is_none()
            && error_code.is_none()
            && error_message.is_none()
            && status.is_none()
        {
            return Err(wrong(
                place,
                "name at least one of assignedHub, errorCode, errorMessage, status",
            ));
        }
        if assigned_hub.is_some() && (error_code.is_some() || error_message.is_some()) {
            return Err(wrong(place, "a device is either assigned or has an error, not both"));
        }
        Ok(())
    }
}

fn json(value: &toml::Value, place: &str) -> Result<Payload, ScenarioError> {
    let text = serde_json::to_string(value).map_err(|e| wrong(place, e))?;
    text.parse().map_err(|e: crate::wire::PayloadError| wrong(place, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str =
        "[[device]]\nregistrationId = \"a\"\ngroupKey = \"AAAAAAAAAAAAAAAAAAAAAA==\"\n";

    fn refused(text: &str) -> String {
        Scenario::read(text).unwrap_err().to_string()
    }

    #[test]
    fn the_contoso_scenario_is_read() {
        let scenario =
            Scenario::read(include_str!("../../fixtures/contoso/scenario.toml")).unwrap();

        assert_eq!(scenario.service.assigning_polls, Some(1));
        let [toaster, heat_pump] = &scenario.devices[..] else { panic!() };
        assert_eq!(
            toaster.payload.as_ref().unwrap().as_json(),
            r#"{"MyDeviceFirmwareVersion":"12.0.2.5","MyDeviceProvisioningVersion":"1.0.0.0"}"#
        );
        assert_eq!(heat_pump.expect.error_code, Some(400_207));
    }

    #[test]
    fn without_a_service_it_is_the_tutorials_world() {
        let scenario =
            Scenario::read(&format!("{DEVICE}expect = {{ status = \"assigned\" }}")).unwrap();

        assert_eq!(scenario.service.id_scope, "0ne00002193");
    }

    #[test]
    fn mistakes_are_reported_with_their_place_and_without_keys() {
        assert_eq!(refused(""), "the file: it has no [[device]]");
        assert!(refused("[[device]]\nregistrationId = 1").starts_with("line 2: "));
        assert!(refused(&format!("{DEVICE}expect = {{}}")).contains("name at least one of"));
        assert!(
            refused(&format!("{DEVICE}expect = {{ status = \"ok\" }}"))
                .contains("status \"ok\" is none of")
        );
        let both = format!("{DEVICE}deviceKey = \"AAAA\"\nexpect = {{ status = \"assigned\" }}");
        assert_eq!(refused(&both), "device \"a\", groupKey: give groupKey or deviceKey, not both");
        let broken = DEVICE.replace("AAAAAAAAAAAAAAAAAAAAAA==", "c2VjcmV0*");
        let message = refused(&format!("{broken}expect = {{ status = \"assigned\" }}"));
        assert!(
            message.contains("groupKey: the key is not Base64") && !message.contains("c2Vj"),
            "{message}"
        );
        let unclosed = refused("[[device]]\ngroupKey = \"c2VjcmV0");
        assert!(unclosed.starts_with("line 2") && !unclosed.contains("c2Vj"), "{unclosed}");
    }
}
