//! The RSA side of the authority (J-207): firmware exists that knows RSA alone.
//!
//! rcgen and ring sign with RSA keys and make none, so a crate makes them that does nothing else here:
//! docs/decisions/0007-rsa-keys.md.

use std::io::{self, Write};
use std::path::Path;

use rcgen::{Issuer, KeyPair, PKCS_RSA_SHA256};
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::error::AuthorityError;
use super::files::{CERTIFICATE_FILE, read_regular, replace, warn_of_readers};
use super::minting::{minting, self_signed};

/// Its root, certificate and key, beside those of the ECDSA one.
const FILE: &str = "ca-rsa.pem";
/// What every client takes.
const BITS: usize = 2048;

/// Keys and root for clients that know RSA alone.
pub(super) struct Rsa {
    /// The key of all server certificates.
    pub(super) leaf_key: KeyPair,
    pub(super) issuer: Issuer<'static, KeyPair>,
    /// All that clients have to trust from now on, the older root first.
    pub(super) trusted: String,
}

impl Rsa {
    /// Makes it, or takes the root from `folder`. `trusted` is what clients have had to trust until
    /// now; the file of that name in the folder has both roots afterwards.
    pub(super) fn make(folder: Option<&Path>, trusted: &str) -> Result<Self, AuthorityError> {
        let root = match folder {
            Some(folder) => root_in(folder)?,
            None => new_root()?,
        };
        let (certificate, key) = split(&root).ok_or_else(|| minting("no root in its RSA file"))?;
        let key = KeyPair::from_pem(key).map_err(minting)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(minting)?;
        let mut trusted = trusted.to_owned();
        if !trusted.contains(certificate.trim()) {
            trusted.push_str(certificate);
            if let Some(folder) = folder {
                replace(&folder.join(CERTIFICATE_FILE), &trusted)?;
            }
        }
        Ok(Self { leaf_key: new_key()?, issuer, trusted })
    }
}

/// Two services that come here together end up with one root: who is later takes what is there.
fn root_in(folder: &Path) -> Result<Zeroizing<String>, AuthorityError> {
    let path = folder.join(FILE);
    if !path.exists() {
        let root = new_root()?;
        let put = || -> io::Result<()> {
            // For its owner only, as temporary files are.
            let mut file = NamedTempFile::new_in(folder)?;
            file.write_all(root.as_bytes())?;
            match file.persist_noclobber(&path) {
                Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
                    Err(error.error)
                }
                _ => Ok(()),
            }
        };
        put().map_err(|source| AuthorityError::Io {
            action: "write",
            path: path.clone(),
            source,
        })?;
    }
    let root = Zeroizing::new(read_regular(&path)?);
    warn_of_readers(&path);
    Ok(root)
}

/// Certificate and key, one after the other.
fn new_root() -> Result<Zeroizing<String>, AuthorityError> {
    let key = new_key()?;
    let certificate = self_signed(&key, " RSA")?;
    Ok(Zeroizing::new(certificate + &Zeroizing::new(key.serialize_pem())))
}

fn split(root: &str) -> Option<(&str, &str)> {
    root.split_at_checked(root.find("-----BEGIN PRIVATE KEY")?)
}

fn new_key() -> Result<KeyPair, AuthorityError> {
    let key = PrivateKey::new(&mut getrandom::SysRng, BITS).map_err(minting)?;
    let der = key.to_pkcs8_der().map_err(minting)?;
    let der = PrivatePkcs8KeyDer::from(der.as_bytes());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).map_err(minting)
}
