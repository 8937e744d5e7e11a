//! The TPM's half: a blob becomes a key, if every check passes that a TPM makes of it
//! (`TPM2_ActivateCredential`, `TPM2_Import`, `TPM2_Load`).

use rsa::PrivateKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::blob_fault::{BlobFault, BlobPart};
use super::keyed_hash;
use super::parts::BlobParts;
use super::protection::{self, HASH, Name, Protection, Unprotected};
use super::seed::{Purpose, Seed, decrypt_seed};
use super::structure::Reader;
use crate::attestation::key::DeviceKey;

/// The keys that open a blob.
pub(super) struct Keys<'a> {
    pub(super) endorsement: &'a PrivateKey,
    pub(super) storage_root: &'a PrivateKey,
    /// Of the storage root key.
    pub(super) name: &'a Name,
}

impl Keys<'_> {
    pub(super) fn open(&self, blob: &[u8]) -> Result<DeviceKey, BlobFault> {
        let parts = BlobParts::read(blob)?;
        let inner_key = self.activate(&parts)?;
        let unique = keyed_hash::unique(parts.public)?;
        let private_seed =
            self.private_seed(&parts).ok_or(BlobFault::Seed { part: BlobPart::PrivateSeed })?;
        let name = protection::name(parts.public);
        let mut inner =
            Protection::new(&*private_seed, &name).unprotect(parts.private).map_err(|fault| {
                match fault {
                    Unprotected::Shape => {
                        size(BlobPart::Private, parts.private, "an HMAC of 32 first")
                    }
                    Unprotected::Integrity => BlobFault::Private,
                }
            })?;
        protection::decrypt(&inner_key, &mut inner);
        let sensitive = inner_hash_fits(&inner, &name)?;
        let (obfuscation, key) =
            keyed_hash::read_sensitive(sensitive).ok_or(BlobFault::Sensitive)?;
        if keyed_hash::unique_of(obfuscation, key) != unique {
            return Err(BlobFault::Unique);
        }
        Ok(DeviceKey::from_bytes(Zeroizing::new(key.to_vec())))
    }

    /// The key of the inner encryption. Where it does not come out, the other seed tells which of the two
    /// keys the blob is not for.
    fn activate(&self, parts: &BlobParts<'_>) -> Result<Zeroizing<[u8; 16]>, BlobFault> {
        let Some(seed) = decrypt_seed(self.endorsement, Purpose::Identity, parts.encrypted_secret)
        else {
            return Err(match self.private_seed(parts) {
                Some(_) => BlobFault::Seed { part: BlobPart::CredentialSeed },
                None => BlobFault::OtherTpm,
            });
        };
        let credential =
            Protection::new(&*seed, self.name).unprotect(parts.id_object).map_err(|fault| {
                match fault {
                    Unprotected::Shape => {
                        size(BlobPart::Credential, parts.id_object, "an HMAC of 32 first")
                    }
                    Unprotected::Integrity if self.private_seed(parts).is_none() => {
                        BlobFault::OtherStorageRootKey
                    }
                    Unprotected::Integrity => BlobFault::Integrity { part: BlobPart::Credential },
                }
            })?;
        let mut reader = Reader::new(&credential);
        reader
            .sized()
            .filter(|_| reader.rest().is_empty())
            .and_then(|key| key.try_into().ok())
            .map(Zeroizing::new)
            .ok_or_else(|| size(BlobPart::Credential, parts.id_object, "a key of 16"))
    }

    fn private_seed(&self, parts: &BlobParts<'_>) -> Option<Seed> {
        decrypt_seed(self.storage_root, Purpose::Duplicate, parts.wrapped_seed)
    }
}

fn size(part: BlobPart, bytes: &[u8], wanted: &'static str) -> BlobFault {
    BlobFault::Size { part, found: bytes.len(), wanted }
}

/// The sensitive area, if the hash before it is of it and the name.
fn inner_hash_fits<'a>(inner: &'a [u8], name: &Name) -> Result<&'a [u8], BlobFault> {
    let mut reader = Reader::new(inner);
    let hash = reader.sized().filter(|hash| hash.len() == HASH).ok_or(BlobFault::InnerHash)?;
    let sized = reader.rest();
    if Sha256::new().chain_update(sized).chain_update(name).finalize().as_slice() != hash {
        return Err(BlobFault::InnerHash);
    }
    let sensitive = reader.sized().filter(|_| reader.rest().is_empty());
    sensitive.ok_or(BlobFault::Sensitive)
}
