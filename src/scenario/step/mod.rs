//! The steps of a scenario, as they are written. Pure.
//!
//! - `selection`: which devices are meant.
//! - `count`: how many there should be.
//! - `script`: what a scripted function answers.
//! - `journal`: what the journal must say.
//! - `condition`: for what a step waits.
//! - `command`: somebody's own program.
//! - `verb`: what a step does.
//! - `model`: a step.
//! - `entry`: a step as it is written.
//! - `check`: whether steps go together.

mod check;
mod command;
mod condition;
mod count;
mod entry;
mod journal;
mod model;
mod script;
mod selection;
mod verb;

pub use check::{Names, check};
pub use command::Command;
pub use condition::Condition;
pub use entry::StepEntry;
pub use model::{OnAzure, Step};
pub use script::{Asked, Said, Script, function_url};
pub use selection::Selection;
pub use verb::{
    EnrollmentChange, EnrollmentStep, JournalStep, Power, RecordChange, Register, TwinStep, Verb,
};
