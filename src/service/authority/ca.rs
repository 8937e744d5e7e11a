//! The authority, and the certificates that it signs or was given.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rcgen::{Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::error::AuthorityError;
use super::files::{CERTIFICATE_FILE, read, read_regular, replace, warn_of_readers, write};
use super::flaw::CertificateFlaw;
use super::minting::{dns, minting, name, self_signed, server_certificate};
use super::rsa::Rsa;
use crate::net::crypto;
use crate::service::lock::lock;

const KEY_FILE: &str = "ca.key";

/// What the service shows to its clients: certificates that a local authority signs, or one that it
/// was given.
pub struct Authority {
    pem: String,
    source: Source,
    /// Where it is kept; none in memory.
    folder: Option<PathBuf>,
    rsa: OnceLock<Rsa>,
    /// Where somebody wants a copy of what clients have to trust.
    copy: Mutex<Option<PathBuf>>,
}

/// By which keys a client can be convinced (J-207).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::service) enum Chain {
    /// By ECDSA all the way: the rule.
    Ecdsa,
    /// In the handshake by RSA, in certificates by ECDSA too: only its cipher suites are old.
    RsaBelowEcdsa,
    /// By RSA all the way.
    Rsa,
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
        let pem = self_signed(&key, "")?;
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
        Ok(Self { folder: Some(folder.to_owned()), ..authority })
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
        Ok(Self::of(pem, Source::Own(certified)))
    }

    /// The path of the certificate that clients have to trust, for an authority in `folder`.
    pub fn certificate_path(folder: &Path) -> PathBuf {
        folder.join(CERTIFICATE_FILE)
    }

    /// The certificate that clients have to trust; two of them, once a client has come that can be
    /// convinced by RSA alone.
    pub fn pem(&self) -> &str {
        self.rsa.get().map_or(&self.pem, |rsa| &rsa.trusted)
    }

    /// Whether it signs certificates, rather than showing one of the user's own.
    pub(in crate::service) fn is_local(&self) -> bool {
        matches!(self.source, Source::Local(_))
    }

    /// Makes what [`Chain::RsaBelowEcdsa`] and [`Chain::Rsa`] need, unless it is there. Takes a moment
    /// of a processor's time.
    pub(in crate::service) fn make_rsa(&self) -> Result<(), AuthorityError> {
        if self.is_local() && self.rsa.get().is_none() {
            let rsa = Rsa::make(self.folder.as_deref(), &self.pem)?;
            // Whoever was quicker has made as good a one.
            let _ = self.rsa.set(rsa);
            if let Some(path) = &*lock(&self.copy) {
                replace(path, self.pem())?;
            }
        }
        Ok(())
    }

    /// Writes what clients have to trust to `path`, at once and whenever it changes.
    pub(in crate::service) fn copy_to(&self, path: &Path) -> Result<(), AuthorityError> {
        // A change in between waits for the lock, and is written then.
        let mut copy = lock(&self.copy);
        replace(path, self.pem())?;
        *copy = Some(path.to_owned());
        Ok(())
    }

    fn assemble(pem: String, key: KeyPair) -> Result<Self, String> {
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|error| error.to_string())?;
        let leaf_key = KeyPair::generate().map_err(|error| error.to_string())?;
        Ok(Self::of(pem, Source::Local(Box::new(Local { issuer, leaf_key }))))
    }

    fn of(pem: String, source: Source) -> Self {
        Self { pem, source, folder: None, rsa: OnceLock::new(), copy: Mutex::new(None) }
    }

    /// Whether a client that trusts the certificate would accept what the key signs: finds a key
    /// that does not belong to the certificate, and a certificate that has expired.
    fn check(&self) -> Result<(), String> {
        let leaf = self.mint(Chain::Ecdsa, &["localhost"]).map_err(|error| error.to_string())?;
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
    pub(in crate::service) fn mint(
        &self,
        chain: Chain,
        names: &[&str],
    ) -> Result<CertifiedKey, AuthorityError> {
        let names = names.iter().map(|name| dns(name)).collect::<Result<_, _>>()?;
        self.mint_with(chain, names, None)
    }

    /// One with which something is wrong, for whoever dials `name`, or else this machine, which has `more`
    /// names. Where a certificate of the user's own is shown, an authority that nobody knows signs it.
    pub(in crate::service) fn mint_flawed(
        &self,
        chain: Chain,
        flaw: CertificateFlaw,
        name: Option<&str>,
        more: &[String],
    ) -> Result<CertifiedKey, AuthorityError> {
        if flaw == CertificateFlaw::Untrusted || !self.is_local() {
            let nobodys = Self::in_memory()?;
            if flaw != CertificateFlaw::Untrusted {
                return nobodys.mint_flawed(Chain::Ecdsa, flaw, name, more);
            }
            return match name {
                Some(name) => nobodys.mint(Chain::Ecdsa, &[name]),
                None => nobodys.mint_for_this_machine(Chain::Ecdsa, more),
            };
        }
        let names = match (flaw, name) {
            (CertificateFlaw::WrongName, _) => vec![dns("another-host.invalid")?],
            (_, Some(name)) => vec![dns(name)?],
            (_, None) => names_of_this_machine(more)?,
        };
        self.mint_with(chain, names, Some(flaw))
    }

    /// The server certificate for whoever dials this machine by one of its own names, `more` among
    /// them, or the service by Azure's.
    pub(in crate::service) fn mint_for_this_machine(
        &self,
        chain: Chain,
        more: &[String],
    ) -> Result<CertifiedKey, AuthorityError> {
        self.mint_with(chain, names_of_this_machine(more)?, None)
    }

    fn mint_with(
        &self,
        chain: Chain,
        names: Vec<SanType>,
        flaw: Option<CertificateFlaw>,
    ) -> Result<CertifiedKey, AuthorityError> {
        let local = match &self.source {
            Source::Local(local) => &**local,
            Source::Own(certified) => return Ok(certified.clone()),
        };
        let rsa = || self.rsa.get().ok_or_else(|| minting("its RSA side is not made yet"));
        match chain {
            Chain::Ecdsa => server_certificate(names, &local.leaf_key, &local.issuer, flaw),
            Chain::RsaBelowEcdsa => {
                server_certificate(names, &rsa()?.leaf_key, &local.issuer, flaw)
            }
            Chain::Rsa => server_certificate(names, &rsa()?.leaf_key, &rsa()?.issuer, flaw),
        }
    }
}

/// The names under which this machine is dialled, `more` among them, and the service by Azure's.
fn names_of_this_machine(more: &[String]) -> Result<Vec<SanType>, AuthorityError> {
    let mut names = vec![dns("localhost")?, dns(crate::wire::GLOBAL_ENDPOINT)?];
    for text in more {
        names.push(name(text)?);
    }
    // A fleet spreads over several loopback addresses, because one has too few ports.
    names
        .extend((1..=9).map(|last| SanType::IpAddress(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))));
    names.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    Ok(names)
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(key redacted)")
    }
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

    #[test]
    fn j_207_a_copy_has_the_rsa_root_as_soon_as_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.pem");
        let authority = Authority::in_memory().unwrap();
        let certificates =
            || std::fs::read_to_string(&copy).unwrap().matches("BEGIN CERTIFICATE").count();

        authority.copy_to(&copy).unwrap();
        assert_eq!(certificates(), 1);
        authority.make_rsa().unwrap();

        assert_eq!(certificates(), 2);
        assert!(authority.copy_to(&folder.path().join("no/copy.pem")).is_err());
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

        assert_eq!(own.mint(Chain::Rsa, &["any.name"]).unwrap().cert.len(), 1);
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
