//! Who issues certificates to devices: the authorities of the configuration, with their keys.
//!
//! From the ground up:
//!
//! - `error`: why there is no certificate.
//! - `kept`: one of them, made when it is first needed, and its file where a state is kept.
//! - `authorities`: all of them.

mod authorities;
mod error;
mod kept;

pub(super) use authorities::{Authorities, Issued, Otherwise};
pub use error::IssuingError;
