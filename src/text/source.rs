//! Where a text comes from: a file, or standard input.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::encoding::decode;
use super::lines::TextReader;

/// A key, a payload, a certificate or a configuration that is longer, in bytes, is a mistake: the
/// largest thing that can be sent has 96 KB (H.3).
pub const MAX_FILE: u64 = 1024 * 1024;

/// A file, or standard input. Shows itself as errors name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// What an argument `FILE|-` stands for.
    pub fn of(argument: &Path) -> Self {
        match argument.as_os_str() == "-" {
            true => Self::Stdin,
            false => Self::File(argument.to_owned()),
        }
    }

    /// The whole text, of up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`read_file`].
    pub fn read(&self, limit: u64) -> io::Result<Zeroizing<String>> {
        let bytes = match self {
            Self::File(path) => read_bytes(path, limit)?,
            Self::Stdin => read_all(io::stdin().lock(), 0, limit)?,
        };
        decode_text(&bytes)
    }

    /// The text as it comes, of any length.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it may not be read.
    pub fn stream(&self) -> io::Result<TextReader<Box<dyn Read + Send>>> {
        Ok(TextReader::new(self.bytes()?))
    }

    /// The bytes as they come.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it may not be read.
    pub fn bytes(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::File(path) => Box::new(open(path)?),
            Self::Stdin => Box::new(io::stdin()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// The text of a file of up to `limit` bytes, in any of the encodings that are read here. Wiped when
/// dropped, for it may be a secret.
///
/// # Errors
///
/// As [`read_bytes`]; with the kind `InvalidData`, and [`NotText`](super::NotText) inside, if it is no text.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Zeroizing<String>> {
    decode_text(&read_bytes(path, limit)?)
}

/// The bytes of a file that need not be text, such as a certificate in DER.
///
/// # Errors
///
/// If it cannot be read; with the kind `IsADirectory` if it is a directory on any system, and
/// `FileTooLarge` if it is longer than `limit`.
pub fn read_bytes(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = open(path)?;
    let length = file.metadata().map_or(0, |data| data.len());
    read_all(file, length, limit)
}

/// A PEM file. What stands around its sections may be in any encoding, so nothing is refused; what
/// begins as UTF-16 is decoded, and a byte order mark is taken off.
///
/// # Errors
///
/// As [`read_file`].
pub fn read_pem(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    const UTF_8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
    let mut bytes = read_bytes(path, limit)?;
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let mut text = decode_text(&bytes)?;
        return Ok(Zeroizing::new(std::mem::take(&mut *text).into_bytes()));
    }
    if bytes.starts_with(UTF_8_MARK) {
        bytes.drain(..UTF_8_MARK.len());
    }
    Ok(bytes)
}

/// Windows refuses a directory as something that may not be read, Linux at the first read.
fn open(path: &Path) -> io::Result<std::fs::File> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    std::fs::File::open(path)
}

/// Decodes what was read. Nothing of it stays behind elsewhere.
///
/// # Errors
///
/// With the kind `InvalidData`, and [`NotText`](super::NotText) inside.
pub fn decode_text(bytes: &[u8]) -> io::Result<Zeroizing<String>> {
    // UTF-16 grows by a half at most, so that the text is never moved.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() + bytes.len() / 2));
    match decode(bytes, &mut text) {
        Ok(()) => Ok(text),
        Err(fault) => Err(io::Error::new(io::ErrorKind::InvalidData, fault)),
    }
}

/// Grows by hand: a vector would leave copies behind that nobody wipes.
fn read_all(mut source: impl Read, expected: u64, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    const SMALLEST: usize = 8 * 1024;
    let room = usize::try_from(expected.min(limit)).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(vec![0; room.max(SMALLEST)]);
    let mut length = 0;
    loop {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length as u64 > limit {
            let reason = format!("it is longer than {limit} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        if length == bytes.len() {
            let mut larger = Zeroizing::new(vec![0; 2 * length]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::encoding::encoded;
    use crate::text::plain;

    #[test]
    fn a_file_is_read_in_every_encoding_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let text = "Küche\r\n".repeat(3000);
        for bytes in encoded(&text) {
            std::fs::write(&path, &bytes).unwrap();
            let limit = bytes.len() as u64;

            assert_eq!(*read_file(&path, limit).unwrap(), text);
            let error = read_file(&path, limit - 1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
            let mut streamed = String::new();
            Source::of(&path).stream().unwrap().read_to_string(&mut streamed).unwrap();
            assert_eq!(streamed, text);
        }
    }

    #[test]
    fn pem_is_read_in_every_encoding_and_with_any_words_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let pem = "-----BEGIN A-----\r\nAAAA\r\n-----END A-----\r\n";
        for bytes in encoded(pem) {
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(*read_pem(&path, MAX_FILE).unwrap(), pem.as_bytes());
        }
        let latin = [b"# Caf\xE9\n", pem.as_bytes()].concat();
        std::fs::write(&path, &latin).unwrap();
        assert_eq!(*read_pem(&path, MAX_FILE).unwrap(), latin);
    }

    #[test]
    fn what_cannot_be_read_says_why_in_plain_words() {
        let folder = tempfile::tempdir().unwrap();
        let reason = |path: &Path| plain(&read_file(path, MAX_FILE).unwrap_err());

        assert_eq!(reason(folder.path()), "is a directory");
        assert_eq!(plain(&Source::of(folder.path()).stream().unwrap_err()), "is a directory");
        assert!(reason(&folder.path().join("none")).starts_with("no such file"));
        std::fs::write(folder.path().join("latin"), b"caf\xE9").unwrap();
        assert_eq!(
            reason(&folder.path().join("latin")),
            "it is not UTF-8: byte 4 does not belong there; save it as UTF-8"
        );
    }

    #[test]
    fn a_hyphen_is_standard_input_and_everything_else_a_file() {
        assert_eq!(Source::of(Path::new("-")).to_string(), "standard input");
        assert_eq!(Source::of(Path::new("./-")).to_string(), "./-");
    }
}
