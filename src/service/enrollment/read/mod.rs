//! Reads enrollments from JSON, as the service API is sent them and configurations hold them
//! (E.1–E.5).

mod attestation;
mod error;
mod record;

pub use error::EnrollmentError;
pub(in crate::service) use record::MEMBERS;
pub use record::{read, read_now};
