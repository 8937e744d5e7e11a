//! The six parts of a blob, taken apart and put together.

use super::blob_fault::{BlobFault, BlobPart};
use super::protection::HASH;
use super::seed::RSA_BYTES;
use super::structure::{Reader, push_sized};

/// A credential: its HMAC and a sized key of 16 to 32 bytes.
const CREDENTIAL: std::ops::RangeInclusive<usize> = 2 + HASH + 2 + 16..=2 + HASH + 2 + 32;

/// The parts of an `authenticationKey` (B.6), each without the size before it. All are encrypted or public.
///
/// A TPM takes the first two by `TPM2_ActivateCredential`, which gives the key of the inner encryption, the
/// next three by `TPM2_Import`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobParts<'a> {
    /// `TPM2B_ID_OBJECT`: HMAC and encrypted credential.
    pub id_object: &'a [u8],
    /// `TPM2B_ENCRYPTED_SECRET`: the seed of the credential, encrypted by the endorsement key.
    pub encrypted_secret: &'a [u8],
    /// `TPM2B_PRIVATE`: HMAC and the key, encrypted twice.
    pub private: &'a [u8],
    /// `TPM2B_ENCRYPTED_SECRET`: the seed of the private part, encrypted by the storage root key.
    pub wrapped_seed: &'a [u8],
    /// `TPM2B_PUBLIC`: the public area of the key.
    pub public: &'a [u8],
    /// `TPM2B_DATA`: empty in every blob that is known.
    pub data: &'a [u8],
}

impl<'a> BlobParts<'a> {
    /// Takes a blob apart. Whether a part holds what it should is for the TPM to say.
    ///
    /// # Errors
    ///
    /// If a size cannot be right, with the part that has it; a wrong size may show only in the part after
    /// it.
    pub fn read(blob: &'a [u8]) -> Result<Self, BlobFault> {
        let mut reader = Reader::new(blob);
        let mut next = |part| reader.sized().ok_or(BlobFault::Ends { part });
        let parts = Self {
            id_object: credential(next(BlobPart::Credential)?)?,
            encrypted_secret: secret(BlobPart::CredentialSeed, next(BlobPart::CredentialSeed)?)?,
            private: next(BlobPart::Private)?,
            wrapped_seed: secret(BlobPart::PrivateSeed, next(BlobPart::PrivateSeed)?)?,
            public: next(BlobPart::Public)?,
            data: next(BlobPart::Data)?,
        };
        match reader.rest().len() {
            0 => Ok(parts),
            bytes => Err(BlobFault::After { bytes }),
        }
    }

    /// The reverse of [`read`](Self::read).
    pub(super) fn write(&self) -> Vec<u8> {
        let parts = [
            self.id_object,
            self.encrypted_secret,
            self.private,
            self.wrapped_seed,
            self.public,
            self.data,
        ];
        let mut out = Vec::with_capacity(parts.iter().map(|part| 2 + part.len()).sum());
        for part in parts {
            push_sized(&mut out, part);
        }
        out
    }
}

fn credential(bytes: &[u8]) -> Result<&[u8], BlobFault> {
    if CREDENTIAL.contains(&bytes.len()) {
        return Ok(bytes);
    }
    Err(BlobFault::Size { part: BlobPart::Credential, found: bytes.len(), wanted: "52 to 68" })
}

fn secret(part: BlobPart, bytes: &[u8]) -> Result<&[u8], BlobFault> {
    if bytes.len() == RSA_BYTES {
        return Ok(bytes);
    }
    Err(BlobFault::Size { part, found: bytes.len(), wanted: "256, as the keys are of 2048 bits" })
}
