//! The catalogue: everything that can go wrong, as data. No decision is made in here.
//!
//! One file for each kind of failure, [`entries`] for all of them.

mod alert;
mod all;
mod breach;
mod certificate;
mod client;
mod connack;
mod deadline;
mod hardware;
mod http;
mod hub;
mod hub_code;
mod link;
mod network;
mod outcome;
mod proxy;
mod registration;
mod renewal;
mod sasl;
mod sdk_result;
mod service_api;
mod tls;

pub use all::{entries, entry};
pub use certificate::certificate_text;
pub(super) use client::WRAPPER;
