//! Azure's Device Provisioning Service on your own machine, and the device that talks to it.
//!
//! The parts, from the ground up: each imports only from those before it. The device and the service
//! never import each other. A test reads this list, and those of the folders, and fails on an arrow
//! upwards (`tests/all/project/layers`).
//!
//! - [`sources`]: where time and chance come from.
//! - [`wire`]: what devices and the service say to each other.
//! - `amqp`: AMQP 1.0, as far as devices and the service speak it.
//! - [`text`]: files and values that people give, in whatever encoding their tools write.
//! - `child`: a program of somebody else's, run beside a service.
//! - [`net`]: sockets and TLS.
//! - [`attestation`]: how identity is proved and checked.
//! - [`pki`]: certificates for tests.
//! - [`tutorial`]: the names and keys of Microsoft's tutorial, as data.
//! - `recipes`: how each SDK is told to reach a service.
//! - [`device`]: a device that provisions itself.
//! - [`api_client`]: a client of the service API, here or on Azure.
//! - [`explain`]: what failures mean, why they happen, and what to try.
//! - [`fleet`]: many devices that provision themselves, and how it went.
//! - `diagnose`: looks for what keeps a device from registering, step by step.
//! - [`service`]: a local Device Provisioning Service.
//! - `function_app`: allocation functions, served on loopback.
//! - [`contoso`]: the world of the tutorial, the service's default.
//! - [`local_service`]: a service for the tests of others; begin with [`LocalService`].
//! - `verdicts`: what came out of what was tried, and the files that tell of it.
//! - `conformance`: a client of somebody else's, put to the test.
//! - `scenario`: a file that says what to serve, which devices, and what must come out.
//! - [`cli`]: the command line.
//!
//! # Features
//!
//! `cli`, the default, is the program and all the rest. Without it (`default-features = false`) take
//! what is needed: `device` for a device that provisions itself, `service` for the service and
//! [`LocalService`], `fleet` for many devices and what their failures mean, `pki` for certificates to
//! test with; `page` adds the page of the management listener. [`wire`], [`net`], [`attestation`] and [`tutorial`] are always there.
//!
//! # Both halves in one program
//!
//! A service with the tutorial's world, on free ports of this machine, and a device that provisions
//! itself against it over real TLS and MQTT. Against Azure only the device's half is needed; see
//! [`device`].
//!
//! ```
//! use provision_sim::attestation::GroupKey;
//! use provision_sim::contoso::{self, SampleFunction};
//! use provision_sim::device::{Credential, ProvisioningClient, Settings};
//! use provision_sim::net::{Trust, client_config};
//! use provision_sim::service::{Authority, Options, Service};
//! use provision_sim::wire::RegistrationId;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let authority = Authority::in_memory()?;
//! let trust = Trust::Pem(authority.pem().to_owned());
//! let mut config = contoso::config();
//! // The tutorial's allocation function, a real HTTP webhook that ends when it is dropped.
//! let function = SampleFunction::start_for(&mut config).await?;
//! let service = Service::start(&config, Options::on_free_ports(authority)).await?;
//!
//! // The key of the group `simulated-devices`, published in `fixtures/contoso/world.toml`.
//! let group_key: GroupKey =
//!     "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
//!         .parse()?;
//! let registration_id: RegistrationId = "my-device".parse()?;
//! let key = group_key.derive(&registration_id);
//! let settings = Settings::new(
//!     service.mqtt_address().to_string().parse()?,
//!     service.instance().id_scope.clone(),
//!     registration_id,
//!     Credential::SymmetricKey(key),
//!     client_config(&trust)?,
//! );
//!
//! let registered = ProvisioningClient::new(settings).register(&mut |_| {}).await?;
//!
//! assert_eq!(registered.assigned_hub, "contoso-toasters-hub-1098.azure-devices.net");
//! assert_eq!(registered.device_id, "my-device");
//! service.stop().await;
//! # Ok(())
//! # }
//! ```

#![warn(rust_2018_idioms)]
// Tests ask the system for what they hand in.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

#[doc(hidden)]
pub mod amqp;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod api_client;
pub mod attestation;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod child;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
mod conformance;
#[cfg(feature = "service")]
pub mod contoso;
#[cfg(feature = "device")]
pub mod device;
#[cfg(feature = "cli")]
mod diagnose;
#[cfg(feature = "fleet")]
pub mod explain;
#[cfg(feature = "fleet")]
pub mod fleet;
#[cfg(feature = "service")]
mod function_app;
#[cfg(feature = "service")]
pub mod local_service;
pub mod net;
#[cfg(feature = "pki")]
pub mod pki;
#[cfg(feature = "service")]
#[doc(hidden)]
pub mod recipes;
#[cfg(feature = "cli")]
mod scenario;
#[cfg(feature = "service")]
pub mod service;
pub mod sources;
#[doc(hidden)]
pub mod text;
pub mod tutorial;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod verdicts;
pub mod wire;

/// The TLS library whose types are part of this one's: [`ClientConfig`](rustls::ClientConfig) and
/// certificates.
pub use rustls;

#[cfg(feature = "service")]
pub use local_service::{AllocationAnswer, EnrollmentBuilder, Expectation, LocalService};

/// The programs of that page, as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct LibraryPage;
