//! Devices that ask for certificates (A.5): a new key for each, its request, and the file that keeps what
//! comes of it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::files::FileFault;
use super::template::FilePattern;
use crate::device::{Csr, IssuedChain};
use crate::pki::{PkiError, new_request};
use crate::wire::RegistrationId;

/// Writes a file that holds a secret.
pub type WriteSecret = Arc<dyn Fn(&Path, &[u8]) -> std::io::Result<()> + Send + Sync>;

/// Each device asks for a certificate, with a key that is made for it (J-490).
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// Where each keeps what it is issued; nowhere if there is nothing.
    pub kept: Option<IssuedFiles>,
}

/// The files of what devices are issued, one for each.
#[derive(Clone)]
pub struct IssuedFiles {
    /// Their names.
    pub file: FilePattern,
    /// Writes one: the device's certificate, those above it, and its private key, as PEM.
    pub write: WriteSecret,
}

/// A key that is made for one device, and the request for a certificate for it.
pub(super) struct KeyRequest {
    key_pem: Zeroizing<String>,
    csr: Csr,
}

impl KeyRequest {
    /// Takes a tenth of a millisecond of a processor: to be made before the device begins.
    pub(super) fn make(id: &RegistrationId) -> Result<Self, PkiError> {
        let made = new_request(id.as_str())?;
        let csr = Csr::from_der(made.der());
        let csr = csr.unwrap_or_else(|_| unreachable!("a request that is made here can be read"));
        Ok(Self { key_pem: made.key_pem(), csr })
    }

    pub(super) fn csr(&self) -> &Csr {
        &self.csr
    }
}

/// Its key is a secret.
impl fmt::Debug for KeyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRequest").field("csr", &self.csr).finish_non_exhaustive()
    }
}

impl IssuedFiles {
    /// Writes what a device was issued, and the key that it is for (J-491).
    pub(super) fn keep(
        &self,
        (id, number): (&RegistrationId, u64),
        chain: &IssuedChain,
        request: &KeyRequest,
    ) -> Result<(), FileFault> {
        let path = self.file.path(id, number);
        let (chain, key) = (chain.to_pem(), &request.key_pem);
        let mut text = Zeroizing::new(String::with_capacity(chain.len() + key.len()));
        text.push_str(&chain);
        text.push_str(key);
        (self.write)(&path, text.as_bytes()).map_err(|error| FileFault::unwritable(&path, error))
    }
}

impl fmt::Debug for IssuedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedFiles").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Mutex;
    use std::time::Duration;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::attestation::DeviceCertificate;
    use crate::pki::{CertificateRequest, IssuingAuthority};
    use crate::sources::Sources;

    type Written = Arc<Mutex<Vec<(PathBuf, Vec<u8>)>>>;

    fn issued(request: &KeyRequest) -> IssuedChain {
        let authority = IssuingAuthority::make("line-1", &Sources::default()).unwrap();
        let read = CertificateRequest::read(request.csr().as_base64()).unwrap();
        let chain = authority.issue(&read, Duration::from_secs(60), &Sources::default()).unwrap();
        let texts: Vec<_> = chain.iter().map(|der| STANDARD.encode(der)).collect();
        IssuedChain::read(&texts, request.csr()).unwrap()
    }

    #[test]
    fn j_490_each_device_has_a_key_of_its_own_and_asks_in_its_own_name() {
        let [one, again] = [(); 2].map(|()| KeyRequest::make(&"pump-1".parse().unwrap()).unwrap());

        let read = CertificateRequest::read(one.csr().as_base64()).unwrap();
        assert_eq!(read.common_name(), "pump-1");
        assert!(!one.csr().key().is_same_as(&again.csr().key().info()));
        assert!(!format!("{one:?}").contains("PRIVATE"), "{one:?}");
        let long: RegistrationId = "x".repeat(65).parse().unwrap();
        assert!(matches!(KeyRequest::make(&long), Err(PkiError::NameTooLong { .. })));
    }

    #[test]
    fn j_491_what_is_kept_is_what_a_device_can_sign_in_with() {
        let id = "pump-1".parse().unwrap();
        let request = KeyRequest::make(&id).unwrap();
        let written = Written::default();
        let into = written.clone();
        let files = IssuedFiles {
            file: "{reg_id}-{n}.pem".parse().unwrap(),
            write: Arc::new(move |path, bytes| {
                into.lock().unwrap().push((path.to_owned(), bytes.to_vec()));
                Ok(())
            }),
        };

        files.keep((&id, 7), &issued(&request), &request).unwrap();

        let written = written.lock().unwrap();
        let [(path, pem)] = &written[..] else { panic!("{written:?}") };
        assert_eq!(path, Path::new("pump-1-7.pem"));
        let read = DeviceCertificate::read(pem, None, None).unwrap();
        assert_eq!(read.registration_id(), Ok(id));
        assert_eq!(read.chain().len(), 3, "its own, the issuing one and the root");
    }

    #[test]
    fn j_491_a_file_that_cannot_be_written_is_named() {
        let id = "pump-1".parse().unwrap();
        let request = KeyRequest::make(&id).unwrap();
        let full = || std::io::ErrorKind::StorageFull.into();
        let files = IssuedFiles {
            file: "a/{reg_id}.pem".parse().unwrap(),
            write: Arc::new(move |_, _| Err(full())),
        };

        let fault = files.keep((&id, 0), &issued(&request), &request).unwrap_err().to_string();

        assert!(fault.starts_with("a/pump-1.pem: cannot be written: "), "{fault}");
    }
}
