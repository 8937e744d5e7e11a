//! The TCG's templates L-1 for the two keys of a TPM, which Azure's device SDKs use, too: RSA of 2048 bits, SHA-256
//! and AES-128 in CFB.
//!
//! With a modulus they are the public area of a key, without one what a TPM is told to make; both as `TPM2B_PUBLIC`,
//! with the size.

use super::algorithm::{AES, CFB, NULL, RSA, SHA_256};
use super::protection::HASH;
use super::seed::RSA_BITS;
use super::structure::push_sized;

/// What an endorsement key may be used for, and by whom: by whoever may manage privacy
/// (`TPM2_PolicySecret` of the endorsement hierarchy).
const ENDORSEMENT_ATTRIBUTES: u32 = 0x0003_00B2;
const ENDORSEMENT_POLICY: [u8; HASH] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24,
    0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA,
];
const STORAGE_ATTRIBUTES: u32 = 0x0003_0472;

/// Of an endorsement key.
pub(crate) fn endorsement(modulus: &[u8]) -> Vec<u8> {
    rsa(ENDORSEMENT_ATTRIBUTES, &ENDORSEMENT_POLICY, modulus)
}

/// Of a storage root key.
pub(crate) fn storage_root(modulus: &[u8]) -> Vec<u8> {
    rsa(STORAGE_ATTRIBUTES, &[], modulus)
}

fn rsa(attributes: u32, policy: &[u8], modulus: &[u8]) -> Vec<u8> {
    let mut area = Vec::with_capacity(314);
    area.extend([RSA, SHA_256].into_iter().flat_map(u16::to_be_bytes));
    area.extend(attributes.to_be_bytes());
    push_sized(&mut area, policy);
    area.extend([AES, 128, CFB, NULL, RSA_BITS].into_iter().flat_map(u16::to_be_bytes));
    // The usual exponent is written as zero.
    area.extend(0_u32.to_be_bytes());
    push_sized(&mut area, modulus);
    let mut sized = Vec::with_capacity(2 + area.len());
    push_sized(&mut sized, &area);
    sized
}
