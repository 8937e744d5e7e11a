//! A provisioned device at its hub (I): it signs in with the credential that it registered with,
//! reads its twin, reports properties, sends messages, and hears of changes.
//!
//! How the device came by its hub is not known here; the byte streams, packets and frames are those
//! of the registration's drivers. A hub has no HTTPS-only way here.
//!
//! - `settings`: what a device needs to know of its hub.
//! - `purpose`: what a session is opened for.
//! - `twin`: what it sees of its twin.
//! - `error`: what can go wrong.
//! - `question`: what it asks, and what it is answered.
//! - `task`: what the handle and the task behind it say to each other.
//! - `mqtt`: a session over MQTT.
//! - `amqp`: a session over AMQP.
//! - `connect`: opens the session.
//! - `client`: the handle to it.
//! - `renewal`: another certificate for the device.

mod amqp;
mod client;
mod connect;
mod error;
mod mqtt;
mod purpose;
mod question;
mod renewal;
mod settings;
mod task;
mod twin;

pub use client::{DesiredChanges, HubClient};
pub use error::{HubBreach, HubError, HubWaiting};
pub use renewal::{Renewal, RenewalFault, RenewalNotice, Renewed, renew_certificate};
pub use settings::{HubSettings, HubSettingsError};
pub use twin::{DesiredChange, Twin};
