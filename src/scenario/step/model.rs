//! A step: what is done, and under which circumstances.

use std::time::Duration;

use serde::Deserialize;

use super::selection::Selection;
use super::verb::{Register, Verb};

/// How long a step may take, unless it says otherwise.
pub const WITHIN: Duration = Duration::from_secs(60);

/// A step of a scenario, checked.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it is called: by itself, or after what it does.
    pub name: String,
    /// What it does.
    pub verb: Verb,
    /// How long it may take.
    pub within: Duration,
    /// What becomes of it where it cannot be done.
    pub on_azure: Option<OnAzure>,
    /// Whether the next step begins at once.
    pub background: bool,
}

/// What becomes of a step that cannot be done where the scenario is played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnAzure {
    /// It is left out, and that is said.
    #[default]
    Skip,
    /// It fails.
    Fail,
}

impl Step {
    /// A device registers, as it does where a file has no steps.
    pub fn of_device(name: &str) -> Self {
        let register = Register {
            devices: Selection::of_device(name),
            parallel: 1,
            payload: None,
            transport: None,
            key: None,
            api_version: None,
            connect: false,
            expect: None,
        };
        Self {
            name: name.to_owned(),
            verb: Verb::Register(Box::new(register)),
            within: WITHIN,
            on_azure: None,
            background: false,
        }
    }
}
