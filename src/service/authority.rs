//! The local certification authority: made once, kept in a folder or in memory, signs what the
//! service shows to its clients.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::net::crypto;
use crate::text::{MAX_FILE, read_file};
use crate::wire::writable;

const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key";

/// How long the authority is valid: longer than any test bench stands.
const AUTHORITY_LIFETIME: Duration = Duration::days(10 * 365);
/// How long a server certificate is valid: the most that common clients accept.
const LEAF_LIFETIME: Duration = Duration::days(397);
/// Room for clients whose clock is behind.
const CLOCK_ROOM: Duration = Duration::days(1);

/// Why the authority cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// Its folder cannot be used.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is in its folder is no authority, or not a whole one.
    #[error(
        "{path} is not usable as a certification authority: {reason}; delete the folder to have a new one made"
    )]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate of the user's own, or its key, cannot be used.
    #[error("{path}: {reason}")]
    Own {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Minting(String),
}

/// What the service shows to its clients: certificates that a local authority signs, or one that it
/// was given.
pub struct Authority {
    pem: String,
    source: Source,
}

enum Source {
    Local(Box<Local>),
    Own(CertifiedKey),
}

struct Local {
    issuer: Issuer<'static, KeyPair>,
    /// One key for all server certificates: making one takes longer than signing with it.
    leaf_key: KeyPair,
}

impl Authority {
    /// An authority that nobody has seen before and that is gone with this value.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random numbers.
    pub fn in_memory() -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(minting)?;
        let pem = self_signed(&key)?;
        Self::assemble(pem, key).map_err(AuthorityError::Minting)
    }

    /// The authority in `folder`, made there if there is none: `ca.pem` for clients to trust, and
    /// `ca.key`, readable by its owner only.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read or written, or what is in it is damaged.
    pub fn in_folder(folder: &Path) -> Result<Self, AuthorityError> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        if !certificate.exists() && !key.exists() {
            Self::in_memory()?.write(folder)?;
        }
        let damaged =
            |path: &Path, reason: String| AuthorityError::Damaged { path: path.to_owned(), reason };
        let pem = read_regular(&certificate)?;
        let key_text = Zeroizing::new(read_regular(&key)?);
        warn_of_readers(&key);
        let key_pair =
            KeyPair::from_pem(&key_text).map_err(|error| damaged(&key, error.to_string()))?;
        let authority =
            Self::assemble(pem, key_pair).map_err(|reason| damaged(&certificate, reason))?;
        authority.check().map_err(|reason| damaged(folder, reason))?;
        Ok(authority)
    }

    /// No authority, but a certificate of one's own, with its chain, and its key: shown to every
    /// client, whatever name it dials. RSA and EC keys will do.
    ///
    /// # Errors
    ///
    /// If the files cannot be read, or do not belong together.
    pub fn own_certificate(chain: &Path, key: &Path) -> Result<Self, AuthorityError> {
        let wrong =
            |path: &Path, reason: String| AuthorityError::Own { path: path.to_owned(), reason };
        let pem = read(chain)?;
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(chain, error.to_string()))?;
        if certificates.is_empty() {
            return Err(wrong(chain, "it holds no certificate".to_owned()));
        }
        let text = Zeroizing::new(read(key)?);
        warn_of_readers(key);
        if text.contains("ENCRYPTED") {
            return Err(wrong(key, "the key is encrypted; decrypt it first".to_owned()));
        }
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_| wrong(key, "it holds no private key in PEM".to_owned()))?;
        let signing = crypto()
            .key_provider
            .load_private_key(der)
            .map_err(|_| wrong(key, "the key is of a kind that TLS here cannot use".to_owned()))?;
        let certified = CertifiedKey::new(certificates, signing);
        certified.keys_match().map_err(|_| {
            wrong(key, format!("it is not the key of the first certificate in {}", chain.display()))
        })?;
        Ok(Self { pem, source: Source::Own(certified) })
    }

    /// The path of the certificate that clients have to trust, for an authority in `folder`.
    pub fn certificate_path(folder: &Path) -> PathBuf {
        folder.join(CERTIFICATE_FILE)
    }

    /// The certificate that clients have to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    fn assemble(pem: String, key: KeyPair) -> Result<Self, String> {
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|error| error.to_string())?;
        let leaf_key = KeyPair::generate().map_err(|error| error.to_string())?;
        Ok(Self { pem, source: Source::Local(Box::new(Local { issuer, leaf_key })) })
    }

    /// Whether a client that trusts the certificate would accept what the key signs: finds a key
    /// that does not belong to the certificate, and a certificate that has expired.
    fn check(&self) -> Result<(), String> {
        let leaf = self.mint(&["localhost"]).map_err(|error| error.to_string())?;
        let mut roots = rustls::RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(self.pem.as_bytes())
            .map_err(|error| error.to_string())?;
        roots.add(trusted).map_err(|error| error.to_string())?;
        let verifier =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crypto())
                .build()
                .map_err(|error| error.to_string())?;
        let [end_entity, intermediates @ ..] = &leaf.cert[..] else {
            return Err("it signs nothing".to_owned());
        };
        let name = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
        let now = rustls::pki_types::UnixTime::now();
        rustls::client::danger::ServerCertVerifier::verify_server_cert(
            &*verifier,
            end_entity,
            intermediates,
            &name,
            &[],
            now,
        )
        .map(|_| ())
        .map_err(|error| error.to_string())
    }

    /// Both files appear at once, by the renaming of a folder, so that two services that start
    /// together end up with one authority. A folder that holds other things gets them one by one.
    fn write(&self, folder: &Path) -> Result<(), AuthorityError> {
        let beside = folder.with_extension(format!("{}.tmp", std::process::id()));
        self.write_into(&beside)?;
        let is_there =
            std::fs::rename(&beside, folder).is_ok() || folder.join(CERTIFICATE_FILE).exists();
        if !is_there {
            self.write_into(folder)?;
        }
        // Gone already where the renaming succeeded.
        let _ = std::fs::remove_dir_all(&beside);
        Ok(())
    }

    fn write_into(&self, folder: &Path) -> Result<(), AuthorityError> {
        std::fs::create_dir_all(folder).map_err(|source| AuthorityError::Io {
            action: "make",
            path: folder.to_owned(),
            source,
        })?;
        if let Source::Local(local) = &self.source {
            write(&folder.join(KEY_FILE), &local.issuer.key().serialize_pem(), 0o600)?;
        }
        write(&folder.join(CERTIFICATE_FILE), &self.pem, 0o644)
    }

    /// A server certificate for these DNS names.
    pub(super) fn mint(&self, names: &[&str]) -> Result<CertifiedKey, AuthorityError> {
        let names = names.iter().map(|name| dns(name)).collect::<Result<_, _>>()?;
        self.mint_with(names)
    }

    /// The server certificate for whoever dials this machine by one of its own names, or the
    /// service by Azure's.
    pub(super) fn mint_for_this_machine(&self) -> Result<CertifiedKey, AuthorityError> {
        let mut names = vec![dns("localhost")?, dns(crate::wire::GLOBAL_ENDPOINT)?];
        // A fleet spreads over several loopback addresses, because one has too few ports.
        names.extend(
            (1..=9).map(|last| SanType::IpAddress(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))),
        );
        names.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        self.mint_with(names)
    }

    fn mint_with(&self, names: Vec<SanType>) -> Result<CertifiedKey, AuthorityError> {
        let Local { issuer, leaf_key } = match &self.source {
            Source::Local(local) => &**local,
            Source::Own(certified) => return Ok(certified.clone()),
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "provision-sim");
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, LEAF_LIFETIME);
        let certificate = params.signed_by(leaf_key, issuer).map_err(minting)?;
        let key = PrivateKeyDer::try_from(leaf_key.serialize_der())
            .map_err(|error| AuthorityError::Minting(error.to_owned()))?;
        let key = crypto().key_provider.load_private_key(key).map_err(minting)?;
        Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(key redacted)")
    }
}

fn self_signed(key: &KeyPair) -> Result<String, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    // The number tells authorities apart that several machines, or a deleted folder, have made.
    let name = format!("provision-sim local CA {:08x}", fastrand::u32(..));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut params, AUTHORITY_LIFETIME);
    params.self_signed(key).map(|certificate| certificate.pem()).map_err(minting)
}

fn valid_for(params: &mut CertificateParams, lifetime: Duration) {
    let now = OffsetDateTime::from(writable(SystemTime::now()));
    params.not_before = now - CLOCK_ROOM;
    params.not_after = now.saturating_add(lifetime);
}

fn dns(name: &str) -> Result<SanType, AuthorityError> {
    Ok(SanType::DnsName(name.try_into().map_err(minting)?))
}

fn minting(error: impl fmt::Display) -> AuthorityError {
    AuthorityError::Minting(error.to_string())
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    match read_file(path, MAX_FILE) {
        Ok(text) => Ok(text.to_string()),
        Err(source) => Err(AuthorityError::Io { action: "read", path: path.to_owned(), source }),
    }
}

/// Of a file of our own: a pipe in its place would be waited for, for ever.
fn read_regular(path: &Path) -> Result<String, AuthorityError> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(AuthorityError::Damaged {
            path: path.to_owned(),
            reason: "it is not a regular file".to_owned(),
        }),
        // That it is not there is told by who reads it.
        _ => read(path),
    }
}

/// As ssh does, but it goes on: who reads the key can be this service towards its devices.
fn warn_of_readers(key: &Path) {
    #[cfg(unix)]
    if let Ok(found) = std::fs::metadata(key) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
        if found.is_file() && mode & 0o077 != 0 {
            let shown = key.display();
            tracing::warn!(
                "{shown} can be read by others (mode {mode:04o}): who has this key can pretend to be the service; chmod 600 {shown}"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = key;
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written =
        options.open(path).and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|source| AuthorityError::Io { action: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_made_once_and_reused() {
        let folder = tempfile::tempdir().unwrap();

        let made = Authority::in_folder(&folder.path().join("ca")).unwrap();
        let found = Authority::in_folder(&folder.path().join("ca")).unwrap();

        assert_eq!(made.pem(), found.pem());
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();

        Authority::in_folder(folder.path()).unwrap();

        let mode = std::fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    fn key_of(authority: &Authority) -> String {
        match &authority.source {
            Source::Local(local) => local.issuer.key().serialize_pem(),
            Source::Own(_) => panic!("it is a local one"),
        }
    }

    #[test]
    fn a_1_an_rsa_certificate_of_ones_own_is_taken_with_its_key_and_no_other() {
        let (chain, key) = (
            Path::new("tests/data/tls/server-rsa.pem"),
            Path::new("tests/data/tls/server-rsa.key"),
        );
        let folder = tempfile::tempdir().unwrap();
        Authority::in_folder(folder.path()).unwrap();

        let own = Authority::own_certificate(chain, key).unwrap();

        assert_eq!(own.mint(&["any.name"]).unwrap().cert.len(), 1);
        for (chain, key) in [
            (chain, &*folder.path().join(KEY_FILE)),
            (key, key),
            (chain, chain),
            (chain, Path::new("/nonexistent")),
        ] {
            assert!(Authority::own_certificate(chain, key).is_err(), "{}", key.display());
        }
    }

    #[test]
    fn a_damaged_authority_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        Authority::in_folder(folder.path()).unwrap();
        let other = Authority::in_memory().unwrap();

        std::fs::write(path(KEY_FILE), key_of(&other)).unwrap();
        let error = Authority::in_folder(folder.path()).unwrap_err();
        assert!(
            matches!(error, AuthorityError::Damaged { .. }),
            "a key of another certificate: {error}"
        );

        std::fs::write(path(CERTIFICATE_FILE), "hello").unwrap();
        assert!(matches!(Authority::in_folder(folder.path()), Err(AuthorityError::Damaged { .. })));

        std::fs::remove_file(path(CERTIFICATE_FILE)).unwrap();
        assert!(matches!(Authority::in_folder(folder.path()), Err(AuthorityError::Io { .. })));
    }
}
