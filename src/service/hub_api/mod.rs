//! The hubs' service API: what back ends ask a hub about its devices over HTTPS, and the messages that
//! devices send there (I).
//!
//! Identities and twins in IoT Hub's own JSON, one file per family of calls; `site` knows which hub
//! is meant. [`handle`] takes a request as any HTTP server can give it and makes the answer. What
//! is kept, and by which rules it changes, is the business of `hub` and `twin`.

mod devices;
mod error;
mod handler;
mod keys;
mod messages;
mod methods;
mod nothing;
mod query;
mod route;
mod rows;
mod show;
mod site;
mod statistics;
#[cfg(test)]
mod testing;
mod twins;
mod update;

pub(crate) use handler::{handle, too_large};
