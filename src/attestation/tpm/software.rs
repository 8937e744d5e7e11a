//! A TPM in software: two RSA keys, and no hardware that would keep them.

use std::fmt;
use std::sync::Arc;

use rsa::PrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;
use thiserror::Error;
use zeroize::Zeroizing;

use super::blob_fault::BlobFault;
use super::open::Keys;
use super::protection::Name;
use super::public::TpmPublic;
use super::seed::{EXPONENT, RSA_BITS};
use super::trusted_platform::{Tpm, TpmError, TpmPublicKeys, TpmRefusal};
use crate::attestation::key::DeviceKey;
use crate::attestation::pem::{PKCS_8, PemFault, sections, to_pem};
use crate::attestation::signer::{Asked, Signer};
use crate::wire::TpmKeys;

/// A TPM in software, for devices that are simulated: an endorsement key and a storage root key, and what a TPM does
/// with them. Its keys can be read by whoever has it, so it proves nothing of a device that is worth something.
pub struct SoftwareTpm {
    endorsement: Held,
    storage_root: Held,
    /// Of the storage root key.
    name: Name,
}

/// A key pair as the TPM has it.
struct Held {
    private: PrivateKey,
    public: TpmPublic,
}

/// Why a text is no such TPM. Never repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SoftwareTpmFault {
    /// It is not PEM.
    #[error(transparent)]
    Pem(#[from] PemFault),
    /// It has not two keys, or something else.
    #[error(
        "a TPM's state is two sections `PRIVATE KEY`, of its endorsement and its storage root key; these are: {found}"
    )]
    Sections {
        /// The names of those that are there.
        found: String,
    },
    /// A key cannot be used.
    #[error(
        "the {which} cannot be used: it has to be an unencrypted RSA key of 2048 bits with the exponent 65537"
    )]
    Key {
        /// Which.
        which: &'static str,
    },
}

impl SoftwareTpm {
    /// A new one. It takes a moment: up to half a second for two key pairs.
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers.
    pub fn generate() -> Self {
        Self::of(pair(), pair())
    }

    /// A new one whose endorsement and storage root keys are one key pair with two public areas, as no real TPM has
    /// (J-378): it takes half the time, for those who need thousands.
    ///
    /// # Panics
    ///
    /// As [`generate`](Self::generate).
    pub fn with_one_pair() -> Self {
        let pair = pair();
        Self::of(pair.clone(), pair)
    }

    fn of(endorsement: PrivateKey, storage_root: PrivateKey) -> Self {
        let endorsement =
            Held { public: TpmPublic::endorsement(&endorsement.n_bytes()), private: endorsement };
        let storage_root = Held {
            public: TpmPublic::storage_root(&storage_root.n_bytes()),
            private: storage_root,
        };
        Self { name: storage_root.public.name(), endorsement, storage_root }
    }

    /// Reads what [`to_pem`](Self::to_pem) wrote.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn from_pem(text: &[u8]) -> Result<Self, SoftwareTpmFault> {
        let found = sections(text)?;
        let [endorsement, storage_root] = &found[..] else {
            let labels: Vec<_> = found.iter().map(|section| &section.label[..]).collect();
            return Err(SoftwareTpmFault::Sections { found: labels.join(", ") });
        };
        let read = |which, der: &[u8]| {
            PrivateKey::from_pkcs8_der(der)
                .ok()
                .filter(|key| key.n().bit_width_vartime() == u32::from(RSA_BITS))
                .filter(|key| *key.e() == rsa::BoxedUint::from(EXPONENT))
                .ok_or(SoftwareTpmFault::Key { which })
        };
        Ok(Self::of(
            read("endorsement key", &endorsement.content)?,
            read("storage root key", &storage_root.content)?,
        ))
    }

    /// Both private keys as PKCS #8, the endorsement key first. The one way to read them.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        for (name, key) in
            [("Endorsement", &self.endorsement), ("Storage root", &self.storage_root)]
        {
            let der = key.private.to_pkcs8_der();
            let der = der.unwrap_or_else(|_| unreachable!("every RSA key can be written"));
            text.push_str(name);
            text.push_str(" key of a TPM in software\n");
            text.push_str(&to_pem(PKCS_8, der.as_bytes()));
        }
        text
    }

    /// What tells this TPM from all others.
    pub fn endorsement_key(&self) -> &TpmPublic {
        &self.endorsement.public
    }

    /// What keys are encrypted for.
    pub fn storage_root_key(&self) -> &TpmPublic {
        &self.storage_root.public
    }

    /// Both, as they are sent.
    pub fn public_keys(&self) -> TpmKeys {
        (&self.publics()).into()
    }

    fn publics(&self) -> TpmPublicKeys {
        TpmPublicKeys {
            endorsement: self.endorsement.public.clone(),
            storage_root: self.storage_root.public.clone(),
        }
    }

    /// The key of an `authenticationKey`, by all the checks of a TPM (B.6, J-377).
    ///
    /// # Errors
    ///
    /// If the blob is for another TPM, or was changed, with the part that says so.
    pub fn open(&self, blob: &[u8]) -> Result<DeviceKey, BlobFault> {
        let keys = Keys {
            endorsement: &self.endorsement.private,
            storage_root: &self.storage_root.private,
            name: &self.name,
        };
        keys.open(blob)
    }
}

fn pair() -> PrivateKey {
    PrivateKey::new(&mut getrandom::SysRng, RSA_BITS.into())
        .unwrap_or_else(|error| panic!("no random numbers: {error}"))
}

/// Opening a blob takes some milliseconds of a processor's time, no more than a TLS handshake does: it is done
/// where it is asked for.
impl Tpm for SoftwareTpm {
    fn keys(&self) -> Asked<'_, TpmPublicKeys, TpmError> {
        Box::pin(std::future::ready(Ok(self.publics())))
    }

    fn take_key<'a>(&'a self, blob: &'a [u8]) -> Asked<'a, Arc<dyn Signer>, TpmError> {
        Box::pin(async {
            let key = self.open(blob).map_err(TpmRefusal::from)?;
            Ok(Arc::new(key) as Arc<dyn Signer>)
        })
    }
}

impl fmt::Debug for SoftwareTpm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SoftwareTpm").field(self.endorsement_key()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::wrap::KeyBlob;
    use super::*;

    fn fault(text: &str) -> String {
        SoftwareTpm::from_pem(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn j_378_a_tpm_of_one_pair_is_the_same_after_it_was_written_and_read() {
        let tpm = SoftwareTpm::with_one_pair();
        let key = DeviceKey::generate();

        let read = SoftwareTpm::from_pem(tpm.to_pem().as_bytes()).unwrap();

        assert_eq!(read.endorsement_key(), tpm.endorsement_key());
        assert_eq!(read.storage_root_key(), tpm.storage_root_key());
        let [endorsement, storage_root] = [tpm.endorsement_key(), tpm.storage_root_key()];
        assert!(endorsement.as_bytes().ends_with(&storage_root.as_bytes()[28..]));
        let blob = KeyBlob::wrap(&key, endorsement, storage_root).unwrap();
        assert_eq!(read.open(blob.as_bytes()), Ok(key));
        let shown = format!("{tpm:?}");
        assert!(shown.starts_with("SoftwareTpm(TpmPublic(RSA, ") && shown.len() < 100, "{shown}");
    }

    #[test]
    fn a_text_that_is_no_tpm_says_why() {
        let pem = SoftwareTpm::with_one_pair().to_pem();
        let second = pem.find("Storage").unwrap();

        assert_eq!(fault("hello"), PemFault::NotPem.to_string());
        assert_eq!(
            fault(&pem[..second]),
            "a TPM's state is two sections `PRIVATE KEY`, of its endorsement and its storage root key; these are: PRIVATE KEY"
        );
        let foreign = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let wrong = fault(&format!("{}{foreign}", &pem[..second]));
        assert!(wrong.starts_with("the storage root key cannot be used"), "{wrong}");
    }
}
