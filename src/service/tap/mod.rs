//! What goes over the wire, for whoever watches a client: told as it happens, and kept nowhere.
//!
//! The journal tells of registrations, this of everything below them: connections, handshakes, packets,
//! requests, and when each answer goes out. Where nobody listens, it costs one look.
//!
//! - `moment`: what can happen.
//! - `handle`: who is told.

mod handle;
mod moment;

pub use handle::Tap;
pub use moment::{
    WireAnswer, WireAttach, WireConnect, WireEnd, WireEvent, WireMoment, WireRequest, WireSignIn,
};
