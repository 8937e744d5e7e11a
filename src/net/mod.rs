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
pub use trust::{Trust, TrustError, client_config, crypto};
pub use websocket::{WebSocketEnd, WebSocketStream, websocket_accept};
