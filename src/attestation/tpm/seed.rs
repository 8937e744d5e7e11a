//! Seeds, encrypted for an RSA key of a TPM: OAEP with SHA-256 and a label that says what the seed is for (TPM 2.0
//! library, part 1, appendix B.10).
//!
//! Decrypting is the TPM's part, and so the simulated device's alone; the service has public keys only. Why the crate
//! rsa will do for that: docs/decisions/0007-rsa-keys.md.

use rsa::{BoxedUint, Oaep, PrivateKey, PublicKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::protection::HASH;

/// Bits of the keys that TPMs have for this.
pub(super) const RSA_BITS: u16 = 2048;
/// Bytes of their modulus, and of what is encrypted for them.
pub(super) const RSA_BYTES: usize = 256;
/// The exponent that all have.
pub(super) const EXPONENT: u32 = 65_537;

pub(super) type Seed = Zeroizing<[u8; HASH]>;

/// What a seed is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To protect a credential that the TPM gives out if it has the right key.
    Identity,
    /// To protect an object that the TPM takes for its own.
    Duplicate,
}

impl Purpose {
    /// With the zero at the end, which belongs to it.
    fn label(self) -> &'static [u8] {
        match self {
            Self::Identity => b"IDENTITY\0",
            Self::Duplicate => b"DUPLICATE\0",
        }
    }

    fn padding(self) -> Oaep<Sha256> {
        Oaep::new_with_label(self.label())
    }
}

/// The public key with this modulus.
pub(super) fn public_key(modulus: &[u8]) -> Result<PublicKey, rsa::Error> {
    let modulus = BoxedUint::from_be_slice(modulus, RSA_BITS.into())
        .map_err(|_| rsa::Error::InvalidModulus)?;
    PublicKey::new(modulus, BoxedUint::from(EXPONENT))
}

pub(super) fn encrypt_seed(
    key: &PublicKey,
    purpose: Purpose,
    seed: &Seed,
) -> Result<Vec<u8>, rsa::Error> {
    key.encrypt(&mut getrandom::SysRng, purpose.padding(), &**seed)
}

/// The seed, if it was encrypted for this key and this purpose and has not been changed since.
pub(super) fn decrypt_seed(key: &PrivateKey, purpose: Purpose, secret: &[u8]) -> Option<Seed> {
    let seed = key.decrypt_blinded(&mut getrandom::SysRng, purpose.padding(), secret).ok()?;
    Zeroizing::new(seed).as_slice().try_into().ok().map(Zeroizing::new)
}
