//! The member `attestation` (E.3).

use serde::Deserialize;

use super::error::{EnrollmentError, missing, wrong};
use crate::attestation::{Certificate, DeviceKey, GroupKey, GroupKeys, TpmPublic};
use crate::service::enrollment::attestation::{Attestation, DeviceKeys, Slots};
use crate::service::enrollment::record::Kind;
use crate::sources::Chance;

const TYPE: [&str; 2] = ["attestation", "type"];

/// How it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttestationBody {
    r#type: Option<String>,
    symmetric_key: Option<SymmetricKeyBody>,
    x509: Option<X509Body>,
    tpm: Option<TpmBody>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SymmetricKeyBody {
    primary_key: Option<String>,
    secondary_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct X509Body {
    client_certificates: Option<SlotsBody<CertificateBody>>,
    signing_certificates: Option<SlotsBody<CertificateBody>>,
    ca_references: Option<SlotsBody<String>>,
}

#[derive(Deserialize)]
struct SlotsBody<T> {
    primary: Option<T>,
    secondary: Option<T>,
}

#[derive(Deserialize)]
struct CertificateBody {
    certificate: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TpmBody {
    endorsement_key: Option<String>,
    storage_root_key: Option<String>,
}

impl AttestationBody {
    /// The attestation of a record of that kind and name; `previous` is that of the record that is
    /// replaced.
    pub(super) fn read(
        self,
        (kind, name): (Kind, &str),
        previous: Option<&Attestation>,
        chance: &Chance,
    ) -> Result<Attestation, EnrollmentError> {
        let Self { r#type, symmetric_key, x509, tpm } = self;
        match (r#type.as_deref(), kind) {
            (Some("symmetricKey"), _) => {
                symmetric_key.unwrap_or_default().read((kind, name), previous, chance)
            }
            (Some("x509"), _) => {
                let x509 = x509.ok_or_else(|| missing(&["attestation", "x509"]))?;
                x509.read(kind, previous)
            }
            (Some("tpm"), Kind::Individual) => {
                let tpm = tpm.ok_or_else(|| missing(&["attestation", "tpm"]))?;
                let endorsement_key = tpm
                    .endorsement_key
                    .ok_or_else(|| missing(&["attestation", "tpm", "endorsementKey"]))?;
                // SDKs may send an empty text for one that is not there.
                let storage_root_key = tpm.storage_root_key.filter(|key| !key.is_empty());
                Ok(Attestation::Tpm { endorsement_key, storage_root_key })
            }
            (Some("tpm"), Kind::Group) => {
                Err(wrong(&TYPE, "tpm is for individual enrollments only"))
            }
            // A word of the swagger.
            (Some("none"), _) => Err(wrong(
                &TYPE,
                "\"none\" lets no device prove itself; use symmetricKey, x509 or tpm",
            )),
            (Some(other), _) => {
                Err(wrong(&TYPE, format_args!("{other:?} is none of symmetricKey, x509, tpm")))
            }
            (None, _) => Err(missing(&TYPE)),
        }
    }
}

/// The keys of a TPM have to be such, but for those that a record had before this was looked at (J-385).
pub(super) fn check_tpm(
    attestation: &Attestation,
    previous: Option<&Attestation>,
) -> Result<(), EnrollmentError> {
    let Some(keys) = attestation.tpm_keys() else { return Ok(()) };
    let kept = previous.and_then(Attestation::tpm_keys).unwrap_or_default();
    for (member, key, kept) in [
        ("endorsementKey", keys.endorsement_key, kept.endorsement_key),
        ("storageRootKey", keys.storage_root_key, kept.storage_root_key),
    ] {
        let Some(key) = key.filter(|key| kept.as_ref() != Some(key)) else { continue };
        TpmPublic::from_base64(&key)
            .map_err(|fault| wrong(&["attestation", "tpm", member], fault))?;
    }
    Ok(())
}

impl SymmetricKeyBody {
    /// Keys that are not given are kept from the record that is replaced, else made (D.2).
    fn read(
        self,
        (kind, name): (Kind, &str),
        previous: Option<&Attestation>,
        chance: &Chance,
    ) -> Result<Attestation, EnrollmentError> {
        let group_key = |member, given, kept: Option<GroupKey>| {
            group_key(member, given, || kept.unwrap_or_else(|| GroupKey::made_by(chance, name)))
        };
        let device_key = |member, given, kept: Option<DeviceKey>| {
            device_key(member, given, || kept.unwrap_or_else(|| DeviceKey::made_by(chance, name)))
        };
        let primary = self.primary_key.filter(|key| !key.is_empty());
        let secondary = self.secondary_key.filter(|key| !key.is_empty());
        match kind {
            Kind::Group => {
                let kept = match previous {
                    Some(Attestation::GroupKeys(keys)) => Some(keys),
                    _ => None,
                };
                let primary_key = kept.map(|keys| keys.primary.clone());
                let secondary_key = kept.map(|keys| keys.secondary.clone());
                Ok(Attestation::GroupKeys(GroupKeys {
                    primary: group_key("primaryKey", primary, primary_key)?,
                    secondary: group_key("secondaryKey", secondary, secondary_key)?,
                }))
            }
            Kind::Individual => {
                let kept = match previous {
                    Some(Attestation::DeviceKeys(keys)) => Some(keys),
                    _ => None,
                };
                let primary_key = kept.map(|keys| keys.primary.clone());
                let secondary_key = kept.and_then(|keys| keys.secondary.clone());
                Ok(Attestation::DeviceKeys(DeviceKeys {
                    primary: device_key("primaryKey", primary, primary_key)?,
                    secondary: Some(device_key("secondaryKey", secondary, secondary_key)?),
                }))
            }
        }
    }
}

fn group_key(
    member: &str,
    given: Option<String>,
    other: impl FnOnce() -> GroupKey,
) -> Result<GroupKey, EnrollmentError> {
    let Some(text) = given else { return Ok(other()) };
    let key: GroupKey = text.parse().map_err(|error| wrong_key(member, error))?;
    check_length(member, key.length()).map(|()| key)
}

fn device_key(
    member: &str,
    given: Option<String>,
    other: impl FnOnce() -> DeviceKey,
) -> Result<DeviceKey, EnrollmentError> {
    let Some(text) = given else { return Ok(other()) };
    let key: DeviceKey = text.parse().map_err(|error| wrong_key(member, error))?;
    check_length(member, key.length()).map(|()| key)
}

fn wrong_key(member: &str, reason: impl std::fmt::Display) -> EnrollmentError {
    wrong(&["attestation", "symmetricKey", member], reason)
}

/// D.2.
fn check_length(member: &str, length: usize) -> Result<(), EnrollmentError> {
    if (16..=64).contains(&length) {
        return Ok(());
    }
    Err(wrong_key(member, format_args!("a key has 16 to 64 bytes, this one {length}")))
}

impl X509Body {
    fn read(
        self,
        kind: Kind,
        previous: Option<&Attestation>,
    ) -> Result<Attestation, EnrollmentError> {
        match (kind, self) {
            (Kind::Individual, Self { client_certificates: Some(certificates), .. }) => {
                let kept = match previous {
                    Some(Attestation::ClientCertificates(slots)) => Some(slots),
                    _ => None,
                };
                certificates.read("clientCertificates", kept).map(Attestation::ClientCertificates)
            }
            (Kind::Group, Self { signing_certificates: Some(certificates), .. }) => {
                let kept = match previous {
                    Some(Attestation::SigningCertificates(slots)) => Some(slots),
                    _ => None,
                };
                certificates.read("signingCertificates", kept).map(Attestation::SigningCertificates)
            }
            (Kind::Group, Self { ca_references: Some(names), .. }) => {
                // SDKs send an empty text for a slot that is not used.
                let is_used = |name: &String| !name.is_empty();
                let (primary, secondary) = (names.primary, names.secondary);
                Slots::new(primary.filter(is_used), secondary.filter(is_used))
                    .map(Attestation::CaReferences)
                    .ok_or_else(|| missing(&["attestation", "x509", "caReferences", "primary"]))
            }
            (Kind::Individual, _) => Err(missing(&["attestation", "x509", "clientCertificates"])),
            (Kind::Group, _) => {
                Err(wrong(&["attestation", "x509"], "needs signingCertificates or caReferences"))
            }
        }
    }
}

impl SlotsBody<CertificateBody> {
    fn read(
        self,
        list: &str,
        kept: Option<&Slots<Certificate>>,
    ) -> Result<Slots<Certificate>, EnrollmentError> {
        let certificate =
            |slot: &str, body: Option<CertificateBody>, kept: Option<&Certificate>| {
                match body {
                    None => Ok(None),
                    Some(CertificateBody { certificate: Some(text) }) => {
                        Certificate::from_text(&text).map(Some).map_err(|error| {
                            wrong(&["attestation", "x509", list, slot, "certificate"], error)
                        })
                    }
                    // `info` alone: the client sends back what it was told.
                    Some(CertificateBody { certificate: None }) => Ok(kept.cloned()),
                }
            };
        let primary = certificate("primary", self.primary, kept.and_then(Slots::primary))?;
        let secondary = certificate("secondary", self.secondary, kept.and_then(Slots::secondary))?;
        Slots::new(primary, secondary)
            .ok_or_else(|| missing(&["attestation", "x509", list, "primary"]))
    }
}
