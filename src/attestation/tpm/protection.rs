//! What keeps something secret and whole outside a TPM: names of objects, the key derivation KDFa, AES-128 in CFB, and
//! an HMAC over the ciphertext and a name (TPM 2.0 library, part 1, sections 11.4.10, 16, 22 and 24).

use cfb_mode::cipher::KeyIvInit;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::algorithm::SHA_256;
use super::structure::{Reader, push_sized};

/// The name of an object: what its hash is of, and its hash.
pub(super) type Name = [u8; 34];

/// What a seed or a hash has: the size of SHA-256.
pub(super) const HASH: usize = 32;

/// The name of the object whose public area this is, without the size.
pub(super) fn name(public: &[u8]) -> Name {
    let mut name = [0; 34];
    let (algorithm, hash) = name.split_at_mut(2);
    algorithm.copy_from_slice(&SHA_256.to_be_bytes());
    hash.copy_from_slice(&Sha256::digest(public));
    name
}

/// KDFa of so many bytes, at most as many as a hash has; the second context is always empty here.
pub(super) fn kdfa<const BYTES: usize>(
    key: &[u8],
    label: &str,
    context: &[u8],
) -> Zeroizing<[u8; BYTES]> {
    const { assert!(BYTES <= HASH) };
    let mut mac = keyed(key);
    mac.update(&1_u32.to_be_bytes());
    mac.update(label.as_bytes());
    mac.update(&[0]);
    mac.update(context);
    mac.update(&(BYTES as u32 * 8).to_be_bytes());
    let block: Zeroizing<[u8; HASH]> = Zeroizing::new(mac.finalize().into_bytes().into());
    let mut key = Zeroizing::new([0; BYTES]);
    key.copy_from_slice(&block[..BYTES]);
    key
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key length"))
}

/// AES-128 in CFB from a zero vector. Each key is used once, so that the vector need not be a random one.
pub(super) fn encrypt(key: &[u8; 16], bytes: &mut [u8]) {
    cfb_mode::Encryptor::<aes::Aes128>::new(key.into(), &[0; 16].into()).encrypt(bytes);
}

/// The reverse of [`encrypt`].
pub(super) fn decrypt(key: &[u8; 16], bytes: &mut [u8]) {
    cfb_mode::Decryptor::<aes::Aes128>::new(key.into(), &[0; 16].into()).decrypt(bytes);
}

/// What protects something for whoever has the seed, and binds it to the name of an object.
pub(super) struct Protection<'a> {
    encryption: Zeroizing<[u8; 16]>,
    integrity: Zeroizing<[u8; HASH]>,
    name: &'a Name,
}

/// Why something protected does not come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unprotected {
    /// Its HMAC is not where it belongs.
    Shape,
    /// The HMAC does not fit: the bytes were changed, or the name is another one.
    Integrity,
}

impl<'a> Protection<'a> {
    pub(super) fn new(seed: &[u8], name: &'a Name) -> Self {
        Self {
            encryption: kdfa(seed, "STORAGE", name),
            integrity: kdfa(seed, "INTEGRITY", &[]),
            name,
        }
    }

    /// The HMAC, sized, and the ciphertext.
    pub(super) fn protect(&self, mut bytes: Zeroizing<Vec<u8>>) -> Vec<u8> {
        encrypt(&self.encryption, &mut bytes);
        let mut out = Vec::with_capacity(2 + HASH + bytes.len());
        push_sized(&mut out, &self.mac(&bytes).finalize().into_bytes());
        out.extend_from_slice(&bytes);
        out
    }

    pub(super) fn unprotect(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unprotected> {
        let mut reader = Reader::new(bytes);
        let integrity = reader.sized().filter(|it| it.len() == HASH).ok_or(Unprotected::Shape)?;
        let ciphertext = reader.rest();
        self.mac(ciphertext).verify_slice(integrity).map_err(|_| Unprotected::Integrity)?;
        let mut bytes = Zeroizing::new(ciphertext.to_vec());
        decrypt(&self.encryption, &mut bytes);
        Ok(bytes)
    }

    fn mac(&self, ciphertext: &[u8]) -> Hmac<Sha256> {
        let mut mac = keyed(&*self.integrity);
        mac.update(ciphertext);
        mac.update(self.name);
        mac
    }
}
