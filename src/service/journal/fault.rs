//! The faults on demand that struck a registration, or a connection of which no registration is known;
//! so that they stay bounded.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::millis::{as_millis, as_timestamp};
use super::text::Text;
use crate::service::caller::Transport;
use crate::service::connection::ConnectionFault;

/// How many are kept of one registration (J-267).
const MAX_FAULTS: usize = 32;

/// How many struck connections are kept (J-269).
const MAX_CONNECTIONS: usize = 256;

/// A fault that struck, or several in a row of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryFault {
    /// When, from the request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// Number of the rule.
    pub id: u64,
    /// The rule.
    pub rule: Text,
    /// How often it struck.
    pub count: u64,
    /// When it struck last.
    #[serde(serialize_with = "as_millis")]
    pub last_at: Duration,
}

/// Adds one. Beyond those that are kept, the newest takes the place of the one before it.
pub(super) fn add(faults: &mut Vec<EntryFault>, fault: EntryFault) {
    let is_full = faults.len() >= MAX_FAULTS;
    match faults.last_mut() {
        Some(last) if last.id == fault.id => {
            last.count += 1;
            last.last_at = fault.at;
        }
        Some(last) if is_full => *last = fault,
        _ => faults.push(fault),
    }
}

/// A connection that a fault on demand struck when it was taken in, or at its TLS handshake. Nobody knows
/// then which device it is, and often nothing comes after it. Serializes to what `GET /journal/connections`
/// lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StruckConnection {
    /// When.
    #[serde(serialize_with = "as_timestamp")]
    pub time: SystemTime,
    /// Its number among all connections of this process.
    pub number: u64,
    /// Address and port of the client.
    pub peer: SocketAddr,
    /// Whose port it came to; MQTT over WebSocket comes to that of HTTPS.
    pub transport: Transport,
    /// What struck it.
    #[serde(flatten)]
    pub fault: ConnectionFault,
}

/// Adds one; the oldest goes once there are too many.
pub(super) fn add_connection(all: &mut VecDeque<StruckConnection>, one: StruckConnection) {
    if all.len() >= MAX_CONNECTIONS {
        all.pop_front();
    }
    all.push_back(one);
}
