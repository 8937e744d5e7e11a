//! A request by a device that has a certificate already, with the same key, wherever and in whatever form that
//! is kept: it signs, and is not read.

use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey, SubjectPublicKeyInfo};
use rustls::SignatureScheme;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::sign::SigningKey as Keeper;

use super::error::PkiError;
use super::named::{minting, newly_named};
use crate::attestation::DeviceCertificate;

/// A request for another certificate with this common name, for the key of the one that is there; DER.
///
/// # Errors
///
/// If the name is longer than a common name may be, or nobody makes certificates for such a key.
pub fn request_of(identity: &DeviceCertificate, common_name: &str) -> Result<Vec<u8>, PkiError> {
    let params = newly_named(common_name)?;
    let keeper = &identity.certified_key().key;
    let public = keeper.public_key();
    let public = public.ok_or_else(|| PkiError::Minting("the key is not told".to_owned()))?;
    let own = Own { keeper: &**keeper, public: known(&public)? };
    let request = params.serialize_request(&own).map_err(minting)?;
    Ok(request.der().to_vec())
}

fn known(public: &SubjectPublicKeyInfoDer<'_>) -> Result<SubjectPublicKeyInfo, PkiError> {
    SubjectPublicKeyInfo::from_der(public).map_err(minting)
}

/// A key that signs as rustls has it do.
struct Own<'a> {
    keeper: &'a dyn Keeper,
    public: SubjectPublicKeyInfo,
}

impl PublicKeyData for Own<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.public.algorithm()
    }
}

impl SigningKey for Own<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let algorithm = self.algorithm();
        let scheme = [
            (&rcgen::PKCS_ECDSA_P256_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, SignatureScheme::ECDSA_NISTP384_SHA384),
            (&rcgen::PKCS_RSA_SHA256, SignatureScheme::RSA_PKCS1_SHA256),
            (&rcgen::PKCS_ED25519, SignatureScheme::ED25519),
        ]
        .into_iter()
        .find_map(|(known, scheme)| (known == algorithm).then_some(scheme));
        let signer = scheme.and_then(|scheme| self.keeper.choose_scheme(&[scheme]));
        let signed = signer.and_then(|signer| signer.sign(message).ok());
        signed.ok_or(rcgen::Error::RemoteKeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::CertificateRequest;
    use super::*;

    /// Self-signed, for a key of its own.
    fn identity(algorithm: &'static SignatureAlgorithm) -> DeviceCertificate {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let certificate = newly_named("pump").unwrap().self_signed(&key).unwrap();
        let key = key.serialize_pem();
        DeviceCertificate::read(certificate.pem().as_bytes(), Some(key.as_bytes()), None).unwrap()
    }

    #[test]
    fn j_478_the_key_of_a_certificate_asks_for_the_next_one() {
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
            let identity = identity(algorithm);

            let der = request_of(&identity, "pump-0042").unwrap();

            let request = CertificateRequest::from_der(&der).unwrap();
            assert_eq!(request.common_name(), "pump-0042");
            let certified = identity.certified_key();
            let own = certified.key.public_key().unwrap();
            assert_eq!(request.key(), &own[..]);
        }
        let too_long = request_of(&identity(&rcgen::PKCS_ED25519), &"x".repeat(65));
        assert!(matches!(too_long, Err(PkiError::NameTooLong { .. })));
    }
}
