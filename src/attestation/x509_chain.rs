//! Which enrollment group vouches for a device's certificate (D.5).
//!
//! From the device's certificate towards the root, the first certificate that has a group decides.
//! The work is bounded, whatever a device sends.

use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::{Certificate, X509Fault};
use crate::wire::RegistrationId;

/// How many certificates of a device are looked at: more than any chain of use has (J-70).
pub const MAX_CHAIN: usize = 10;

/// A certificate that is enrolled, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Anchor<'a, T> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// For what it stands.
    pub stands_for: T,
}

/// The certificates of a TLS handshake, read and found to be for this device and in date: its own,
/// and the others in whatever order they came.
#[derive(Debug, Clone)]
pub struct DeviceChain {
    leaf: Certificate,
    others: Vec<Certificate>,
}

impl DeviceChain {
    /// Reads what the device sent, and checks what needs no enrollment: number, form, common name
    /// (in any case) and validity of its own certificate.
    ///
    /// # Errors
    ///
    /// The first of these that does not hold.
    pub fn read(
        presented: &[CertificateDer<'static>],
        registration_id: &RegistrationId,
        now: SystemTime,
    ) -> Result<Self, X509Fault> {
        if presented.len() > MAX_CHAIN {
            return Err(X509Fault::TooLong { count: presented.len(), max: MAX_CHAIN });
        }
        let mut read = presented.iter().enumerate().map(|(index, der)| {
            Certificate::from_der(der.clone()).map_err(|_| X509Fault::Malformed { index })
        });
        let leaf = read.next().ok_or(X509Fault::Absent)??;
        let others = read.collect::<Result<_, _>>()?;
        check_leaf(&leaf, registration_id, now)?;
        Ok(Self { leaf, others })
    }

    /// The device's own certificate.
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The first enrolled certificate on the way from the leaf's issuer to the root (D.5). An
    /// enrolled certificate need not be sent: having signed the last one that was is enough.
    ///
    /// # Errors
    ///
    /// If there is none, or a certificate on the way to it, itself included, is no valid issuer.
    pub fn first_enrolled<'a, T: Copy>(
        &self,
        anchors: &[Anchor<'a, T>],
        now: SystemTime,
    ) -> Result<Anchor<'a, T>, X509Fault> {
        let mut others: Vec<_> = self.others.iter().collect();
        let mut current = &self.leaf;
        for below in 0.. {
            let mut bad_signature = None;
            let issuers = anchors.iter().filter(|anchor| anchor.certificate.is_named_by(current));
            let judged = issuers.map(|it| (it, check_issuer(it.certificate, current, below, now)));
            if let Some(verdict) = decision(judged, &mut bad_signature) {
                return verdict.copied();
            }
            if current.is_self_signed() {
                return Err(bad_signature.unwrap_or_else(|| self.unknown(current)));
            }
            let issuers = others.iter().enumerate().filter(|(_, it)| it.is_named_by(current));
            let judged = issuers.map(|(index, it)| (index, check_issuer(it, current, below, now)));
            match decision(judged, &mut bad_signature) {
                Some(index) => current = others.swap_remove(index?),
                None => return Err(bad_signature.unwrap_or_else(|| self.unknown(current))),
            }
        }
        unreachable!("every turn but the last takes a certificate out of a list of {MAX_CHAIN}")
    }

    fn unknown(&self, last: &Certificate) -> X509Fault {
        let is_own = last.is_self_signed();
        if is_own && *last == self.leaf {
            return X509Fault::SelfSigned;
        }
        X509Fault::UnknownChain {
            last: last.info().subject_name.clone(),
            issuer: (!is_own).then(|| last.info().issuer_name.clone()),
        }
    }
}

fn check_leaf(
    leaf: &Certificate,
    registration_id: &RegistrationId,
    now: SystemTime,
) -> Result<(), X509Fault> {
    if !leaf.common_name().is_some_and(|name| registration_id.names_same_device(name)) {
        return Err(X509Fault::CommonName {
            found: leaf.common_name().map(str::to_owned),
            expected: registration_id.clone(),
        });
    }
    check_extensions(leaf)?;
    if let Ok(wait) = leaf.info().not_before.duration_since(now)
        && !wait.is_zero()
    {
        return Err(X509Fault::NotYetValid { wait });
    }
    match now.duration_since(leaf.info().not_after) {
        Ok(ago) if !ago.is_zero() => Err(X509Fault::Expired { ago }),
        _ => Ok(()),
    }
}

fn check_extensions(certificate: &Certificate) -> Result<(), X509Fault> {
    match certificate.unknown_critical_extension() {
        None => Ok(()),
        Some(extension) => Err(X509Fault::CriticalExtension {
            subject: certificate.info().subject_name.clone(),
            extension: extension.to_owned(),
        }),
    }
}

/// Of several certificates with the name of the issuer (renewed ones, say) the first good one; else
/// what is wrong with the first that did sign. Those that did not are somebody else's and decide
/// nothing, but one is kept to tell of.
fn decision<T>(
    judged: impl Iterator<Item = (T, Result<(), X509Fault>)>,
    bad_signature: &mut Option<X509Fault>,
) -> Option<Result<T, X509Fault>> {
    let mut refused = None;
    for (candidate, judgement) in judged {
        match judgement {
            Ok(()) => return Some(Ok(candidate)),
            Err(
                fault @ (X509Fault::BadSignature { .. } | X509Fault::UnsupportedSignature { .. }),
            ) => {
                bad_signature.get_or_insert(fault);
            }
            Err(fault) => {
                refused.get_or_insert(fault);
            }
        }
    }
    refused.map(Err)
}

/// Whether `issuer` may and did sign `subject`, above `below` other authorities.
fn check_issuer(
    issuer: &Certificate,
    subject: &Certificate,
    below: u32,
    now: SystemTime,
) -> Result<(), X509Fault> {
    let name = || issuer.info().subject_name.clone();
    if !subject.is_signed_by(issuer) {
        let name_of = |it: &Certificate| it.info().subject_name.clone();
        return Err(match subject.unsupported_signature(issuer) {
            Some(way) => X509Fault::UnsupportedSignature { subject: name_of(subject), way },
            None => X509Fault::BadSignature { subject: name_of(subject), issuer: name() },
        });
    }
    check_extensions(issuer)?;
    let Some(authority) = issuer.authority() else {
        return Err(X509Fault::NotCa { issuer: name() });
    };
    if let Some(allowed) = authority.path_length.filter(|allowed| below > *allowed) {
        return Err(X509Fault::PathLength { issuer: name(), allowed });
    }
    if let Ok(wait) = issuer.info().not_before.duration_since(now)
        && !wait.is_zero()
    {
        return Err(X509Fault::IssuerNotYetValid { issuer: name(), wait });
    }
    match now.duration_since(issuer.info().not_after) {
        Ok(ago) if !ago.is_zero() => Err(X509Fault::IssuerExpired { issuer: name(), ago }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "x509_chain_tests.rs"]
mod tests;
