//! One registration from request to result, as pure decisions (F.1, F.2).
//!
//! What comes out is what must be kept; only then may anything be said of it. Time, randomness and
//! what the hubs know are handed in. [`begin()`] accepts a registration, [`conclude()`] ends it with what
//! allocation came to, `identity` does what follows for the device's identities on hubs.

mod begin;
mod conclude;
mod identity;
mod moment;
mod operation_id;
#[cfg(test)]
mod tests;

pub use begin::{Accepted, Begun, begin};
pub use conclude::{Conclusion, Finding, GivenKeys, conclude, device_ids};
pub use identity::{IdentityFate, TwinSource};
pub use moment::Moment;
pub use operation_id::operation_id;
