//! A device that provisions itself.
//!
//! [`Registration`] is the protocol as a pure state machine: events in, steps out, no socket and
//! no clock. A transport drives it. This room must not know the service that answers, and prints
//! nothing; who wants to follow along passes an observer.

mod client;
mod deadline;
mod error;
mod exchange;
mod registration;
mod retry;
mod transport;

pub use client::{CLIENT_VERSION, Credential, Ports, ProvisioningClient, Settings};
pub use deadline::{Deadline, Waiting};
pub use error::{Breach, Class, Error, NetworkError, Rejection};
pub use exchange::{
    Answer, ConnectFailure, Event, Loss, Notice, Registered, Request, RequestKind, Step,
};
pub use registration::Registration;
pub use transport::{ConnectPhase, Transport};
