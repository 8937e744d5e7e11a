//! HTTPS: the device API (B), the service API (E), that of the hubs (I), and the way in for MQTT over
//! WebSocket.
//!
//! `route` knows the paths, `device` the calls of devices, `service_api` those of back ends,
//! `upgrade` the opening handshake of a WebSocket, `body` how much is read, `reply` what every answer
//! looks like. `server` serves a connection: HTTP/1.1 as long as it lasts, and MQTT from an upgrade
//! on.

mod answer_body;
mod body;
mod client;
mod device;
mod reply;
mod route;
mod server;
mod service_api;
mod upgrade;

pub(in crate::service) use server::serve;
