//! Sockets, TLS and WebSockets, for both halves of the house.
//!
//! Opens and accepts connections and says precisely what went wrong. Knows nothing of MQTT, HTTP
//! or provisioning.

mod dial;
mod fault;
mod listen;
mod trust;
mod websocket;

pub use dial::{DialError, Dialed, Endpoint, EndpointError, Phase, Timings, dial};
pub use fault::TlsFault;
pub use listen::{BACKLOG, listen};
pub use trust::{Trust, TrustError, client_config, crypto, with_certificate};
pub use websocket::{WebSocketEnd, WebSocketStream, websocket_accept};

/// The operating system's text in lower case, without `(os error 111)`: what of an I/O error is said
/// to users.
pub fn plain(error: &std::io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}
