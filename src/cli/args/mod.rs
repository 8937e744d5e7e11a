//! Flags that several commands have, and what they stand for.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `duration`: durations, such as `30s`.
//! - `local`: the service of this machine.
//! - `listener`: which management listener is asked.
//! - `group`: the enrollment group whose key a device of that service is given.
//! - `key`: symmetric keys, of which a device has one.
//! - `certificate`: an X.509 certificate and its private key.
//! - `tpm`: a TPM, in a file or at an address.
//! - `credential`: that a device is given one kind of credential.
//! - `proxy`: the proxy on the way to a service.
//! - `route`: the way to the service: transport, proxy, and whom to dial in its place.
//! - `service`: which service devices register with.
//! - `connection`: connection strings.
//! - `against`: at which service scenarios are played, if at none of their own.
//! - `missing`: what was not said and has to be.
//! - `payload`: what a device has to say to a custom allocation webhook.
//! - `request`: what a device asks a certificate for, and where what it is issued is kept.
//! - `device`: which device, and with which service.
//! - `quotas`: how often a service may be asked.
//! - `sameness`: what makes two runs the same.
//! - `configuration`: what a service is to serve.

pub(crate) mod against;
pub(crate) mod certificate;
pub(crate) mod configuration;
pub(crate) mod connection;
pub(crate) mod credential;
pub(crate) mod device;
pub(crate) mod duration;
pub(crate) mod group;
pub(crate) mod key;
pub(crate) mod listener;
pub(crate) mod local;
pub(crate) mod missing;
pub(crate) mod payload;
pub(crate) mod proxy;
pub(crate) mod quotas;
pub(crate) mod request;
pub(crate) mod route;
pub(crate) mod sameness;
pub(crate) mod service;
pub(crate) mod tpm;
