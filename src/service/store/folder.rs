//! The folder of the state, its one file, and what can be wrong with either.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::net::plain;

/// The file in the folder.
const FILE: &str = "state.redb";
/// How every file of the database begins.
const REDB: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// Why the state cannot be used. What is there is never changed then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// The folder or the file cannot be had.
    #[error("cannot {action} {}: {}", path.display(), plain(.source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is something that is no folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is no state of provision-sim: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
    /// The file was one, but cannot be read whole.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, without what is in it.
        reason: String,
    },
    /// A later version of this program wrote it.
    #[error("{} has format {found}; this version of provision-sim knows formats 1 to {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// Ours.
        known: &'static str,
    },
    /// It belongs to another instance.
    #[error("{} is the state of ID scope {stored}, the configuration has {configured}", path.display())]
    OtherScope {
        /// The file.
        path: PathBuf,
        /// Its ID scope.
        stored: String,
        /// That of the configuration.
        configured: String,
    },
    /// Another process has it open.
    #[error("{} is in use", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

impl StateError {
    /// What most likely led to it, where that can be told.
    pub fn cause(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => Some("another `provision-sim serve` runs on the same state"),
            Self::Damaged { .. } => Some(
                "the disk, or another program, changed the file; this program undoes what a crash leaves",
            ),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Io { .. } => "give a folder in which this user may make and write files",
            Self::NotAFolder { .. } => "give a folder; it is made if it is not there",
            Self::Foreign { .. } => "give another folder, or move the file away",
            Self::Damaged { .. } => {
                "put a copy of the file back that was made while no service ran, or move the file away to begin anew"
            }
            Self::Format { .. } => {
                "use the version that wrote it or a newer one, or give another folder"
            }
            Self::OtherScope { .. } => {
                "serve the configuration that the state belongs to, or give another folder"
            }
            Self::InUse { .. } => "stop that one, or give another folder",
        }
    }
}

/// Makes the folder, if it is not there, for its owner only; the path of the file in it.
pub(super) fn make(folder: &Path) -> Result<PathBuf, StateError> {
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(StateError::NotAFolder { path: folder.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            // Something on the way to it is a file.
            return Err(StateError::Io { action: "make", path: folder.to_owned(), source: error });
        }
        Err(_) => {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder).map_err(failed("make", folder))?;
        }
    }
    Ok(folder.join(FILE))
}

/// Whether the file is there; one that is there must be the database's.
pub(super) fn is_there(path: &Path) -> Result<bool, StateError> {
    // Before it is opened: a pipe would be waited for, for ever.
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => {
            let reason = "it is not a regular file".to_owned();
            return Err(StateError::Foreign { path: path.to_owned(), reason });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("read", path)(error)),
    }
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let mut begin = Vec::new();
    let read = file.by_ref().take(REDB.len() as u64).read_to_end(&mut begin);
    read.map_err(failed("read", path))?;
    if begin == REDB {
        return Ok(true);
    }
    let reason = if begin.is_empty() { "it is empty" } else { "it is a file of another kind" };
    Err(StateError::Foreign { path: path.to_owned(), reason: reason.to_owned() })
}

/// An empty file for its owner only, beside `path`, where it is [`put`] when it is whole: a crash
/// on the way must not leave a file that is none.
pub(super) fn draft(path: &Path) -> Result<(PathBuf, File), StateError> {
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&draft).map_err(failed("make", &draft))?;
    Ok((draft, file))
}

/// Puts a draft in its place, unless another process was quicker.
pub(super) fn put(draft: &Path, path: &Path) -> Result<(), StateError> {
    let put = match std::fs::hard_link(draft, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Not every file system has links.
        Err(_) => std::fs::rename(draft, path),
    };
    let _ = std::fs::remove_file(draft);
    put.map_err(failed("make", path))?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        // The name of the file must survive too.
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed("write", folder))?;
    }
    Ok(())
}

/// Wraps an I/O error.
pub(super) fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> StateError + 'a {
    move |source| StateError::Io { action, path: path.to_owned(), source }
}
