//! The files of the authority.

use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::error::AuthorityError;
use crate::text::{MAX_FILE, read_file};

/// What clients have to trust.
pub(super) const CERTIFICATE_FILE: &str = "ca.pem";

pub(super) fn read(path: &Path) -> Result<String, AuthorityError> {
    match read_file(path, MAX_FILE) {
        Ok(text) => Ok(text.to_string()),
        Err(source) => Err(AuthorityError::Io { action: "read", path: path.to_owned(), source }),
    }
}

/// Of a file of our own: a pipe in its place would be waited for, for ever.
pub(super) fn read_regular(path: &Path) -> Result<String, AuthorityError> {
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
pub(super) fn warn_of_readers(key: &Path) {
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

/// Writes a file that everybody may read. Clients may be reading it: it changes at once.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), AuthorityError> {
    let replace = || -> io::Result<()> {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        #[cfg(unix)]
        {
            let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            file.as_file().set_permissions(everybody)?;
        }
        file.persist(path).map(|_| ()).map_err(|error| error.error)
    };
    replace().map_err(|source| AuthorityError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| AuthorityError::Io { action: "write", path: path.to_owned(), source })
}
