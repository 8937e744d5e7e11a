//! Why a blob does not give its key.

use std::fmt;

use thiserror::Error;

/// One of the six parts of a blob, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobPart {
    /// `TPM2B_ID_OBJECT`: the key of the inner encryption, given out to the TPM that has both keys.
    Credential,
    /// `TPM2B_ENCRYPTED_SECRET`: the seed that protects the credential, for the endorsement key.
    CredentialSeed,
    /// `TPM2B_PRIVATE`: the key itself, encrypted twice.
    Private,
    /// `TPM2B_ENCRYPTED_SECRET`: the seed that protects the private part, for the storage root key.
    PrivateSeed,
    /// `TPM2B_PUBLIC`: what sort of key it is.
    Public,
    /// `TPM2B_DATA`: more that could be sent along, and is not.
    Data,
}

impl fmt::Display for BlobPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "the credential (part 1)",
            Self::CredentialSeed => "the seed of the credential (part 2)",
            Self::Private => "the private part (part 3)",
            Self::PrivateSeed => "the seed of the private part (part 4)",
            Self::Public => "the public part (part 5)",
            Self::Data => "the data at the end (part 6)",
        })
    }
}

/// Why a blob does not give its key (J-377). Names the part, and shows nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlobFault {
    /// A part is longer than what is left.
    #[error("the key's blob ends within {part}: was it cut off, or is a size before it wrong?")]
    Ends {
        /// Where it ends.
        part: BlobPart,
    },
    /// A part has a size that it cannot have.
    #[error("{part} of the key's blob has {found} bytes, where it has {wanted}: is a size wrong?")]
    Size {
        /// Which part.
        part: BlobPart,
        /// Its bytes.
        found: usize,
        /// What it has in a blob that is right.
        wanted: &'static str,
    },
    /// Something comes after the last part.
    #[error("the key's blob has {bytes} bytes after its last part: is a size wrong?")]
    After {
        /// How many.
        bytes: usize,
    },
    /// Neither seed can be decrypted.
    #[error(
        "the key was encrypted for another TPM: neither its endorsement key nor its storage root key decrypts a seed"
    )]
    OtherTpm,
    /// The seed of the private part and the credential belong to another storage root key.
    #[error(
        "the key was encrypted for another storage root key of this TPM; register again with the one that it has now"
    )]
    OtherStorageRootKey,
    /// A seed does not come out by the TPM's key.
    #[error("{part} of the key's blob cannot be decrypted: it was changed, or is for another TPM")]
    Seed {
        /// Which seed.
        part: BlobPart,
    },
    /// The HMAC of a part does not fit.
    #[error("{part} of the key's blob was changed: its HMAC does not fit")]
    Integrity {
        /// Which part.
        part: BlobPart,
    },
    /// The HMAC of the private part does not fit, to which the name of the public part belongs.
    #[error(
        "the private part or the public part (parts 3 and 5) of the key's blob was changed: the HMAC over both does not fit"
    )]
    Private,
    /// What the public part says of the key is not what it is.
    #[error(
        "the public part (part 5) of the key's blob is of no key that signs by HMAC-SHA256: its {field} is wrong"
    )]
    Public {
        /// Which member.
        field: &'static str,
    },
    /// The inner encryption was by another key than the credential has.
    #[error(
        "the private part (part 3) of the key's blob does not come out by the credential: its inner hash does not fit"
    )]
    InnerHash,
    /// What comes out is no key.
    #[error("what the private part (part 3) of the key's blob holds is no key")]
    Sensitive,
    /// The key is not that of the public part.
    #[error(
        "the key is not the one of the public part (part 5) of its blob: `unique` does not fit"
    )]
    Unique,
}
