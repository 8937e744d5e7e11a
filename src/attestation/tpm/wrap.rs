//! The service's half: a symmetric key becomes a blob that one TPM alone can open.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::keyed_hash;
use super::parts::BlobParts;
use super::protection::{self, HASH, Name, Protection};
use super::public::{TpmPublic, TpmPublicFault};
use super::seed::{Purpose, Seed, encrypt_seed};
use super::structure::push_sized;
use crate::attestation::key::DeviceKey;
use crate::sources::Chance;

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// A symmetric key, encrypted for one TPM: an `authenticationKey` (B.6).
///
/// ```
/// use provision_sim::attestation::{DeviceKey, KeyBlob, SoftwareTpm};
///
/// let tpm = SoftwareTpm::with_one_pair();
/// let key: DeviceKey = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=".parse()?;
///
/// let blob = KeyBlob::wrap(&key, tpm.endorsement_key(), tpm.storage_root_key())?;
///
/// assert_eq!(blob.as_bytes().len(), 766);
/// assert_eq!(tpm.open(blob.as_bytes())?, key);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBlob(Box<[u8]>);

/// What must be another one in each blob.
struct Drawn {
    /// The key of the inner encryption, which is the credential.
    inner_key: Zeroizing<[u8; 16]>,
    obfuscation: Zeroizing<[u8; HASH]>,
    credential_seed: Seed,
    private_seed: Seed,
}

impl Drawn {
    fn new() -> Self {
        Self {
            inner_key: drawn(),
            obfuscation: drawn(),
            credential_seed: drawn(),
            private_seed: drawn(),
        }
    }
}

/// By the system even where all else follows from a test's seed, as OAEP draws too (J-376).
fn drawn<const BYTES: usize>() -> Zeroizing<[u8; BYTES]> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    Chance::system().fill("blob", "", &mut *bytes);
    bytes
}

impl KeyBlob {
    /// Encrypts `key` for the TPM that has these two keys; another blob each time.
    ///
    /// A key longer than a block of SHA-256, 64 bytes, goes as its hash, as TPMs take no longer one: what
    /// it signs is the same.
    ///
    /// # Errors
    ///
    /// If one of the two is no RSA key (J-375).
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers.
    pub fn wrap(
        key: &DeviceKey,
        endorsement_key: &TpmPublic,
        storage_root_key: &TpmPublic,
    ) -> Result<Self, TpmPublicFault> {
        Self::wrap_with(&Drawn::new(), key, endorsement_key, storage_root_key)
    }

    fn wrap_with(
        drawn: &Drawn,
        key: &DeviceKey,
        endorsement_key: &TpmPublic,
        storage_root_key: &TpmPublic,
    ) -> Result<Self, TpmPublicFault> {
        let encrypt = |key: &TpmPublic, purpose, seed| {
            encrypt_seed(&key.encrypting()?, purpose, seed).map_err(|_| TpmPublicFault::Modulus)
        };
        let encrypted_secret = encrypt(endorsement_key, Purpose::Identity, &drawn.credential_seed)?;
        let wrapped_seed = encrypt(storage_root_key, Purpose::Duplicate, &drawn.private_seed)?;
        let (public, private) = drawn.duplicate(&signing(key));
        let parts = BlobParts {
            id_object: &drawn.credential(&storage_root_key.name()),
            encrypted_secret: &encrypted_secret,
            private: &private,
            wrapped_seed: &wrapped_seed,
            public: &public,
            data: &[],
        };
        Ok(Self(parts.write().into()))
    }

    /// The bytes as a TPM's user takes them apart: [`BlobParts`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As it is sent.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl fmt::Debug for KeyBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBlob(encrypted, {} bytes)", self.0.len())
    }
}

/// The bytes that sign as `key` does and are no more than a block.
fn signing(key: &DeviceKey) -> Zeroizing<Vec<u8>> {
    let bytes = key.bytes();
    Zeroizing::new(match bytes.len() {
        ..=BLOCK => bytes.to_vec(),
        _ => Sha256::digest(bytes).to_vec(),
    })
}

impl Drawn {
    /// The inner key, for the TPM that has the endorsement key and this storage root key (`TPM2_MakeCredential`).
    fn credential(&self, storage_root_key: &Name) -> Vec<u8> {
        let mut credential = Zeroizing::new(Vec::with_capacity(2 + self.inner_key.len()));
        push_sized(&mut credential, &*self.inner_key);
        Protection::new(&*self.credential_seed, storage_root_key).protect(credential)
    }

    /// Public and private part of the key (`TPM2_Duplicate`).
    fn duplicate(&self, key: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let public = keyed_hash::public(&keyed_hash::unique_of(&*self.obfuscation, key));
        let name = protection::name(&public);
        let sensitive = keyed_hash::sensitive(&*self.obfuscation, key);
        let private = self.private(&name, &sensitive);
        (public, private)
    }

    /// The sensitive area with its hash, encrypted by the inner key and then by what follows from the seed.
    fn private(&self, name: &Name, sensitive: &[u8]) -> Vec<u8> {
        let mut sized = Zeroizing::new(Vec::with_capacity(2 + sensitive.len()));
        push_sized(&mut sized, sensitive);
        let hash = Sha256::new().chain_update(&*sized).chain_update(name).finalize();
        let mut inner = Zeroizing::new(Vec::with_capacity(2 + HASH + sized.len()));
        push_sized(&mut inner, &hash);
        inner.extend_from_slice(&sized);
        protection::encrypt(&self.inner_key, &mut inner);
        Protection::new(&*self.private_seed, name).protect(inner)
    }
}

#[cfg(test)]
#[path = "wrap_tests.rs"]
mod tests;
