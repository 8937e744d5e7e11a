//! Algorithms, by the numbers that TPMs have for them (`TPM_ALG_…`).

pub(crate) const RSA: u16 = 0x0001;
pub(crate) const HMAC: u16 = 0x0005;
pub(crate) const AES: u16 = 0x0006;
pub(crate) const KEYED_HASH: u16 = 0x0008;
pub(crate) const SHA_256: u16 = 0x000B;
/// None.
pub(crate) const NULL: u16 = 0x0010;
pub(crate) const ECC: u16 = 0x0023;
pub(crate) const CFB: u16 = 0x0043;
