//! What programs of others write into their logs, as data: the text, the entries that it speaks of.
//! Read in the sources of each; what several say alike stands in the entries' own aliases.
//!
//! - `client`: the programs, and by what a line of theirs is known.
//! - `sdk`: the device SDKs.
//! - `network`: MQTT and TLS libraries.
//! - `tools`: az, IoT Edge and the clients of Mosquitto.
//! - `all`: all of them.

mod all;
mod client;
mod network;
mod sdk;
mod tools;

pub(super) use all::phrases;
pub use client::Client;
