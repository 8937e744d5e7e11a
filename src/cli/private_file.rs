//! Files that only their owner may read, for what they hold is a secret or steers a device.

use std::io::{ErrorKind, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes such a file whole or not at all: whoever reads sees the old one or the new one.
///
/// It is a new file in the old one's place, because an earlier one may be readable by others.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    written_beside(path, content)?.persist(path)?;
    Ok(())
}

/// Writes such a file where there is none yet: whole, as [`replace`] does.
///
/// # Errors
///
/// With the kind `AlreadyExists` if there is one by now: it may be the only copy of a key.
pub(crate) fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    written_beside(path, content)?.persist_noclobber(path)?;
    Ok(())
}

/// Whether [`replace`] will be able to write there, as far as can be known beforehand.
pub(crate) fn check(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    beside(path)?.close()
}

/// Makes the folder of such a file, and those above it, where they are missing.
pub(crate) fn make_folder(path: &Path) -> std::io::Result<()> {
    folder(path).map_or(Ok(()), std::fs::create_dir_all)
}

fn written_beside(path: &Path, content: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = beside(path)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// In the same folder, for only within a file system one file takes another's place at once.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder(path).unwrap_or(Path::new(".")))
}

/// None of a name alone.
fn folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "old").unwrap();

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
    fn of_several_that_make_a_file_one_does_and_nobody_reads_half_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");
        let whole = vec![b'k'; 1 << 20];

        let made = std::thread::scope(|scope| {
            let make = || scope.spawn(|| create(&path, &whole).is_ok());
            let threads = [make(), make(), make()];
            while !threads.iter().all(|thread| thread.is_finished()) {
                if let Ok(found) = std::fs::metadata(&path) {
                    assert_eq!(found.len(), whole.len() as u64);
                }
            }
            threads.map(|thread| thread.join().unwrap())
        });

        assert_eq!(made.iter().filter(|is_made| **is_made).count(), 1);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn a_new_file_takes_the_place_of_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");

        create(&path, b"the only copy").unwrap();

        assert_eq!(create(&path, b"new").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"the only copy");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
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
