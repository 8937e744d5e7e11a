//! What the enrollments of a scenario let devices prove themselves with: the keys of a group are known
//! by its name.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::authorities::Authorities;
use crate::attestation::{Certificate, DeviceKey, GroupKey, GroupKeys};
use crate::pki::TestAuthority;
use crate::service::{Config, EnrollmentConfig};
use crate::text::nearest;

const ATTESTATION: &str = "attestation";
const GROUP: &str = "enrollmentGroupId";
const DEVICE: &str = "registrationId";

/// The enrollments of a scenario, by name.
#[derive(Debug, Default)]
pub(super) struct Enrolled {
    groups: Vec<(String, Group)>,
    devices: Vec<(String, (DeviceKey, DeviceKey))>,
}

/// How devices of a group prove themselves.
#[derive(Debug)]
pub(super) enum Group {
    /// By keys derived from one of these.
    Keys(GroupKeys),
    /// By certificates below one of these.
    Certificates(Vec<Certificate>),
    /// In another way, or one that is not written as it should be; the service says so.
    Other,
}

/// Gives the enrollments for symmetric keys that have none their keys, as the service would, so that
/// they are known to the devices.
pub(super) fn with_keys(config: &mut Config) {
    for group in &mut config.enrollment_groups {
        *group = with_keys_of(group, || GroupKey::generate().to_base64().to_string());
    }
    for enrollment in &mut config.enrollments {
        *enrollment = with_keys_of(enrollment, || DeviceKey::generate().to_base64().to_string());
    }
}

fn with_keys_of(written: &EnrollmentConfig, generate: impl Fn() -> String) -> EnrollmentConfig {
    let Some(mut attestation) = written.get(ATTESTATION) else { return written.clone() };
    match complete(&mut attestation, generate) {
        true => written.with(ATTESTATION, &attestation),
        false => written.clone(),
    }
}

/// Adds the keys that are missing, and says whether any was.
fn complete(attestation: &mut Value, generate: impl Fn() -> String) -> bool {
    if attestation["type"] != "symmetricKey" {
        return false;
    }
    let mut is_changed = false;
    for slot in ["primaryKey", "secondaryKey"] {
        let key = &attestation["symmetricKey"][slot];
        if key.is_null() || key.as_str() == Some("") {
            if !attestation["symmetricKey"].is_object() {
                attestation["symmetricKey"] = json!({});
            }
            attestation["symmetricKey"][slot] = generate().into();
            is_changed = true;
        }
    }
    is_changed
}

impl Enrolled {
    /// What a configuration has, with all its keys.
    pub(super) fn of(config: &Config) -> Self {
        let mut enrolled = Self::default();
        for group in &config.enrollment_groups {
            enrolled.add_group(group, config);
        }
        for enrollment in &config.enrollments {
            enrolled.add_device(enrollment);
        }
        enrolled
    }

    /// Knows what a step makes too, and gives it the keys that it does not write.
    pub(super) fn create(&mut self, name: &str, record: &mut Map<String, Value>, config: &Config) {
        let is_group = !record.contains_key(DEVICE);
        if let Some(attestation) = record.get_mut(ATTESTATION) {
            complete(attestation, || match is_group {
                true => GroupKey::generate().to_base64().to_string(),
                false => DeviceKey::generate().to_base64().to_string(),
            });
        }
        let mut named = record.clone();
        if is_group {
            named.insert(GROUP.to_owned(), name.into());
            self.add_group(&named.into(), config);
        } else {
            self.add_device(&named.into());
        }
    }

    fn add_group(&mut self, written: &EnrollmentConfig, config: &Config) {
        let Some(Value::String(name)) = written.get(GROUP) else { return };
        let attestation = written.get(ATTESTATION).unwrap_or_default();
        let keys = &attestation["symmetricKey"];
        let key = |slot: &str| keys[slot].as_str()?.parse().ok();
        let group = match (attestation["type"].as_str(), key("primaryKey"), key("secondaryKey")) {
            (Some("symmetricKey"), Some(primary), Some(secondary)) => {
                Group::Keys(GroupKeys { primary, secondary })
            }
            (Some("x509"), ..) => Group::Certificates(certificates(&attestation["x509"], config)),
            _ => Group::Other,
        };
        self.groups.push((name, group));
    }

    fn add_device(&mut self, written: &EnrollmentConfig) {
        let Some(Value::String(name)) = written.get(DEVICE) else { return };
        let attestation = written.get(ATTESTATION).unwrap_or_default();
        let key = |slot: &str| attestation["symmetricKey"][slot].as_str()?.parse().ok();
        if let (Some(primary), Some(secondary)) = (key("primaryKey"), key("secondaryKey")) {
            self.devices.push((name, (primary, secondary)));
        }
    }

    /// The group of this name.
    ///
    /// # Errors
    ///
    /// That there is none.
    pub(super) fn group(&self, name: &str) -> Result<&Group, String> {
        let named = |other: &str| other.eq_ignore_ascii_case(name);
        let found = self.groups.iter().find_map(|(other, group)| named(other).then_some(group));
        found.ok_or_else(|| {
            let near = nearest(name, self.groups.iter().map(|(name, _)| name.as_str()));
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            format!("no enrollment group has the name {name:?}{near}")
        })
    }

    /// The keys of groups; those of enrollments are their devices'.
    pub(super) fn keys(&self) -> impl Iterator<Item = Zeroizing<String>> {
        let keys = self.groups.iter().filter_map(|(_, group)| match group {
            Group::Keys(keys) => Some([keys.primary.to_base64(), keys.secondary.to_base64()]),
            Group::Certificates(_) | Group::Other => None,
        });
        keys.flatten()
    }

    /// The keys of a device's own enrollment.
    pub(super) fn device(&self, name: &str) -> Option<(DeviceKey, DeviceKey)> {
        let found = self.devices.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, keys)| keys.clone())
    }
}

/// The certificates by which a group knows its devices.
fn certificates(x509: &Value, config: &Config) -> Vec<Certificate> {
    let slots = ["primary", "secondary"];
    let signing = slots.iter().filter_map(|slot| {
        x509["signingCertificates"][slot]["certificate"].as_str().map(str::to_owned)
    });
    let referred = slots.iter().filter_map(|slot| {
        let name = x509["caReferences"][slot].as_str()?;
        let mut all = config.certificates.iter();
        let found = all.find(|certificate| certificate.name.eq_ignore_ascii_case(name))?;
        Some(found.certificate.clone())
    });
    signing.chain(referred).filter_map(|text| Certificate::from_text(&text).ok()).collect()
}

impl Group {
    /// The authority of the scenario that signs certificates for devices of this group.
    pub(super) fn issuer<'a>(&self, authorities: &'a Authorities) -> Option<&'a TestAuthority> {
        let Self::Certificates(certificates) = self else { return None };
        certificates.iter().find_map(|enrolled| {
            authorities.with_certificate(|pem| {
                Certificate::from_text(pem).is_ok_and(|made| made.der() == enrolled.der())
            })
        })
    }
}
