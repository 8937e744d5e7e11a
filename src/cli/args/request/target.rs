//! The file for what is issued.

use std::io::{self, ErrorKind};
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::input::plain;
use crate::cli::private_file;
use crate::cli::report::Report;
use crate::text::{MAX_FILE, read_bytes};

/// What would be lost with a wrong name: a key, or a file that is no certificate at all (J-483).
pub(super) fn check(path: &Path) -> Result<(), Report> {
    let there = match read_bytes(path, MAX_FILE) {
        Err(error) if error.kind() == ErrorKind::NotFound => Zeroizing::default(),
        there => there.map_err(|error| cannot_write(path, &error))?,
    };
    let text = String::from_utf8_lossy(&there);
    let has_key = text.contains("PRIVATE KEY-----");
    let is_other = !text.trim().is_empty() && !text.contains("-----BEGIN CERTIFICATE-----");
    if has_key || is_other {
        let what = if has_key { "a private key" } else { "no certificate" };
        return Err(Report::usage(format!(
            "--issued-cert: {} is already there and holds {what}; it is not overwritten",
            path.display()
        ))
        .remedy("give --issued-cert another name"));
    }
    private_file::check(path).map_err(|error| cannot_write(path, &error))
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Report {
    Report::usage(format!("--issued-cert: cannot write {}: {}", path.display(), plain(error)))
}
