//! A device that provisions itself.
//!
//! [`Registration`] is the protocol as a pure state machine: events in, steps out, no socket and
//! no clock. A transport drives it. [`HubClient`] goes on to the hub that it was assigned to. This
//! room must not know the service that answers, and prints nothing; who wants to follow along passes
//! an observer.
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

mod client;
mod deadline;
mod error;
mod exchange;
mod hub;
mod registration;
mod retry;
mod traffic;
mod transport;

pub use client::{CLIENT_VERSION, Credential, Ports, ProvisioningClient, Settings};
pub use deadline::{Deadline, Waiting};
pub use error::{Breach, Class, Error, NetworkError, Rejection};
pub use exchange::{
    Answer, ConnectFailure, Event, Looked, Loss, Notice, Registered, Request, RequestKind, Step,
};
pub use hub::{
    DesiredChange, DesiredChanges, HubBreach, HubClient, HubError, HubSettings, HubSettingsError,
    HubWaiting, Twin,
};
pub use registration::Registration;
pub use traffic::{Received, Secured, Sent, Signed};
pub use transport::{ConnectPhase, Transport};
