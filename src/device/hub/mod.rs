//! A provisioned device at its hub (I): it signs in with the credential that it registered with,
//! reads its twin, reports properties, sends messages, and hears of changes.
//!
//! `exchange` is the session as a pure state machine, `driver` moves its packets, [`HubClient`] is
//! the handle. How the device came by its hub is none of this room's business; the byte streams and
//! the packets are those of the registration's transports. A hub has no HTTPS-only way here.

mod client;
mod connect;
mod driver;
mod error;
mod exchange;
mod settings;
mod twin;

pub use client::{DesiredChanges, HubClient};
pub use error::{HubBreach, HubError, HubWaiting};
pub use settings::{HubSettings, HubSettingsError};
pub use twin::{DesiredChange, Twin};
