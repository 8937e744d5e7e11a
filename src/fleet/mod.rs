//! Many devices that provision themselves: who they are, when each begins, how it went.
//!
//! Drives [`device`](crate::device) and knows no service. `result` is what is known of one device
//! in the end.

mod result;

pub use result::{DeviceResult, Outcome, Phase};
