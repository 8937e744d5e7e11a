//! A device's private key: from any PEM form to one that TLS can sign with.

use std::sync::Arc;

use pkcs8::{EncryptedPrivateKeyInfoRef, pkcs5};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::SigningKey;
use thiserror::Error;
use x509_parser::asn1_rs::{Any, FromDer, Oid};
use zeroize::Zeroizing;

use super::pem::{PKCS_8, Section};

/// Why a private key cannot be used. Never repeats the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PrivateKeyFault {
    /// It is encrypted, and there is no passphrase.
    #[error("the private key is encrypted, and no passphrase is given")]
    NoPassphrase,
    /// The passphrase does not open it.
    #[error("the private key is encrypted, and the passphrase does not open it")]
    WrongPassphrase,
    /// The form of encryption that came before PKCS #8 (`Proc-Type: 4,ENCRYPTED`).
    #[error(
        "the private key is encrypted in the old form (`Proc-Type: 4,ENCRYPTED`), which is not read"
    )]
    LegacyEncryption,
    /// PKCS #8 with a cipher that is not supported.
    #[error("the private key is encrypted in a way that is not supported ({reason})")]
    UnsupportedEncryption {
        /// What is not.
        reason: String,
    },
    /// A container other than PKCS #1, PKCS #8 and SEC1.
    #[error("a private key of the form `{label}` is not supported")]
    Form {
        /// What the first line says.
        label: String,
    },
    /// Damaged, or of a kind that cannot be used for TLS here.
    #[error(
        "the private key is damaged, or neither RSA (2048 to 4096 bits), EC (P-256, P-384) nor Ed25519"
    )]
    Unusable,
}

/// Reads the key in a section.
pub(super) fn load(
    section: &Section,
    passphrase: Option<&str>,
) -> Result<Arc<dyn SigningKey>, PrivateKeyFault> {
    if section.has_legacy_encryption {
        return Err(PrivateKeyFault::LegacyEncryption);
    }
    let content = &section.content[..];
    match &section.label[..] {
        PKCS_8 => signing_key(&PrivatePkcs8KeyDer::from(content).into()),
        "RSA PRIVATE KEY" => signing_key(&PrivatePkcs1KeyDer::from(content).into()),
        "EC PRIVATE KEY" => signing_key(&PrivateSec1KeyDer::from(content).into()),
        "ENCRYPTED PRIVATE KEY" => {
            let opened = decrypt(content, passphrase)?;
            signing_key(&PrivatePkcs8KeyDer::from(&opened[..]).into())
        }
        label => Err(PrivateKeyFault::Form { label: label.to_owned() }),
    }
}

fn signing_key(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, PrivateKeyFault> {
    any_supported_type(key).map_err(|_| PrivateKeyFault::Unusable)
}

fn decrypt(
    content: &[u8],
    passphrase: Option<&str>,
) -> Result<Zeroizing<Vec<u8>>, PrivateKeyFault> {
    let sealed = EncryptedPrivateKeyInfoRef::try_from(content).map_err(|_| unreadable(content))?;
    let passphrase = passphrase.ok_or(PrivateKeyFault::NoPassphrase)?;
    match sealed.decrypt(passphrase) {
        Ok(opened) => Ok(opened.to_bytes()),
        Err(pkcs8::Error::EncryptedPrivateKey(
            error @ (pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. }),
        )) => Err(PrivateKeyFault::UnsupportedEncryption { reason: error.to_string() }),
        // What a wrong passphrase brings forth is mostly badly padded, and else no key.
        Err(_) => Err(PrivateKeyFault::WrongPassphrase),
    }
}

/// Algorithms that pkcs8 does not know stop it from reading anything.
fn unreadable(content: &[u8]) -> PrivateKeyFault {
    const PBES2: &str = "1.2.840.113549.1.5.13";
    match encryption_algorithm(content).as_deref() {
        None => PrivateKeyFault::Unusable,
        Some(PBES2) => PrivateKeyFault::UnsupportedEncryption {
            reason: "PBES2 with another cipher than AES".to_owned(),
        },
        Some(other) => PrivateKeyFault::UnsupportedEncryption {
            reason: format!("not PBES2, but algorithm {other}"),
        },
    }
}

/// `EncryptedPrivateKeyInfo ::= SEQUENCE { encryptionAlgorithm, encryptedData }`.
fn encryption_algorithm(content: &[u8]) -> Option<String> {
    let (_, outer) = Any::from_der(content).ok()?;
    let (_, algorithm) = Any::from_der(outer.data).ok()?;
    let (_, oid) = Oid::from_der(algorithm.data).ok()?;
    Some(oid.to_id_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(label: &str, content: &[u8], passphrase: Option<&str>) -> PrivateKeyFault {
        let section = Section {
            label: label.to_owned(),
            has_legacy_encryption: false,
            content: Zeroizing::new(content.to_vec()),
        };
        load(&section, passphrase).unwrap_err()
    }

    /// J-114.
    #[test]
    fn encryption_that_is_not_supported_is_named() {
        // pbeWithSHAAnd3-KeyTripleDES-CBC (1.2.840.113549.1.12.1.3), without parameters.
        let pbes1 = b"\x30\x12\x30\x0c\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03\x04\x02\0\0";
        // PBES2, without parameters.
        let pbes2 = b"\x30\x11\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d\x04\x02\0\0";

        for (content, reason) in [
            (&pbes1[..], "not PBES2, but algorithm 1.2.840.113549.1.12.1.3"),
            (&pbes2[..], "PBES2 with another cipher than AES"),
        ] {
            let reason = reason.to_owned();
            assert_eq!(
                fault("ENCRYPTED PRIVATE KEY", content, Some("secret")),
                PrivateKeyFault::UnsupportedEncryption { reason }
            );
        }
    }

    #[test]
    fn what_is_no_key_is_unusable_in_every_form() {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
            for content in [&[][..], &[0x30], &[0x30, 0x00], &[7; 64]] {
                assert_eq!(fault(label, content, Some("secret")), PrivateKeyFault::Unusable);
            }
        }
    }
}
