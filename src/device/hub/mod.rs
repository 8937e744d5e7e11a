//! A provisioned device at its hub (I): it signs in with the credential that it registered with,
//! reads its twin, reports properties, sends messages, and hears of changes.
//!
//! How the device came by its hub is not known here; the byte streams and the packets are those of
//! the registration's drivers. A hub has no HTTPS-only way here.
//!
//! - `settings`: what a device needs to know of its hub.
//! - `twin`: what it sees of its twin.
//! - `error`: what can go wrong.
//! - `exchange`: the session as a pure state machine.
//! - `connect`: opens the session.
//! - `driver`: moves its packets.
//! - `client`: the handle to it.

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
