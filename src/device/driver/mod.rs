//! What carries a registration: each driver moves the one state machine over its transport.
//!
//! - `clock`: the machine's times, as instants to wait for.
//! - `progress`: how long each step of opening a connection takes.
//! - `attempt`: how long it may.
//! - `tls`: the TLS connection under every transport.
//! - `drive`: what all drivers have in common.
//! - `mqtt`: MQTT, over TLS or over a WebSocket.
//! - `https`: HTTPS.
//! - `single`: one registration over one transport.
//! - `connect_once`: one connection and no registration.
//! - `auto`: the first transport that the network lets through.
//! - `run`: the transport that the settings name.

mod attempt;
mod auto;
mod clock;
mod connect_once;
mod drive;
mod https;
mod mqtt;
mod progress;
mod run;
mod single;
mod tls;

pub(super) use connect_once::connect_once;
pub(super) use https::look_up;
pub(super) use mqtt::{
    CLOSE_TIMEOUT, Carrier, KEEP_ALIVE, OverTls, OverWebSocket, ReadFault, Session,
    encoded_connect, unexpected,
};
pub(super) use progress::Progress;
pub(super) use run::run;
pub(super) use single::Task;
