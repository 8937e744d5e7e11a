//! Everything that can end a registration without a hub.
//!
//! Variants carry facts; `Display` makes one sentence of them. What to do about it is told by
//! whoever talks to the user.
//!
//! - `breach`: how an answer breaks the protocol.
//! - `sasl`: how SASL ends where it does not end well.
//! - `network`: why no session could be opened.
//! - `rejection`: an answer that refuses.
//! - `deadline`: the time that passed, and what the device was waiting for.
//! - `registration`: why a registration ended without a hub.

mod breach;
mod deadline;
mod network;
mod registration;
mod rejection;
mod sasl;

pub use breach::Breach;
pub use deadline::{Deadline, Waiting};
pub use network::NetworkError;
pub use registration::{Class, Error};
pub use rejection::Rejection;
pub use sasl::SaslRefusal;
