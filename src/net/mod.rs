//! Sockets, TLS and WebSockets, for both halves of the house.
//!
//! Opens and accepts connections and says precisely what went wrong. Knows nothing of MQTT or
//! provisioning, and of HTTP only what opens a tunnel or a WebSocket.

mod connect_to;
mod dial;
mod dial_error;
mod endpoint;
mod fault;
mod listen;
mod no_proxy;
mod proxy;
mod race;
mod route;
mod tcp;
mod trust;
mod tunnel;
mod upgrade;
mod websocket;

pub use connect_to::{ConnectTo, ConnectToError};
pub use dial::{Dialed, Timings, dial, dial_saying};
pub use dial_error::{DialError, Phase};
pub use endpoint::{Endpoint, EndpointError};
pub use fault::TlsFault;
pub use listen::{BACKLOG, listen};
pub use no_proxy::NoProxy;
pub use proxy::{Proxy, ProxyError};
pub use route::{EnvironmentError, Route};
pub use trust::{Trust, TrustError, client_config, crypto, with_certificate, with_resumption};
pub use tunnel::ProxyFault;
pub use upgrade::{UpgradeError, open_websocket};
pub use websocket::{WebSocketEnd, WebSocketStream, websocket_accept};

/// The innermost cause of an error, as [`plain`] has it: the outer ones only say that there is one.
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    without_number(&cause.to_string())
}

fn without_number(text: &str) -> String {
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// The operating system's text in lower case, without `(os error 111)`: what of an I/O error is said
/// to users.
pub fn plain(error: &std::io::Error) -> String {
    without_number(&error.to_string())
}
