//! A client of the service API (E.5): what back ends and operators ask, on Azure or of a service on
//! this machine.
//!
//! Knows neither the device nor the service: what it says of enrollments is what the wire says.
//!
//! - `connection`: what is needed to connect.
//! - `error`: why a call failed.
//! - `patience`: when a call is made again.
//! - `call`: the call itself.
//! - `records`: enrollments and groups.
//! - `bulk`: many of them at once.
//! - `registrations`: registrations of devices.
//! - `hub`: devices of an IoT hub, and their twins.

mod bulk;
mod call;
mod connection;
mod error;
mod hub;
mod patience;
mod records;
mod registrations;

pub use bulk::{MAX_BULK, NotDone};
pub use call::{Answer, ServiceClient};
pub use connection::{ConnectionString, ConnectionStringError};
pub use error::{CallError, Refusal};
pub use hub::HubClient;
pub use patience::Patience;
pub use records::{Kind, Record};
