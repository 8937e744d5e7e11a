//! Where devices reach the service: each endpoint turns what it hears into requests to the
//! registrar, and its replies into what the device understands.

pub mod mqtt;
mod tls;

pub(super) use tls::server_config;
