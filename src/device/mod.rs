//! A device that provisions itself.
//!
//! [`Registration`] is the protocol as a pure state machine: events in, steps out, no socket and
//! no clock. A driver moves it over a transport. [`HubClient`] goes on to the hub that the device was
//! assigned to. Nothing in here knows the service that answers, or prints; who wants to follow along
//! passes an observer.
//!
//! [`ProvisioningClient`] is the front door: [`Settings`] in, [`Registered`] or [`Error`] out, and a
//! [`Notice`] for everything on the way. It needs a Tokio runtime with I/O and time, of either
//! flavour. Dropping the future ends the registration at once; run again, the service takes it up
//! where it stands.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use provision_sim::device::{
//!     Class, Credential, Notice, ProvisioningClient, Settings, Transport,
//! };
//! use provision_sim::net::{Trust, client_config};
//! use provision_sim::wire::GLOBAL_ENDPOINT;
//!
//! # async fn provision() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings {
//!     transport: Transport::Auto,
//!     payload: Some(r#"{"fw":"12.0.2.5"}"#.parse()?),
//!     timeout: Duration::from_secs(300),
//!     ..Settings::new(
//!         GLOBAL_ENDPOINT.parse()?,
//!         "0ne00012345".parse()?,
//!         "my-device".parse()?,
//!         Credential::SymmetricKey(std::env::var("DEVICE_KEY")?.parse()?),
//!         client_config(&Trust::System)?,
//!     )
//! };
//! let mut notify = |notice| {
//!     if let Notice::Assigning { wait, .. } = notice {
//!         eprintln!("assigning; asking again in {wait:?}");
//!     }
//! };
//! match ProvisioningClient::new(settings).register(&mut notify).await {
//!     Ok(registered) => println!("{}", registered.assigned_hub),
//!     // `class` says who has to do something about it, `Display` what happened.
//!     Err(error) if error.class() == Class::Identity => eprintln!("check the key: {error}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Inside
//!
//! - `transport`: the ways to talk to the service, and their ports.
//! - `csr`: what a device asks a certificate for.
//! - `issued`: the certificates that come of it.
//! - `wrapped_key`: keys that a device's TPM is given.
//! - `phase`: the steps in which a connection is opened.
//! - `traffic`: what goes over the wire, as an observer is told of it.
//! - `error`: everything that can end a registration without a hub.
//! - `exchange`: what the state machine and its drivers say to each other.
//! - `destination`: where a server is.
//! - `settings`: what a registration needs to know.
//! - `backoff`: when to ask again.
//! - `stranger`: answers that are not the service's.
//! - `reading`: what an answer says.
//! - `challenge`: how far a device with a TPM is in proving that it has it.
//! - `registration`: the state machine.
//! - `driver`: what moves it over each transport.
//! - `tpm`: TPMs in a file, or at an address.
//! - `client`: the device as other code uses it.
//! - `hub`: the device at its hub.

mod backoff;
mod challenge;
mod client;
mod csr;
mod destination;
mod driver;
mod error;
mod exchange;
mod hub;
mod issued;
mod phase;
mod reading;
mod registration;
mod settings;
mod stranger;
mod tpm;
mod traffic;
mod transport;
mod wrapped_key;

pub use client::ProvisioningClient;
pub use csr::{Csr, CsrFault};
pub use error::{Breach, Class, Deadline, Error, NetworkError, Rejection, SaslRefusal, Waiting};
pub use exchange::{
    Answer, ConnectFailure, Event, Looked, Loss, Notice, Refusal, Registered, Request, RequestKind,
    Step,
};
pub use hub::{
    DesiredChange, DesiredChanges, HubBreach, HubClient, HubError, HubSettings, HubSettingsError,
    HubWaiting, Renewal, RenewalFault, RenewalNotice, Renewed, Twin, renew_certificate,
};
pub use issued::{IssuedChain, IssuedFault};
pub use phase::ConnectPhase;
pub use registration::Registration;
pub use settings::{CLIENT_VERSION, Credential, Settings};
pub use tpm::{RemoteTpm, TpmFile};
pub use traffic::{AmqpFrame, AmqpMessage, Received, Secured, Sent, Signed};
pub use transport::{Ports, Transport};
pub use wrapped_key::{HubKey, KeyPurpose, WrappedKey};
