//! Azure's Device Provisioning Service on your own machine, and the device that talks to it.
//!
//! The parts, each of which imports only from those above it:
//!
//! - [`wire`]: what devices and the service say to each other.
//! - [`attestation`]: how identity is proved and checked.
//! - [`net`]: sockets and TLS.
//! - [`pki`]: certificates for tests.
//! - [`device`]: a device that provisions itself.
//! - [`service`]: a local Device Provisioning Service. It and the device never import each other.
//! - [`api_client`]: a client of the service API, here or on Azure. It imports neither of the two.
//! - [`contoso`]: the world of Microsoft's tutorial, the service's default.
//! - [`scenario`]: a file that says what to serve, which devices, and what must come out.
//! - [`explain`]: what failures mean, why they happen, and what to try.
//! - [`diagnose`]: looks for what keeps a device from registering, step by step.
//! - [`cli`]: the command line.

#![warn(rust_2018_idioms)]

pub mod api_client;
pub mod attestation;
pub mod cli;
pub mod contoso;
pub mod device;
pub mod diagnose;
pub mod explain;
pub mod fleet;
pub mod net;
pub mod pki;
pub mod scenario;
pub mod service;
pub mod wire;
