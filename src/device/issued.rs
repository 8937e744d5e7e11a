//! The certificates that come of a request: the device's own and those above it (F.3).
//!
//! Read leniently in how they are written, for services differ in it, and strictly in what they are: a
//! device that keeps a certificate which is not for its key has lost its way in.

use thiserror::Error;

use super::csr::Csr;
use crate::attestation::{Certificate, CertificateError, PublicKey};

/// The certificate that a device was issued, and those above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedChain {
    certificates: Vec<Certificate>,
}

/// Why what a device was issued is of no use to it. Positions count from 1, as people do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssuedFault {
    /// There is a chain without a certificate.
    #[error("the chain has no certificate")]
    Empty,
    /// An entry is no certificate.
    #[error("entry {position} of the chain cannot be read: {reason}")]
    Entry {
        /// Which one.
        position: usize,
        /// What is wrong with it.
        reason: CertificateError,
    },
    /// The device's own certificate is in the chain, but not where it belongs.
    #[error("the certificate for the device's key is entry {position} of the chain, not the first")]
    NotFirst {
        /// Where it is.
        position: usize,
    },
    /// None of the certificates is for the key that asked.
    #[error("the certificate of {subject} is not for the key with which it was asked for")]
    OtherKey {
        /// Whose the first certificate is.
        subject: String,
    },
    /// A certificate is not signed by the one behind it.
    #[error(
        "entry {position} of the chain ({subject}) is not signed by the one behind it ({above})"
    )]
    Order {
        /// Which one.
        position: usize,
        /// Whose it is.
        subject: String,
        /// Whose the one behind it is.
        above: String,
    },
}

impl IssuedChain {
    /// Reads `issuedCertificateChain`. Each entry is Base64 of DER; Base64 of PEM, and PEM itself, are
    /// read too (J-480).
    ///
    /// # Errors
    ///
    /// If there is no certificate, one cannot be read, the first is not for the key of `csr`, or one is
    /// not signed by the next.
    pub fn read(texts: &[String], csr: &Csr) -> Result<Self, IssuedFault> {
        let certificates = texts
            .iter()
            .enumerate()
            .map(|(index, text)| {
                let entry = |reason| IssuedFault::Entry { position: index + 1, reason };
                Certificate::from_text(text).map_err(entry)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let first = certificates.first().ok_or(IssuedFault::Empty)?;
        match certificates.iter().position(|certificate| is_for(certificate, csr)) {
            Some(0) => {}
            Some(index) => return Err(IssuedFault::NotFirst { position: index + 1 }),
            None => return Err(IssuedFault::OtherKey { subject: name(first) }),
        }
        for (index, pair) in certificates.windows(2).enumerate() {
            let [lower, upper] = pair else { continue };
            if !lower.may_be_issued_by(upper) {
                let (subject, above) = (name(lower), name(upper));
                return Err(IssuedFault::Order { position: index + 1, subject, above });
            }
        }
        Ok(Self { certificates })
    }

    /// The device's own certificate.
    pub fn leaf(&self) -> &Certificate {
        // `read` lets no empty chain pass.
        &self.certificates[0]
    }

    /// All of them, the device's own first, the root last.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The same as PEM text: what [`DeviceCertificate::read`](crate::attestation::DeviceCertificate::read)
    /// takes, together with the key.
    pub fn to_pem(&self) -> String {
        self.certificates.iter().map(Certificate::to_pem).collect()
    }
}

fn is_for(certificate: &Certificate, csr: &Csr) -> bool {
    PublicKey::of_certificate(certificate.der())
        .is_some_and(|key| key.is_same_as(&csr.key().info()))
}

fn name(certificate: &Certificate) -> String {
    certificate.info().subject_name.clone()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params
    }

    /// A request, and the PEM texts of what a service issues for it.
    fn issued() -> (Csr, [String; 3]) {
        let authority = |name: &str| {
            let mut params = params(name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (params, KeyPair::generate().unwrap())
        };
        let (root_params, root_key) = authority("root");
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_params, root_key);
        let (issuing_params, issuing_key) = authority("issuing");
        let issuing = issuing_params.signed_by(&issuing_key, &root_issuer).unwrap();
        let issuer = Issuer::new(issuing_params, issuing_key);
        let key = KeyPair::generate().unwrap();
        let request = params("pump-0042").serialize_request(&key).unwrap();
        let leaf = params("pump-0042").signed_by(&key, &issuer).unwrap();
        let csr = Csr::from_der(request.der()).unwrap();
        (csr, [leaf.pem(), issuing.pem(), root.pem()])
    }

    fn der_text(pem: &str) -> String {
        STANDARD.encode(Certificate::from_text(pem).unwrap().der())
    }

    #[test]
    fn j_480_base64_of_der_base64_of_pem_and_pem_are_read() {
        let (csr, pems) = issued();
        let writings: [fn(&str) -> String; 3] =
            [der_text, |pem| STANDARD.encode(pem), str::to_owned];

        for write in writings {
            let texts: Vec<_> = pems.iter().map(|pem| write(pem)).collect();
            let chain = IssuedChain::read(&texts, &csr).unwrap();

            assert_eq!(chain.leaf().common_name(), Some("pump-0042"));
            assert_eq!(chain.certificates().len(), 3);
            let as_pem = chain.to_pem();
            assert_eq!(as_pem.matches("-----BEGIN CERTIFICATE-----").count(), 3);
            assert!(as_pem.replace('\n', "").starts_with(&pems[0].replace(['\r', '\n'], "")));
        }
        let leaf_alone = IssuedChain::read(&[der_text(&pems[0])], &csr).unwrap();
        assert_eq!(leaf_alone.certificates().len(), 1, "a service may keep the rest to itself");
    }

    #[test]
    fn j_481_what_is_no_use_to_the_device_says_why() {
        let (csr, [leaf, issuing, root]) = issued().clone();
        let (other_csr, _) = issued();
        let fault = |texts: &[&str], csr: &Csr| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            IssuedChain::read(&texts, csr).unwrap_err()
        };

        assert_eq!(fault(&[], &csr), IssuedFault::Empty);
        let entry = |position, reason| IssuedFault::Entry { position, reason };
        assert_eq!(fault(&["%"], &csr), entry(1, CertificateError::Encoding));
        assert_eq!(fault(&[&leaf, "AAAA"], &csr), entry(2, CertificateError::NotX509));
        assert_eq!(fault(&[&issuing, &leaf], &csr), IssuedFault::NotFirst { position: 2 });
        let subject = "CN=pump-0042".to_owned();
        assert_eq!(fault(&[&leaf, &issuing], &other_csr), IssuedFault::OtherKey { subject });
        let told = fault(&[&leaf, &root, &issuing], &csr).to_string();
        assert_eq!(
            told,
            "entry 1 of the chain (CN=pump-0042) is not signed by the one behind it (CN=root)"
        );
    }
}
