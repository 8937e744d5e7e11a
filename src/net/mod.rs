//! Sockets, TLS and WebSockets, for the device and the service alike.
//!
//! Opens and accepts connections and says precisely what went wrong. Knows nothing of MQTT or
//! provisioning, and of HTTP how to ask a server (`http`) and to open a tunnel or a WebSocket.
//!
//! - `endpoint`: `HOST[:PORT]`.
//! - `fault`: what went wrong in a TLS handshake.
//! - `listen`: listening sockets.
//! - `trust`: whom a client trusts.
//! - `connect_to`: other addresses to dial.
//! - `proxy`: a proxy that opens tunnels.
//! - `no_proxy`: what is reached without it.
//! - `route`: how to get to a server.
//! - `proxy_variables`: the proxies that the environment names.
//! - `race`: the addresses of a name, tried side by side.
//! - `tunnel`: HTTP CONNECT.
//! - `dial_error`: the steps to a connection, and how each fails.
//! - `tcp`: a TCP connection, through a tunnel where one is needed.
//! - `dial`: a TLS connection.
//! - `websocket`: a WebSocket as a byte stream.
//! - `upgrade`: its opening handshake.
//! - `http`: a client that asks HTTP servers.

mod connect_to;
mod dial;
mod dial_error;
mod endpoint;
mod fault;
#[cfg(any(feature = "device", feature = "service"))]
pub mod http;
mod listen;
mod no_proxy;
mod proxy;
mod proxy_variables;
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
pub use listen::{BACKLOG, from_here, listen};
pub use no_proxy::NoProxy;
pub use proxy::{Proxy, ProxyError};
pub use proxy_variables::ProxyVariables;
pub use route::{EnvironmentError, Route};
pub use tcp::connect_directly;
pub use trust::{Trust, TrustError, client_config, crypto, with_certificate, with_resumption};
pub use tunnel::ProxyFault;
pub use upgrade::{UpgradeError, open_websocket};
pub use websocket::{WebSocketEnd, WebSocketStream, websocket_accept};

pub use crate::text::plain;
