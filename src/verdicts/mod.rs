//! What came out of what was tried: scenarios that were played, clients that were watched.
//!
//! Data, and the forms in which others read it. Nothing here plays, judges, prints or writes files: whoever
//! tries something makes the verdicts, and a command says where they go.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `outcome`: what became of a case.
//! - `case`: one thing that was tried.
//! - `suite`: the cases of a file, and all of them together.
//! - `shown`: texts of others in a file for people.
//! - `junit`: for CI systems.
//! - `html`: for people.
//! - `artifacts`: the conversation of a case, as files.

mod artifacts;
mod case;
mod html;
mod junit;
mod outcome;
mod shown;
mod suite;

pub use artifacts::{Artifact, artifacts, folder};
pub use case::{Case, Part, PartKind, Rule, Seen, in_seconds};
pub use html::html;
pub use junit::junit;
pub use outcome::Outcome;
pub use suite::{Results, Suite, Totals};
