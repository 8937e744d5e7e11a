//! What a scenario file is read with: what is around it. Reading itself opens nothing.

use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use super::variables::Given;
use crate::sources::Sources;
use crate::text::plain;

/// What PEM begins with, and the name of a file does not.
const PEM: &str = "-----BEGIN";

/// Reads a file; its name is as the scenario has it, relative to the scenario's folder.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> std::io::Result<Zeroizing<Vec<u8>>>;

/// What is around a scenario file.
pub struct Around<'a> {
    /// Variables, as the command line has them.
    pub named: &'a BTreeMap<String, String>,
    /// Variables, as the environment has them.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The files beside it.
    pub read_file: ReadFile<'a>,
    /// What stands before the registration IDs of devices, so that they meet no other of an instance
    /// that is shared; mostly empty. A device that has a key or a certificate of its own from elsewhere
    /// keeps the ID that this is for.
    pub prefix: &'a str,
    /// What time it is in the scenario, and what is left to chance.
    pub sources: Sources,
}

impl Around<'_> {
    /// Where variables have their values from.
    pub(super) fn given(&self) -> Given<'_> {
        Given { named: self.named, environment: self.environment }
    }

    /// A file of the scenario.
    ///
    /// # Errors
    ///
    /// Its name, and why it cannot be read.
    pub(super) fn file(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        (self.read_file)(Path::new(name))
            .map_err(|error| format!("cannot read {name}: {}", plain(&error)))
    }

    /// PEM as it stands there, or in the file of this name.
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file).
    pub(super) fn pem(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        if text.trim_start().starts_with(PEM) {
            return Ok(Zeroizing::new(text.as_bytes().to_vec()));
        }
        self.file(text)
    }
}
