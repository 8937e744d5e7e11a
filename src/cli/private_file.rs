//! Files that only their owner may read, for what they hold is a secret or steers a device.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Writes such a file whole or not at all: whoever reads sees the old one or the new one.
///
/// It is a new file in the old one's place, because an earlier one may be readable by others.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = beside(path);
    let written = create_beside(&beside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Writes such a file where there is none yet.
///
/// # Errors
///
/// With the kind `AlreadyExists` if there is one by now: it may be the only copy of a key.
pub(crate) fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = open_new(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Whether [`replace`] will be able to write there, as far as can be known beforehand.
pub(crate) fn check(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let beside = beside(path);
    create_beside(&beside)?;
    std::fs::remove_file(&beside)
}

/// Of this process, so that two that write the same file do not mix.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    name.into()
}

/// What a process of the same number left behind is removed: in a container all have the same.
fn create_beside(path: &Path) -> std::io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    open_new(path)
}

fn open_new(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::write(beside(&path), "left by a process that was killed").unwrap();

        replace(&path, b"new").unwrap();

        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it_even_if_others_could_read_the_old_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();

        replace(&path, b"new").unwrap();

        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_new_file_takes_the_place_of_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");

        create(&path, b"the only copy").unwrap();

        assert_eq!(create(&path, b"new").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"the only copy");
    }

    #[test]
    fn whether_a_file_can_be_written_is_known_before_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issued.pem");
        std::fs::write(&path, "old").unwrap();

        check(&path).unwrap();
        check(&folder.path().join("not there yet")).unwrap();

        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(check(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert!(check(&folder.path().join("no such folder/issued.pem")).is_err());
    }

    #[test]
    fn where_it_cannot_be_written_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a folder");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("inside"), "old").unwrap();

        assert!(replace(&path, b"new").is_err());

        assert!(path.join("inside").is_file());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
