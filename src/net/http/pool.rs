//! Connections that wait for another request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Connection, Origin};

/// How long a connection may wait: less than the shortest time after which servers in common use
/// hang up (Node and uvicorn: 5 s), so that a request seldom meets a connection that is being closed.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// Idle connections, by whom they lead to.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
    /// How many are kept for one server.
    size: usize,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(super) fn new(size: usize) -> Self {
        Self { idle: Mutex::default(), size }
    }

    /// A connection to `origin` that can be used now; the one that was used last, because the others
    /// may not be needed any more.
    pub(super) async fn take(&self, origin: &Origin) -> Option<Connection> {
        while let Some(mut connection) = self.newest(origin) {
            if connection.is_ready().await {
                return Some(connection);
            }
        }
        None
    }

    fn newest(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = idle.get_mut(origin)?.pop()?;
        (newest.since.elapsed() < IDLE_LIMIT).then_some(newest.connection)
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn put(&self, origin: &Origin, connection: Connection) {
        let now = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, list| {
            list.retain(|idle| now - idle.since < IDLE_LIMIT);
            !list.is_empty()
        });
        let list = idle.entry(origin.clone()).or_default();
        if list.len() < self.size {
            list.push(Idle { connection, since: now });
        }
    }
}
