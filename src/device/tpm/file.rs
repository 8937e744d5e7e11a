//! A TPM in software whose keys are in a file.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::attestation::{
    Asked, Signer, SoftwareTpm, SoftwareTpmFault, Tpm, TpmError, TpmPublicKeys,
};
use crate::text::{plain, read_pem};

/// More than two keys of RSA 2048 with all that people write around them.
const MAX_FILE: u64 = 64 * 1024;

/// A TPM in software that is the same one tomorrow: its two keys are in a file, which only its owner may
/// read (J-429).
pub struct TpmFile {
    path: PathBuf,
    tpm: SoftwareTpm,
    is_new: bool,
}

/// Why a file gives no TPM.
#[derive(Debug, Error)]
enum FileFault {
    #[error("it cannot be read: {}", plain(.0))]
    Read(io::Error),
    #[error("it is no regular file")]
    Irregular,
    #[error("it has no keys of a TPM: {0}; another file, or none, and a new TPM is made")]
    Foreign(SoftwareTpmFault),
    #[error("a new TPM cannot be written: {}", plain(.0))]
    Write(io::Error),
}

impl TpmFile {
    /// The TPM whose keys are in the file, or a new one if there is no such file, whose keys are written
    /// there at once. Of several that begin at the same moment, all have the same TPM. Nothing that is
    /// there is overwritten.
    ///
    /// A new TPM takes up to half a second of a processor's time: in an asynchronous program, this is for
    /// `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// If the file holds something else, or can be neither read nor written; its path is told.
    pub fn open_or_make(path: &Path) -> Result<Self, TpmError> {
        Self::open_or_make_with(path, SoftwareTpm::generate)
    }

    /// As [`open_or_make`](Self::open_or_make), with another way to make a new one: those who need
    /// thousands take [`SoftwareTpm::with_one_pair`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_or_make_with(path: &Path, new: fn() -> SoftwareTpm) -> Result<Self, TpmError> {
        let opened = read(path).and_then(|found| match found {
            Some(tpm) => Ok((tpm, false)),
            None => make(path, new),
        });
        match opened {
            Ok((tpm, is_new)) => Ok(Self { path: path.to_owned(), tpm, is_new }),
            Err(fault) => Err(TpmError::Unusable(format!("{}: {fault}", path.display()))),
        }
    }

    /// Whether it was made just now.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Its keys and what it does with them.
    pub fn as_software(&self) -> &SoftwareTpm {
        &self.tpm
    }
}

/// What is there, if anything is.
fn read(path: &Path) -> Result<Option<SoftwareTpm>, FileFault> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileFault::Read(error)),
        // A pipe would be waited for, for ever.
        Ok(found) if !found.is_file() => return Err(FileFault::Irregular),
        Ok(found) => warn_of_readers(path, &found),
    }
    let pem = read_pem(path, MAX_FILE).map_err(FileFault::Read)?;
    SoftwareTpm::from_pem(&pem).map(Some).map_err(FileFault::Foreign)
}

/// The file comes into being whole: nobody reads half a TPM, and who comes second takes the first one's, which is
/// not new then.
fn make(path: &Path, new: fn() -> SoftwareTpm) -> Result<(SoftwareTpm, bool), FileFault> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    // Before the keys, so that nobody waits for what cannot be kept. Only its owner may read it.
    let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let mut file = file.map_err(FileFault::Write)?;
    let tpm = new();
    let written = file.write_all(tpm.to_pem().as_bytes()).and_then(|()| file.as_file().sync_all());
    written.map_err(FileFault::Write)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok((tpm, true)),
        Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => {
            let first = read(path)?.ok_or(FileFault::Write(taken.error))?;
            Ok((first, false))
        }
        Err(failed) => Err(FileFault::Write(failed.error)),
    }
}

/// As ssh does, but it goes on: in a container all files may be everybody's. A fleet has thousands of them, so
/// it is said of the first alone.
#[cfg(unix)]
fn warn_of_readers(path: &Path, found: &std::fs::Metadata) {
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
    if mode & 0o077 != 0 {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let shown = path.display();
            tracing::warn!(
                "{shown} can be read by others (mode {mode:04o}): who has these keys is this TPM; chmod 600 {shown}"
            );
        });
    }
}

/// Elsewhere a file has the permissions of its folder.
#[cfg(not(unix))]
fn warn_of_readers(_: &Path, _: &std::fs::Metadata) {}

impl Tpm for TpmFile {
    fn keys(&self) -> Asked<'_, TpmPublicKeys, TpmError> {
        self.tpm.keys()
    }

    fn take_key<'a>(&'a self, blob: &'a [u8]) -> Asked<'a, Arc<dyn Signer>, TpmError> {
        self.tpm.take_key(blob)
    }
}

impl fmt::Debug for TpmFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TpmFile").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(path: &Path) -> Vec<u8> {
        TpmFile::open_or_make(path).unwrap().as_software().endorsement_key().as_bytes().to_vec()
    }

    fn refused(path: &Path) -> String {
        TpmFile::open_or_make(path).unwrap_err().to_string()
    }

    #[test]
    fn j_429_a_tpm_is_made_at_first_and_is_the_same_one_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tpm.pem");

        assert!(TpmFile::open_or_make(&path).unwrap().is_new());
        let first = opened(&path);

        assert_eq!(opened(&path), first);
        assert!(!TpmFile::open_or_make(&path).unwrap().is_new());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is beside it");
        #[cfg(unix)]
        {
            let mode = std::fs::metadata(&path).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        }
        // One that others may read is used all the same.
        #[cfg(unix)]
        {
            let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            std::fs::set_permissions(&path, everybody).unwrap();
            assert_eq!(opened(&path), first);
        }
    }

    #[test]
    fn j_429_all_that_begin_at_once_have_the_same_tpm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tpm.pem");

        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| opened(&path))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });

        assert!(all.iter().all(|key| *key == all[0]));
        assert_eq!(opened(&path), all[0]);
    }

    #[test]
    fn j_429_what_gives_no_tpm_is_told_with_its_path_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tpm.pem");
        std::fs::write(&path, "no key").unwrap();

        let foreign = refused(&path);

        assert!(foreign.contains(&*path.to_string_lossy()), "{foreign}");
        assert!(foreign.contains("it has no keys of a TPM"), "{foreign}");
        assert_eq!(std::fs::read(&path).unwrap(), b"no key");
        assert!(refused(folder.path()).contains("it is no regular file"));
        let nowhere = refused(&folder.path().join("no folder").join("tpm.pem"));
        assert!(nowhere.contains("a new TPM cannot be written"), "{nowhere}");
    }
}
