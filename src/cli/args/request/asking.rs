//! A request for a certificate, and what is to become of the answer.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::target::cannot_write;
use crate::attestation::DeviceCertificate;
use crate::cli::input::plain;
use crate::cli::output::printer::Printer;
use crate::cli::private_file;
use crate::cli::report::Report;
use crate::device::{Csr, IssuedChain};
use crate::sources::Clock;
use crate::text::{MAX_FILE, moment, read_bytes};
use crate::wire::RegistrationId;

/// A request for a certificate, with what is known of its key and of what is to become of the answer.
pub(crate) struct Asking {
    pub(super) csr: Csr,
    /// Whence it is.
    pub(super) flag: &'static str,
    /// The key as PEM, and where it is. None if whoever made the request keeps it.
    pub(super) key: Option<(PathBuf, Zeroizing<String>)>,
    pub(super) target: Option<PathBuf>,
}

impl Asking {
    pub(crate) fn csr(&self) -> &Csr {
        &self.csr
    }

    /// What the request is by, for whoever finds something wrong with it.
    pub(crate) fn flag(&self) -> &'static str {
        self.flag
    }

    /// Where what is issued is kept, if in a file.
    pub(crate) fn target(&self) -> Option<&Path> {
        self.target.as_deref()
    }

    /// Keeps what was issued: the file is written whole or not at all. What is printed for it says where it
    /// is; without a file, the certificates themselves.
    pub(crate) fn keep(&self, chain: &IssuedChain, printer: &mut Printer) -> Result<(), Report> {
        let (leaf, pem) = (chain.leaf().info(), chain.to_pem());
        let until = moment(leaf.not_after);
        if printer.is_text() {
            let (subject, issuer) = (&leaf.subject_name, &leaf.issuer_name);
            printer.line("");
            printer.line(format!("Issued certificate: {subject}, by {issuer}, good until {until}"));
        }
        let Some(path) = &self.target else {
            if printer.is_text() {
                printer.lines(pem.trim_end());
            }
            return Ok(());
        };
        private_file::replace(path, pem.as_bytes()).map_err(|error| {
            cannot_write(path, &error)
                .cause("a certificate was issued all the same; the service keeps none back")
                .remedy(
                    "once the file can be written, run the same command again: another is issued",
                )
        })?;
        if printer.is_text() {
            printer.line(format!("Kept in: {}", path.display()));
        }
        Ok(())
    }

    /// What the device shows whoever wants to see what it was issued; `None` without the key.
    pub(crate) fn identity(&self, chain: &IssuedChain) -> Option<DeviceCertificate> {
        let (_, key) = self.key.as_ref()?;
        DeviceCertificate::read(chain.to_pem().as_bytes(), Some(key.as_bytes()), None).ok()
    }

    /// What was issued for this key before, and is still good; in words, why there is nothing such.
    pub(crate) fn kept(&self, name: &RegistrationId) -> Result<DeviceCertificate, String> {
        let (Some((_, key)), Some(path)) = (&self.key, &self.target) else {
            return Err("there is no file to look for one".to_owned());
        };
        let told = |reason: &dyn fmt::Display| format!("{}: {reason}", path.display());
        let text = read_bytes(path, MAX_FILE).map_err(|error| told(&plain(&error)))?;
        let kept = DeviceCertificate::read(&text, Some(key.as_bytes()), None)
            .map_err(|fault| told(&fault))?;
        kept.check(name, Clock::system().now()).map_err(|fault| told(&fault))?;
        Ok(kept)
    }
}

/// The key is not shown.
impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|(path, _)| path);
        f.debug_struct("Asking").field("key", &key).field("target", &self.target).finish()
    }
}
