//! How a device proves who it is: from what its entry says to its [`Proof`].

use std::sync::Arc;

use super::entry::{DeviceEntry, Wrong, X509Entry, wrong};
use crate::attestation::{DeviceCertificate, DeviceKey, GroupKey, SoftwareTpm};
use crate::pki::{Flaw, TestCertificate};
use crate::scenario::around::Around;
use crate::scenario::authorities::Authorities;
use crate::scenario::device::{CertificateProof, Proof};
use crate::scenario::enrolled::{Enrolled, Group};
use crate::text::{MemberPath, key_text};
use crate::wire::RegistrationId;
use zeroize::Zeroizing;

/// The certificate that an entry has by itself, without knowing any enrollment; none if it has none, or
/// has that of its group.
///
/// # Errors
///
/// The member, and what is wrong.
pub(super) fn certificate(
    entry: &DeviceEntry,
    id: &RegistrationId,
    authorities: &Authorities,
    around: &Around<'_>,
) -> Result<Option<CertificateProof>, Wrong> {
    let Some(x509) = &entry.x509 else { return Ok(None) };
    let within = |(member, reason): (&str, String)| (MemberPath::of(&["x509", member]), reason);
    let both = |member| within((member, "a certificate is either made, or in a file".to_owned()));
    let X509Entry { certificate, key, passphrase, issuer, self_signed, .. } = x509;
    let flaw = flaw(x509).map_err(within)?;
    let made = issuer.is_some() || *self_signed || flaw.is_some();
    if let Some(text) = certificate {
        if made {
            return Err(both("certificate"));
        }
        let chain = around.pem(text).map_err(|it| within(("certificate", it)))?;
        let key = key.as_deref().map(|key| around.pem(key)).transpose();
        let key = key.map_err(|it| within(("key", it)))?;
        return read(&chain, key.as_deref().map(Vec::as_slice), passphrase.as_deref())
            .map(Some)
            .map_err(|it| within(("certificate", it)));
    }
    if key.is_some() || passphrase.is_some() {
        return Err(within(("key", "it has no certificate".to_owned())));
    }
    if issuer.is_some() && *self_signed {
        return Err(within(("selfSigned", "it has an issuer".to_owned())));
    }
    let made = match (issuer, flaw) {
        (Some(issuer), flaw) => {
            let issuer = authorities.get(issuer).map_err(|it| within(("issuer", it)))?;
            match flaw {
                Some(flaw) => issuer.flawed(id.as_str(), flaw),
                None => issuer.device(id.as_str(), crate::pki::Validity::TenYears),
            }
        }
        (None, Some(Flaw::SelfSigned)) => {
            TestCertificate::self_signed_by(id.as_str(), &around.sources)
        }
        (None, None) if *self_signed => {
            TestCertificate::self_signed_by(id.as_str(), &around.sources)
        }
        (None, _) if entry.group.is_some() => return Ok(None),
        (None, Some(_)) => {
            return Err(within((
                "flaw",
                "say whose certificate it is: an issuer, or a group".to_owned(),
            )));
        }
        (None, None) => {
            return Err(wrong("x509", "give a certificate and its key, an issuer, or selfSigned"));
        }
    };
    made.map_err(|error| error.to_string())
        .and_then(|made| proof(&made))
        .map(Some)
        .map_err(|reason| wrong("registrationId", reason))
}

fn flaw(x509: &X509Entry) -> Result<Option<Flaw>, (&'static str, String)> {
    let Some(name) = &x509.flaw else { return Ok(None) };
    let found = Flaw::ALL.into_iter().find(|flaw| flaw.name() == name);
    found.map(Some).ok_or_else(|| {
        let all = Flaw::ALL.map(Flaw::name).join(", ");
        ("flaw", format!("{name:?} is none of {all}"))
    })
}

fn read(
    chain: &[u8],
    key: Option<&[u8]>,
    passphrase: Option<&str>,
) -> Result<CertificateProof, String> {
    let identity =
        DeviceCertificate::read(chain, key, passphrase).map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let key_pem = Zeroizing::new(text(key.unwrap_or(chain)));
    Ok(CertificateProof { identity, chain_pem: text(chain), key_pem })
}

fn proof(made: &TestCertificate) -> Result<CertificateProof, String> {
    let key = made.key_pem();
    read(made.chain_pem().as_bytes(), Some(key.as_bytes()), None)
}

/// The proof of a device that has this certificate, or else what its enrollment wants. `name` is its
/// ID as enrollments of the file have it.
///
/// # Errors
///
/// The member, and what is wrong.
pub(super) fn prove(
    entry: &DeviceEntry,
    (name, id): (&str, &RegistrationId),
    certificate: Option<CertificateProof>,
    enrolled: &Enrolled,
    authorities: &Authorities,
) -> Result<Proof, Wrong> {
    let DeviceEntry { group, group_key, device_key, .. } = entry;
    if let Some(group) = group
        && (group_key.is_some() || device_key.is_some())
    {
        let given = if group_key.is_some() { "groupKey" } else { "deviceKey" };
        let reason = format!("the keys of group {group:?} are known; leave out {given}");
        return Err(wrong(given, reason));
    }
    match (group_key, device_key, certificate) {
        (None, None, Some(certificate)) => Ok(Proof::X509(certificate)),
        (Some(text), None, None) => {
            let group_key: GroupKey = key_text(text).parse().map_err(|e| wrong("groupKey", e))?;
            Ok(Proof::Key(group_key.derive(id)))
        }
        (None, Some(text), None) => {
            key_text(text).parse().map(Proof::Key).map_err(|e| wrong("deviceKey", e))
        }
        (Some(_), Some(_), _) => Err(wrong("groupKey", "give groupKey or deviceKey, not both")),
        (Some(_), _, Some(_)) => Err(wrong("groupKey", "give groupKey or x509, not both")),
        (_, Some(_), Some(_)) => Err(wrong("deviceKey", "give deviceKey or x509, not both")),
        (None, None, None) => match group {
            Some(of) => {
                let group = enrolled.group(of).map_err(|reason| wrong("group", reason))?;
                of_group(entry, of, group, id, authorities)
            }
            None => of_enrollment(enrolled.device(name)),
        },
    }
}

/// The proof of a device with a TPM, which has no other. That it is enrolled, its enrollment says by
/// `${tpm:NAME}`.
///
/// # Errors
///
/// The member that is one proof too many.
pub(super) fn of_tpm(entry: &DeviceEntry, tpm: Arc<SoftwareTpm>) -> Result<Proof, Wrong> {
    let others = [
        ("group", entry.group.is_some()),
        ("groupKey", entry.group_key.is_some()),
        ("deviceKey", entry.device_key.is_some()),
        ("x509", entry.x509.is_some()),
    ];
    match others.into_iter().find(|(_, is_given)| *is_given) {
        Some((member, _)) => {
            Err(wrong(member, "it has a TPM, and no other proof; a TPM is enrolled individually"))
        }
        None => Ok(Proof::Tpm(tpm)),
    }
}

fn of_group(
    entry: &DeviceEntry,
    name: &str,
    group: &Group,
    id: &RegistrationId,
    authorities: &Authorities,
) -> Result<Proof, Wrong> {
    if entry.x509.is_some() && !matches!(group, Group::Certificates(_)) {
        return Err(wrong("x509", format!("the devices of group {name:?} have no certificates")));
    }
    match group {
        Group::Keys(keys) => {
            let (primary, secondary) = (keys.primary.derive(id), keys.secondary.derive(id));
            Ok(Proof::Keys { primary, secondary })
        }
        Group::Certificates(_) => {
            let issuer = group.issuer(authorities).ok_or_else(|| {
                let reason = format!(
                    "no [[authority]] of this file has a certificate of group {name:?}; give the device an x509 of its own"
                );
                wrong("group", reason)
            })?;
            let flaw = entry.x509.as_ref().map(flaw).transpose();
            let flaw = flaw.map_err(|(member, it)| (MemberPath::of(&["x509", member]), it))?;
            let made = match flaw.flatten() {
                Some(flaw) => issuer.flawed(id.as_str(), flaw),
                None => issuer.device(id.as_str(), crate::pki::Validity::TenYears),
            };
            made.map_err(|error| error.to_string())
                .and_then(|made| proof(&made))
                .map(Proof::X509)
                .map_err(|reason| wrong("registrationId", reason))
        }
        Group::Other => {
            let reason =
                format!("the attestation of group {name:?} has no keys and no certificates");
            Err(wrong("group", reason))
        }
    }
}

fn of_enrollment(keys: Option<(DeviceKey, DeviceKey)>) -> Result<Proof, Wrong> {
    let (primary, secondary) = keys.ok_or_else(|| {
        wrong(
            "registrationId",
            "how does it prove who it is? Give group, groupKey, deviceKey or x509",
        )
    })?;
    Ok(Proof::Keys { primary, secondary })
}
