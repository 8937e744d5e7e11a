//! What the tests of the service share: a service with a world of its own, a device that speaks
//! raw MQTT, tokens made without the library's help, and a webhook that does as it is told.

pub mod back_end;
pub mod client;
pub mod device;
pub mod golden;
pub mod setup;
pub mod token;
pub mod webhook;

pub use super::within;
