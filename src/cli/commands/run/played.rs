//! What came of a file.

use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;

use super::scenarios::File;
use crate::cli::output::kept::Kept;
use crate::verdicts::{Case, Outcome, Suite};

/// What the case of a file that cannot be played is called.
pub(super) const THE_FILE: &str = "the file";

/// A file that was played.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) suite: Suite,
    /// The verdicts on its devices, for programs.
    pub(super) devices: Vec<Box<RawValue>>,
    /// Why nothing of it could be played.
    pub(super) fault: Option<String>,
    /// What was printed; of those that passed only if that is wanted.
    pub(super) kept: Kept,
}

/// The cases of a file.
pub(super) fn suite(file: &File, began: SystemTime, took: Duration, cases: Vec<Case>) -> Suite {
    Suite {
        name: file.title(),
        file: Some(file.name()),
        began,
        took,
        properties: Vec::new(),
        cases,
    }
}

impl Played {
    /// A file that cannot be read, where nothing is played at all.
    pub(super) fn unread(file: &File) -> Self {
        let fault = file.scenario.as_ref().err().cloned();
        let broken = |why| Case::new(file.class(), THE_FILE, Outcome::Broken(why));
        let cases = fault.clone().map(broken).into_iter().collect();
        let suite = suite(file, file.sources.now(), Duration::ZERO, cases);
        Self { suite, devices: Vec::new(), fault, kept: Kept::default() }
    }
}
