//! One authority. It is made when it is first needed, unless it was given; where a state is kept, in a file
//! of its own there, for its owner only.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::error::IssuingError;
use crate::pki::IssuingAuthority;
use crate::service::instance::CertificateIssuer;
use crate::service::lock::lock;
use crate::sources::Sources;
use crate::text::{MAX_FILE, read_file};

/// An authority that is there, or will be.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) issuer: CertificateIssuer,
    authority: Mutex<Option<Arc<IssuingAuthority>>>,
    /// Where it is kept, if it is not given and a state is.
    path: Option<PathBuf>,
}

impl Kept {
    /// What `given` is, or what is in its file below `folder`, or nothing yet.
    pub(super) fn open(
        issuer: CertificateIssuer,
        given: Option<IssuingAuthority>,
        folder: Option<&Path>,
    ) -> Result<Self, IssuingError> {
        let path = folder.filter(|_| given.is_none()).map(|folder| {
            // Names have dots, and no plus sign.
            let name = format!("issuer.{}+{}.pem", issuer.namespace, issuer.name);
            folder.join(name.to_ascii_lowercase())
        });
        let authority = match (given, &path) {
            (Some(given), _) => Some(given),
            (None, Some(path)) if path.exists() => Some(read(path)?),
            (None, _) => None,
        };
        Ok(Self { issuer, authority: Mutex::new(authority.map(Arc::new)), path })
    }

    /// The authority. The first time it may have to be made and written: a moment's work.
    pub(super) fn authority(
        &self,
        sources: &Sources,
    ) -> Result<Arc<IssuingAuthority>, IssuingError> {
        let mut authority = lock(&self.authority);
        if let Some(made) = &*authority {
            return Ok(made.clone());
        }
        let made = IssuingAuthority::make(&self.issuer.name, sources)?;
        let made = match &self.path {
            None => made,
            Some(path) => {
                write(path, &made)?;
                // Another process may have been quicker.
                read(path)?
            }
        };
        Ok(authority.insert(Arc::new(made)).clone())
    }
}

/// Certificates, then the key.
fn write(path: &Path, authority: &IssuingAuthority) -> Result<(), IssuingError> {
    let put = || -> io::Result<()> {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        // For its owner only, as temporary files are.
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(authority.pem().as_bytes())?;
        file.write_all(authority.key_pem().as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
            // What is issued by it is kept at once; a key that is lost with the power would make it foreign.
            _ => sync(folder),
        }
    };
    put().map_err(|source| IssuingError::Io { action: "write", path: path.to_owned(), source })
}

/// Makes sure that the folder has what was put there. Folders are no files everywhere.
fn sync(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn read(path: &Path) -> Result<IssuingAuthority, IssuingError> {
    let damaged =
        |reason: &str| IssuingError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    // A pipe would be waited for, for ever.
    if !path.is_file() {
        return Err(damaged("it is not a regular file"));
    }
    let text = read_file(path, MAX_FILE).map_err(|source| IssuingError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let text = Zeroizing::new(text.to_string());
    let key = text.find("-----BEGIN PRIVATE KEY").ok_or_else(|| damaged("it has no key"))?;
    let (certificates, key) = text.split_at(key);
    IssuingAuthority::from_pem(certificates, key).map_err(|error| damaged(&error.to_string()))
}
