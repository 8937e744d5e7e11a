//! The scenario file (TOML).

use serde::Deserialize;

use crate::attestation::{DeviceKey, GroupKey};
use crate::contoso::{self, FUNCTION_URL};
use crate::device::Credential;
use crate::service::{Config, RECORD_NAMES};
use crate::text::{Document, Fault, MemberPath, key_text};
use crate::wire::{HubName, Payload, RegistrationId};

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
    pub assigned_hub: Option<HubName>,
    /// The service's error code.
    pub error_code: Option<u32>,
    /// The service's error message.
    pub error_message: Option<String>,
    /// `assigned`, `failed`, `disabled`, `refused` (401) or `error`.
    pub status: Option<String>,
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
    payload: Option<Payload>,
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
    /// Names the line, the record and the member, and what is wrong with it. Never repeats a key.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let document = Document::parse(text, &RECORD_NAMES)?;
        let file: File = document.read()?;
        if file.device.is_empty() {
            return Err(document.fault(&MemberPath::default(), "it has no [[device]]"));
        }
        if let Some(service) = &file.service {
            service.check(&[FUNCTION_URL]).map_err(|error| {
                document.fault(&MemberPath::of(&["service"]).join(error.path()), error.reason())
            })?;
        }
        let devices = file.device.into_iter().enumerate().map(|(index, device)| {
            let path = MemberPath::of(&["device"]).item(index);
            device.check().map_err(|(member, reason)| document.fault(&path.join(&member), reason))
        });
        Ok(Self {
            devices: devices.collect::<Result<_, _>>()?,
            service: file.service.unwrap_or_else(contoso::config),
        })
    }
}

/// A member of a device, and what is wrong with it.
type Wrong = (MemberPath, String);

fn wrong(member: &str, reason: impl ToString) -> Wrong {
    (MemberPath::of(&[member]), reason.to_string())
}

impl DeviceEntry {
    fn check(self) -> Result<DeviceSpec, Wrong> {
        let registration_id: RegistrationId =
            self.registration_id.parse().map_err(|e| wrong("registrationId", e))?;
        let key = match (&self.group_key, &self.device_key) {
            (Some(text), None) => {
                let group_key: GroupKey =
                    key_text(text).parse().map_err(|e| wrong("groupKey", e))?;
                group_key.derive(&registration_id)
            }
            (None, Some(text)) => {
                key_text(text).parse::<DeviceKey>().map_err(|e| wrong("deviceKey", e))?
            }
            (Some(_), Some(_)) => {
                return Err(wrong("groupKey", "give groupKey or deviceKey, not both"));
            }
            (None, None) => return Err(wrong("groupKey", "give groupKey or deviceKey")),
        };
        self.expect.check()?;
        Ok(DeviceSpec {
            registration_id,
            credential: Credential::SymmetricKey(key),
            payload: self.payload,
            expect: self.expect,
        })
    }
}

impl Expectation {
    fn check(&self) -> Result<(), Wrong> {
        const STATUSES: [&str; 5] = ["assigned", "failed", "disabled", "refused", "error"];
        if let Some(status) = self.status.as_deref().filter(|status| !STATUSES.contains(status)) {
            return Err((
                MemberPath::of(&["expect", "status"]),
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
                "expect",
                "name at least one of assignedHub, errorCode, errorMessage, status",
            ));
        }
        if assigned_hub.is_some() && (error_code.is_some() || error_message.is_some()) {
            return Err(wrong("expect", "a device is either assigned or has an error, not both"));
        }
        Ok(())
    }
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

    /// J-240.
    #[test]
    fn an_expected_hub_that_cannot_be_is_told_before_anything_runs() {
        let error = refused(&format!("{DEVICE}expect = {{ assignedHub = \"a b.net\" }}"));

        assert!(error.contains("' ' at position 2"), "{error}");
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
        assert_eq!(
            refused(&both),
            "line 3: device \"a\": groupKey: give groupKey or deviceKey, not both"
        );
        let broken = DEVICE.replace("AAAAAAAAAAAAAAAAAAAAAA==", "c2VjcmV0*");
        let message = refused(&format!("{broken}expect = {{ status = \"assigned\" }}"));
        assert!(
            message.contains("groupKey: the key is not Base64") && !message.contains("c2Vj"),
            "{message}"
        );
        let unclosed = refused("[[device]]\ngroupKey = \"c2VjcmV0");
        assert!(unclosed.starts_with("line 2") && !unclosed.contains("c2Vj"), "{unclosed}");
    }

    #[test]
    fn a_payload_reaches_the_service_as_it_is_written_or_not_at_all() {
        let payload = |toml: &str| {
            let text = format!("{DEVICE}expect.status = \"assigned\"\n{toml}");
            let scenario = Scenario::read(&text).map_err(|fault| fault.to_string())?;
            Ok::<_, String>(scenario.devices[0].payload.as_ref().unwrap().as_json().to_owned())
        };

        assert_eq!(
            payload("payload = { z = 1.50, a = 0x10, m = { y = 18446744073709551616, b = [] } }"),
            Ok(r#"{"z":1.50,"a":16,"m":{"y":18446744073709551616,"b":[]}}"#.to_owned())
        );
        for (toml, told) in [
            (
                "payload = { when = 1979-05-27T07:32:00Z, x = nan }",
                "line 5: device \"a\": payload.when: JSON has no dates and times; write it as text: \"1979-05-27T07:32:00Z\"",
            ),
            (
                "[device.payload]\ny = 1\nx = [nan]",
                "line 7: device \"a\": payload.x[0]: JSON has no number `nan`",
            ),
        ] {
            assert_eq!(payload(toml), Err(told.to_owned()));
        }
    }

    #[test]
    fn a_mistake_in_the_service_is_told_by_its_line_in_the_scenario() {
        let text = format!(
            "{DEVICE}expect.status = \"assigned\"\n[service]\nidScope = \"0ne1\"\n\n\
             [[service.enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\n\
             attestation.type = \"symmetricKey\"\nallocationPolicy = \"Custom\"\n"
        );

        assert_eq!(
            refused(&text),
            "line 11: service.enrollmentGroups \"pumps\": allocationPolicy: unknown value `Custom`, \
             expected one of `hashed`, `geoLatency`, `static`, `custom`; did you mean `custom`?"
        );
    }

    #[test]
    fn a_key_may_stand_on_two_lines() {
        let text = DEVICE
            .replace("\"AAAAAAAAAAAAAAAAAAAAAA==\"", "\"\"\"\nAAAAAAAAAAAA\nAAAAAAAAAA==\n\"\"\"");

        assert!(Scenario::read(&format!("{text}expect.status = \"assigned\"")).is_ok());
    }
}
