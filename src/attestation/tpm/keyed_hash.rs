//! The symmetric key as an object of a TPM: one that signs by HMAC-SHA256, `TPM_ALG_KEYEDHASH`.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::algorithm::{HMAC, KEYED_HASH, SHA_256};
use super::blob_fault::BlobFault;
use super::protection::HASH;
use super::structure::{Reader, push_sized};

/// It signs, and whoever is the TPM's user may use it (`sign`, `userWithAuth`).
const ATTRIBUTES: u32 = 0x0004_0040;

/// The public area, `TPMT_PUBLIC`. Its last member says which key it is of, and does not tell it.
pub(super) fn public(unique: &[u8; HASH]) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    for number in [KEYED_HASH, SHA_256] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&ATTRIBUTES.to_be_bytes());
    // No policy; HMAC with SHA-256.
    push_sized(&mut out, &[]);
    for number in [HMAC, SHA_256] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    push_sized(&mut out, unique);
    out
}

/// The last member of a public area, if all others are as [`public`] writes them.
pub(super) fn unique(public: &[u8]) -> Result<[u8; HASH], BlobFault> {
    let fault = |field| BlobFault::Public { field };
    let number = |reader: &mut Reader<'_>, field, wanted: u16| {
        reader.number_16().filter(|found| *found == wanted).ok_or(fault(field))
    };
    let mut reader = Reader::new(public);
    number(&mut reader, "type", KEYED_HASH)?;
    number(&mut reader, "name algorithm", SHA_256)?;
    // A TPM imports no key that says of itself that it is bound to one, and signs with none that lacks these two.
    reader.number_32().filter(|found| *found == ATTRIBUTES).ok_or(fault("attributes"))?;
    reader.sized().filter(|policy| policy.is_empty()).ok_or(fault("policy"))?;
    number(&mut reader, "scheme", HMAC)?;
    number(&mut reader, "hash of the scheme", SHA_256)?;
    let unique = reader.sized().and_then(|it| it.try_into().ok()).ok_or(fault("unique"))?;
    if reader.rest().is_empty() { Ok(unique) } else { Err(fault("end")) }
}

/// The sensitive area, `TPMT_SENSITIVE`: what makes the key's `unique` another one each time, and the key.
pub(super) fn sensitive(obfuscation: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(8 + obfuscation.len() + key.len()));
    out.extend_from_slice(&KEYED_HASH.to_be_bytes());
    // No password.
    push_sized(&mut out, &[]);
    push_sized(&mut out, obfuscation);
    push_sized(&mut out, key);
    out
}

/// The obfuscation and the key of a sensitive area.
pub(super) fn read_sensitive(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(bytes);
    reader.number_16().filter(|kind| *kind == KEYED_HASH)?;
    let _password = reader.sized()?;
    let (obfuscation, key) = (reader.sized()?, reader.sized()?);
    (reader.rest().is_empty() && !key.is_empty()).then_some((obfuscation, key))
}

/// What the public area says of the key.
pub(super) fn unique_of(obfuscation: &[u8], key: &[u8]) -> [u8; HASH] {
    Sha256::new().chain_update(obfuscation).chain_update(key).finalize().into()
}
