//! Leads clients that dial Azure's names and ports to the listeners of this service.
//!
//! Most SDKs can be given no port, and the hub that a device is assigned has a name that leads to Azure
//! or nowhere. But nearly all of them take a proxy. This is one, on loopback, of both kinds on one port:
//! HTTP CONNECT (RFC 9110, section 9.3.6) and SOCKS5 (RFC 1928). It opens tunnels to this service
//! alone, unless it is told to be open; TLS stays between client and endpoint, which see the real names.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `reply`: what a client is told, in its own protocol.
//! - `target`: a host and a port that a client asks for.
//! - [`request`]: what a client says, byte by byte. Pure.
//! - `routes`: where a target leads. Pure.
//! - `server`: its connections.
//!
//! Ours and no library's, for crates that serve SOCKS own the connection from its first byte, and here that
//! byte decides which protocol is spoken; what would be left to them is forty lines.

mod reply;
pub mod request;
mod routes;
mod server;
mod target;

pub(in crate::service) use routes::Listening;
pub(in crate::service) use server::{Gateway, serve};
