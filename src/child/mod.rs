//! A program of somebody else's that is run beside a service: told where that is, watched, and ended with
//! all that it has started.
//!
//! Knows no service and no verdict: what the program is to be told comes in as [`Fact`]s.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `fact`: what a device has to know of a service, by the names under which it is told.
//! - `words`: a command line with facts filled in.
//! - `output`: what a program prints, bounded and without secrets.
//! - `group`: a process with all that it has started.
//! - `program`: a program that runs.

mod fact;
mod group;
mod output;
mod program;
mod words;

pub use fact::{DeviceFacts, Fact};
pub use output::Printed;
pub use program::{End, Program, Running};
pub use words::{PlaceholderError, filled, placeholders};
