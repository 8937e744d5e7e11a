//! How a fleet did: added up, judged, shown.
//!
//! [`Tally`] adds up results; [`Report`] is the whole of a run, as text, JSON or a page; [`FailIf`]
//! is a condition on it. Everything is pure: nothing here opens, prints or asks the time.
//!
//! - `units`: figures as people read them.
//! - `latency`: how long something took, over all devices.
//! - `timeline`: how many began and ended, second by second.
//! - `tally`: the results of all devices, added up.
//! - `generator`: how the machine that made the load did.
//! - `run_info`: what was run.
//! - `summary`: the whole of a run.
//! - `fail_if`: a condition on it.
//! - `json`: as JSON, to be read again.
//! - `text`: as text.
//! - `svg`: as charts.
//! - `html`: as a page.
//! - `compare`: two of them, side by side.

mod compare;
mod fail_if;
mod generator;
mod html;
mod json;
mod latency;
mod run_info;
mod summary;
mod svg;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod units;

pub use compare::{Comparison, Side};
pub use fail_if::{FailIf, FailIfError};
pub use generator::GeneratorHealth;
pub use json::ReadError;
pub use latency::{LONGEST, Latency};
pub use run_info::RunInfo;
pub use summary::Report;
pub use tally::{Failure, Tally};
pub use text::{Bars, ascii};
pub use timeline::Timeline;
pub use units::grouped;
