//! Values as arguments give them: `VALUE`, `@FILE`, or `-` for standard input.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::report::Report;
pub(crate) use crate::net::plain;

/// Larger input is a mistake: the largest thing that can be sent has 96 KB (H.3).
pub(crate) const MAX_INPUT: u64 = 1024 * 1024;

/// Reads what an argument stands for, which may be a secret. `flag` names it in errors; the value
/// itself is never shown.
pub(crate) fn read(flag: &str, argument: &str) -> Result<Zeroizing<String>, Report> {
    if argument == "-" {
        return read_all(flag, "standard input", std::io::stdin());
    }
    let Some(path) = argument.strip_prefix('@') else {
        return Ok(Zeroizing::new(argument.to_owned()));
    };
    let path = PathBuf::from(path);
    let shown = path.display().to_string();
    match std::fs::File::open(&path) {
        Ok(file) => read_all(flag, &shown, file),
        Err(error) => Err(Report::usage(format!("{flag}: cannot open {shown}: {}", plain(&error)))),
    }
}

fn read_all(flag: &str, shown: &str, source: impl Read) -> Result<Zeroizing<String>, Report> {
    let mut text = Zeroizing::new(String::new());
    let read = source.take(MAX_INPUT + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 > MAX_INPUT => {
            Err(Report::usage(format!("{flag}: {shown} is longer than {MAX_INPUT} bytes")))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(Report::usage(format!("{flag}: cannot read {shown}: {}", plain(&error)))),
    }
}

/// Reads a file that may hold a key; wiped when dropped.
///
/// # Errors
///
/// If it cannot be read, and with `FileTooLarge` if it is longer than [`MAX_INPUT`].
pub(crate) fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::new());
    let length = std::fs::File::open(path)?.take(MAX_INPUT + 1).read_to_end(&mut content)?;
    if length as u64 > MAX_INPUT {
        let reason = format!("it is longer than {MAX_INPUT} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(content)
}

/// An environment variable; empty counts as not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
