//! What carries a registration: each driver moves the one state machine over its transport.
//!
//! - `clock`: the machine's times, as instants to wait for.
//! - `progress`: how long each step of opening a connection takes.
//! - `attempt`: how long it may.
//! - `proof`: the token by which the device proves itself.
//! - `tls`: the TLS connection under every transport.
//! - `buffered`: one that sends when it is told to.
//! - `pipe`: what is said and read on a byte stream.
//! - `carrier`: the byte streams that carry packets and frames.
//! - `drive`: what all drivers have in common.
//! - `found`: what comes of asking for a registration.
//! - `mqtt`: MQTT, over TLS or over a WebSocket.
//! - `amqp`: AMQP, over TLS or over a WebSocket.
//! - `https`: HTTPS.
//! - `lookup`: the lookup of a registration, without the state machine.
//! - `single`: one registration over one transport.
//! - `connect_once`: one connection and no registration.
//! - `auto`: the first transport that the network lets through.
//! - `run`: the transport that the settings name.

mod amqp;
mod attempt;
mod auto;
mod buffered;
mod carrier;
mod clock;
mod connect_once;
mod drive;
mod found;
mod https;
mod lookup;
mod mqtt;
mod pipe;
mod progress;
mod proof;
mod run;
mod single;
mod tls;

pub(super) use amqp::{Greeting, Line, LineFault, SPOKEN as AMQP};
pub(super) use carrier::{Carrier, OverTls, OverWebSocket};
pub(super) use connect_once::connect_once;
pub(super) use lookup::look_up;
pub(super) use mqtt::{
    CLOSE_TIMEOUT, KEEP_ALIVE, ReadFault, SPOKEN as MQTT, Session, encoded_connect, unexpected,
};
pub(super) use progress::Progress;
pub(super) use run::run;
pub(super) use single::Task;
