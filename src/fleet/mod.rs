//! Many devices that provision themselves: who they are, when each begins, how it went.
//!
//! Drives [`device`](crate::device) and knows no service. `result` is what is known of one device
//! in the end; [`report`] adds results up and shows them; [`plan`] says beforehand how long a
//! rollout takes.

pub mod plan;
pub mod report;
mod result;

pub use result::{DeviceResult, Outcome, Phase};
