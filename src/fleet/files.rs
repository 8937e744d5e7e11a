//! Keys, certificates and TPMs of devices that stand in files, whose names a pattern makes: each is read
//! when its device begins, so that memory does not grow with their number.

use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use zeroize::Zeroizing;

use super::template::FilePattern;
use crate::attestation::{
    DeviceCertificate, IdentityFault, KeyError, SoftwareTpm, SoftwareTpmFault,
};
use crate::device::Credential;
use crate::net::plain;
use crate::sources::Clock;
use crate::text::key_text;
use crate::wire::RegistrationId;

/// Reads a file that holds a secret.
pub type ReadSecret = Arc<dyn Fn(&Path) -> std::io::Result<Zeroizing<Vec<u8>>> + Send + Sync>;

/// Where the proof of each device stands, and how it is read.
pub struct Files {
    /// What each has.
    pub kind: FileKind,
    /// Reads it.
    pub read: ReadSecret,
}

/// What stands in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A device's key.
    Key(FilePattern),
    /// A device's certificate, with intermediates; its private key may follow.
    Certificate {
        /// The certificates.
        certificate: FilePattern,
        /// The private keys, where they stand by themselves.
        key: Option<FilePattern>,
    },
    /// A device's TPM in software.
    Tpm(FilePattern),
}

/// Why the file of a device is of no use. Never repeats what stands in it.
#[derive(Debug, Error)]
#[error("{path}: {reason}")]
pub struct FileFault {
    path: String,
    reason: Reason,
}

#[derive(Debug, Error)]
enum Reason {
    #[error("cannot be read: {}", plain(.0))]
    Unreadable(std::io::Error),
    #[error("cannot be written: {}", plain(.0))]
    Unwritable(std::io::Error),
    #[error("it is not UTF-8")]
    NotText,
    #[error(transparent)]
    Key(KeyError),
    #[error(transparent)]
    Certificate(IdentityFault),
    #[error(transparent)]
    Tpm(SoftwareTpmFault),
}

impl FileFault {
    pub(super) fn unwritable(path: &Path, error: std::io::Error) -> Self {
        fault(path, Reason::Unwritable(error))
    }
}

impl Files {
    /// The proof of one device.
    ///
    /// # Errors
    ///
    /// If its file cannot be read, or proves something else.
    pub fn credential(&self, id: &RegistrationId, number: u64) -> Result<Credential, FileFault> {
        match &self.kind {
            FileKind::Key(pattern) => {
                let path = pattern.path(id, number);
                let bytes = self.read(&path)?;
                let text =
                    std::str::from_utf8(&bytes).map_err(|_| fault(&path, Reason::NotText))?;
                let key = key_text(text).parse();
                key.map(Credential::SymmetricKey).map_err(|error| fault(&path, Reason::Key(error)))
            }
            FileKind::Certificate { certificate, key } => {
                let path = certificate.path(id, number);
                let key_path = key.as_ref().map(|key| key.path(id, number));
                let chain = self.read(&path)?;
                let key = key_path.as_deref().map(|path| self.read(path)).transpose()?;
                let wrong = |error: IdentityFault| {
                    let of_key = key_path.as_deref().filter(|_| error.is_about_key());
                    fault(of_key.unwrap_or(&path), Reason::Certificate(error))
                };
                let key = key.as_deref().map(Vec::as_slice);
                let proof = DeviceCertificate::read(&chain, key, None).map_err(wrong)?;
                proof.check(id, Clock::system().now()).map_err(wrong)?;
                Ok(Credential::X509(proof))
            }
            FileKind::Tpm(pattern) => {
                let path = pattern.path(id, number);
                let tpm = SoftwareTpm::from_pem(&self.read(&path)?);
                let tpm = tpm.map_err(|error| fault(&path, Reason::Tpm(error)))?;
                Ok(Credential::Tpm(Arc::new(tpm)))
            }
        }
    }

    fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, FileFault> {
        (self.read)(path).map_err(|error| fault(path, Reason::Unreadable(error)))
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn fault(path: &Path, reason: Reason) -> FileFault {
    FileFault { path: path.display().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::TestPki;

    fn files(kind: FileKind, known: Vec<(&'static str, Vec<u8>)>) -> Files {
        let read: ReadSecret = Arc::new(move |path| {
            let found = known.iter().find(|(name, _)| Path::new(name) == path);
            let found = found.map(|(_, bytes)| Zeroizing::new(bytes.clone()));
            found.ok_or_else(|| std::io::ErrorKind::NotFound.into())
        });
        Files { kind, read }
    }

    fn pattern(text: &str) -> FilePattern {
        text.parse().unwrap()
    }

    /// J-232.
    #[test]
    fn each_device_has_the_key_of_its_file() {
        let key = "AAAAAAAAAAAAAAAAAAAAAA==";
        let known = vec![
            ("keys/a-0.key", format!("{key}\n").into_bytes()),
            ("keys/b-1.key", b"s3cret!".to_vec()),
            ("keys/c-2.key", b"\xff".to_vec()),
        ];
        let files = files(FileKind::Key(pattern("keys/{reg_id}-{n}.key")), known);
        let of = |id: &str, number| files.credential(&id.parse().unwrap(), number);
        let refused = |id: &str, number| of(id, number).unwrap_err().to_string();

        let Ok(Credential::SymmetricKey(found)) = of("a", 0) else { panic!("no key") };
        assert_eq!(*found.to_base64(), key);
        assert!(refused("b", 1).starts_with("keys/b-1.key: "), "{}", refused("b", 1));
        assert!(!refused("b", 1).contains("s3cret"));
        assert_eq!(refused("c", 2), "keys/c-2.key: it is not UTF-8");
        assert!(refused("d", 3).starts_with("keys/d-3.key: cannot be read: "));
    }

    #[test]
    fn j_492_each_device_has_the_tpm_of_its_file() {
        let tpm = SoftwareTpm::with_one_pair();
        let known =
            vec![("a.tpm", tpm.to_pem().as_bytes().to_vec()), ("b.tpm", b"s3cret!".to_vec())];
        let files = files(FileKind::Tpm(pattern("{reg_id}.tpm")), known);
        let of = |id: &str| files.credential(&id.parse().unwrap(), 0);

        let Ok(Credential::Tpm(found)) = of("a") else { panic!("no TPM") };
        assert!(format!("{found:?}").starts_with("SoftwareTpm("), "{found:?}");
        let wrong = of("b").unwrap_err().to_string();
        assert!(wrong.starts_with("b.tpm: ") && !wrong.contains("s3cret"), "{wrong}");
        assert!(of("c").unwrap_err().to_string().starts_with("c.tpm: cannot be read: "));
    }

    /// J-232.
    #[test]
    fn d_5_each_device_has_the_certificate_of_its_file() {
        let made = TestPki::new().unwrap().device(&"pump-1".parse().unwrap()).unwrap();
        let known = vec![
            ("pump-1.pem", made.chain_pem().as_bytes().to_vec()),
            ("pump-1.key", made.key_pem().as_bytes().to_vec()),
            ("pump-2.pem", made.chain_pem().as_bytes().to_vec()),
            ("pump-2.key", made.key_pem().as_bytes().to_vec()),
        ];
        let kind = FileKind::Certificate {
            certificate: pattern("{reg_id}.pem"),
            key: Some(pattern("{reg_id}.key")),
        };
        let files = files(kind, known);

        let found = files.credential(&"pump-1".parse().unwrap(), 0);
        let other = files.credential(&"pump-2".parse().unwrap(), 1).unwrap_err().to_string();

        assert!(matches!(found, Ok(Credential::X509(_))), "{found:?}");
        assert!(other.starts_with("pump-2.pem: ") && other.contains("pump-1"), "{other}");
    }
}
