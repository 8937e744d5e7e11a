//! A client of the service API (E.5): what back ends and operators ask, on Azure or of a service on
//! this machine.
//!
//! One file for what is needed to connect, one for the call itself, one for the records. Knows
//! neither half of the house: what it says of enrollments is what the wire says.

mod call;
mod connection;
mod error;
mod records;

pub use call::{Answer, ServiceClient};
pub use connection::{ConnectionString, ConnectionStringError};
pub use error::{CallError, Refusal};
pub use records::{Kind, Record};
