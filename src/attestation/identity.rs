//! A device's X.509 identity: its certificate, those above it, and its private key (D.5).
//!
//! Read once, and checked here for all that a device can know by itself, so that nothing has to be
//! sent to find out. Whether an enrollment vouches for it only the service knows.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};

use super::identity_fault::{ChainWarning, IdentityFault};
use super::pem::{Section, sections};
use super::private_key::{self, PrivateKeyFault};
use super::{Certificate, PublicKey};
use crate::wire::RegistrationId;

/// A device's certificate, the intermediates to send with it, and its private key, which fits.
#[derive(Clone)]
pub struct DeviceCertificate {
    chain: Vec<Certificate>,
    certified: Arc<CertifiedKey>,
}

impl DeviceCertificate {
    /// Reads PEM texts: the device's own certificate first, then intermediates, and the private key
    /// in `key`, or beside the certificates if that is not given. PKCS #1, PKCS #8 (also encrypted:
    /// PBES2) and SEC1 are read, RSA and EC alike.
    ///
    /// # Errors
    ///
    /// If there is no certificate or no key, one of them cannot be read, or they do not fit.
    pub fn read(
        certificates: &[u8],
        key: Option<&[u8]>,
        passphrase: Option<&str>,
    ) -> Result<Self, IdentityFault> {
        let beside = sections(certificates).map_err(IdentityFault::CertificatePem)?;
        let chain = read_chain(&beside)?;
        let in_key_file = key.map(sections).transpose().map_err(IdentityFault::KeyPem)?;
        let candidates = in_key_file.as_deref().unwrap_or(&beside);
        let section = candidates
            .iter()
            .find(|section| section.is_private_key())
            .ok_or_else(|| IdentityFault::NoKey { found: labels(candidates) })?;
        let key = private_key::load(section, passphrase)
            .map_err(|fault| explain_unusable(fault, &chain))?;
        check_pair(&key, &chain)?;
        let ders = chain.iter().map(|certificate| certificate.der().clone()).collect();
        Ok(Self { chain, certified: Arc::new(CertifiedKey::new(ders, key)) })
    }

    /// The device's own certificate.
    pub fn leaf(&self) -> &Certificate {
        // `read` lets no empty chain pass.
        &self.chain[0]
    }

    /// What the device sends: its own certificate, then the others as they stand in the file.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Chain and key as TLS takes them.
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }

    /// The registration ID for which the certificate is made out: its common name, as it is written
    /// there (D.5).
    ///
    /// # Errors
    ///
    /// If there is none, or it is no registration ID.
    pub fn registration_id(&self) -> Result<RegistrationId, IdentityFault> {
        let name = self.leaf().common_name().ok_or(IdentityFault::NoCommonName)?;
        name.parse().map_err(|reason| IdentityFault::NoRegistrationId {
            common_name: name.to_owned(),
            reason,
        })
    }

    /// Whether DPS can believe that it is this device's, at this time: the common name is the
    /// registration ID, in any case (D.5), and the certificate is in date.
    ///
    /// # Errors
    ///
    /// The first of these that does not hold.
    pub fn check(
        &self,
        registration_id: &RegistrationId,
        now: SystemTime,
    ) -> Result<(), IdentityFault> {
        let found = self.leaf().common_name();
        if !found.is_some_and(|name| registration_id.names_same_device(name)) {
            return Err(IdentityFault::CommonName {
                found: found.map(str::to_owned),
                expected: registration_id.clone(),
            });
        }
        let info = self.leaf().info();
        if now < info.not_before {
            return Err(IdentityFault::NotYetValid { from: info.not_before, now });
        }
        if now > info.not_after {
            return Err(IdentityFault::Expired { until: info.not_after, now });
        }
        Ok(())
    }

    /// What is odd about the certificates and may be why the service refuses them.
    pub fn warnings(&self, now: SystemTime) -> Vec<ChainWarning> {
        let name = |certificate: &Certificate| certificate.info().subject_name.clone();
        let mut warnings = Vec::new();
        if self.leaf().authority().is_some() {
            warnings.push(ChainWarning::AuthorityAsDevice { subject: name(self.leaf()) });
        }
        for (index, pair) in self.chain.windows(2).enumerate() {
            let [lower, upper] = pair else { continue };
            let position = index + 2;
            if !(upper.is_named_by(lower) && lower.is_signed_by(upper)) {
                warnings.push(ChainWarning::NotTheIssuer {
                    position,
                    subject: name(upper),
                    below: name(lower),
                    wanted: lower.info().issuer_name.clone(),
                });
            }
            let info = upper.info();
            if now < info.not_before || now > info.not_after {
                let (from, until) = (info.not_before, info.not_after);
                let subject = name(upper);
                warnings.push(ChainWarning::OutOfDate { position, subject, from, until });
            }
        }
        warnings
    }
}

/// The key is not shown.
impl fmt::Debug for DeviceCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceCertificate({:?}, key redacted)", self.chain)
    }
}

fn read_chain(sections: &[Section]) -> Result<Vec<Certificate>, IdentityFault> {
    let certificates = sections.iter().filter(|section| section.is_certificate());
    let chain = certificates
        .enumerate()
        .map(|(index, section)| {
            Certificate::from_der(CertificateDer::from(section.content.to_vec()))
                .map_err(|_| IdentityFault::Malformed { position: index + 1 })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() {
        return Err(IdentityFault::NoCertificate { found: labels(sections) });
    }
    Ok(chain)
}

fn labels(sections: &[Section]) -> Vec<String> {
    sections.iter().map(|section| section.label.clone()).collect()
}

/// A key that nothing here can use is mostly of a kind that its certificate names.
fn explain_unusable(fault: PrivateKeyFault, chain: &[Certificate]) -> IdentityFault {
    let kind = chain.first().and_then(|leaf| PublicKey::unsupported_kind(leaf.der()));
    match (fault, kind) {
        (PrivateKeyFault::Unusable, Some(kind)) => IdentityFault::UnsupportedKey { kind },
        (fault, _) => IdentityFault::Key(fault),
    }
}

/// The key must be that of the first certificate, for that is the one that is believed.
fn check_pair(key: &Arc<dyn SigningKey>, chain: &[Certificate]) -> Result<(), IdentityFault> {
    // All keys that were loaded know their public half.
    let Some(public) = key.public_key() else { return Ok(()) };
    let owner = chain.iter().position(|certificate| {
        PublicKey::of_certificate(certificate.der()).is_some_and(|key| key.is_same_as(&public))
    });
    match owner {
        Some(0) => Ok(()),
        Some(index) => Err(IdentityFault::NotFirst {
            position: index + 1,
            subject: chain[index].info().subject_name.clone(),
            first: chain[0].info().subject_name.clone(),
        }),
        None => Err(IdentityFault::OtherKey { subject: chain[0].info().subject_name.clone() }),
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
