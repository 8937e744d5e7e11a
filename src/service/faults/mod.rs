//! Faults on demand: rules that strike.
//!
//! The seam is made once. Whoever serves devices asks the [`Faults`] at each place, is told which rule
//! strikes, and has the registrar make a [`Verdict`] of it; the drivers of MQTT and HTTPS carry it out.
//! Where there is no rule, asking costs one load of a number.
//!
//! - `plan`: the rules and what they have counted; which strikes. Pure.
//! - `verdict`: what is done instead of an answer, or with it. Pure.
//! - `seam`: the same for everybody, and the doors by which rules come and go.

mod plan;
mod seam;
mod verdict;

pub(super) use plan::{Point, Strike};
pub use seam::{FaultStatus, Faults};
pub(super) use verdict::{HangUp, Order, PAGE, Said, UNKNOWN_HUB, Verdict};
