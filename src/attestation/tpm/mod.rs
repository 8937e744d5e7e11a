//! What a TPM does with keys (B.6): the key that the service encrypts for one, and the device's TPM in software.
//!
//! A TPM has an endorsement key, which tells it from all others, and a storage root key, under which it keeps what it
//! is given; both are RSA keys, of which the service knows the public halves. A symmetric key is sent to it as a blob
//! that it alone can open. All of it is pure: bytes in, bytes out, and randomness.
//!
//! - `algorithm`: algorithms, by their numbers.
//! - `structure`: numbers and sized buffers, as TPMs write them.
//! - `protection`: what keeps something secret and whole outside a TPM: names, KDFa, CFB and HMAC.
//! - `seed`: seeds, encrypted for an RSA key of a TPM.
//! - `blob_fault`: why a blob does not give its key.
//! - `keyed_hash`: the symmetric key as an object of a TPM.
//! - `template`: what these two keys are made by.
//! - `public`: the public area of an endorsement or storage root key.
//! - `parts`: the six parts of a blob.
//! - `wrap`: the service's half, a key becomes a blob.
//! - `open`: the TPM's half, a blob becomes a key.
//! - `trusted_platform`: a TPM, wherever it is.
//! - `software`: a TPM in software.

pub(crate) mod algorithm;
mod blob_fault;
mod keyed_hash;
mod open;
mod parts;
mod protection;
mod public;
mod seed;
mod software;
pub(crate) mod structure;
pub(crate) mod template;
mod trusted_platform;
mod wrap;

pub use blob_fault::{BlobFault, BlobPart};
pub use parts::BlobParts;
pub use public::{TpmPublic, TpmPublicFault};
pub use software::{SoftwareTpm, SoftwareTpmFault};
pub use trusted_platform::{Tpm, TpmError, TpmPublicKeys, TpmRefusal};
pub use wrap::KeyBlob;
