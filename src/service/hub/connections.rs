//! Who is connected to a hub, and how many messages came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc;

use crate::service::lock::lock;
use crate::service::record::HubKey;

/// More notices than this that a device leaves unread end its connection; the twin has all changes.
const MAX_UNREAD: usize = 32;

/// What a hub tells a connected device.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum HubNotice {
    /// Its desired properties changed.
    Desired {
        /// Their version.
        version: u64,
        /// The change, JSON in which `null` deletes.
        patch: Arc<str>,
    },
    /// Its connection ends; the text is for the log.
    Disconnect(&'static str),
}

/// Where a connection hears from its hub. Ends when the device is disconnected, or somebody else
/// signs in as it.
pub type HubNotices = mpsc::Receiver<HubNotice>;

#[derive(Debug)]
struct Connection {
    number: u64,
    notices: mpsc::Sender<HubNotice>,
}

#[derive(Debug, Default)]
struct Tables {
    connections: HashMap<HubKey, Connection>,
    messages: HashMap<HubKey, u64>,
}

/// The connected devices. A device has one connection (I).
#[derive(Debug, Default)]
pub(super) struct Connections {
    tables: Mutex<Tables>,
}

impl Connections {
    /// A device has signed in on the connection of that number; its older connection ends.
    pub(super) fn open(&self, key: &HubKey, number: u64) -> HubNotices {
        let (sender, notices) = mpsc::channel(MAX_UNREAD);
        let connection = Connection { number, notices: sender };
        let older = self.tables().connections.insert(key.clone(), connection);
        if let Some(older) = older {
            older.disconnect("the device signed in again on another connection");
        }
        notices
    }

    /// A connection has ended; nothing happens if the device has a newer one.
    pub(super) fn close(&self, key: &HubKey, number: u64) {
        let mut tables = self.tables();
        if tables.connections.get(key).is_some_and(|current| current.number == number) {
            tables.connections.remove(key);
        }
    }

    pub(super) fn is_connected(&self, key: &HubKey) -> bool {
        self.tables().connections.contains_key(key)
    }

    pub(super) fn send(&self, key: &HubKey, notice: HubNotice) {
        let mut tables = self.tables();
        let is_stuck = |connection: &Connection| connection.notices.try_send(notice).is_err();
        if tables.connections.get(key).is_some_and(is_stuck) {
            // With the sender gone, the device's notices end once it has read them.
            tables.connections.remove(key);
        }
    }

    pub(super) fn disconnect(&self, key: &HubKey, why: &'static str) {
        let mut tables = self.tables();
        tables.messages.remove(key);
        if let Some(connection) = tables.connections.remove(key) {
            connection.disconnect(why);
        }
    }

    pub(super) fn disconnect_all(&self, why: &'static str) {
        let tables = std::mem::take(&mut *self.tables());
        tables.connections.into_values().for_each(|connection| connection.disconnect(why));
    }

    pub(super) fn count_message(&self, key: &HubKey) {
        let mut tables = self.tables();
        match tables.messages.get_mut(key) {
            Some(count) => *count += 1,
            None => drop(tables.messages.insert(key.clone(), 1)),
        }
    }

    pub(super) fn messages(&self, key: &HubKey) -> u64 {
        self.tables().messages.get(key).copied().unwrap_or_default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }
}

impl Connection {
    /// If too many notices are unread, their end says the same.
    fn disconnect(self, why: &'static str) {
        let _ = self.notices.try_send(HubNotice::Disconnect(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> HubKey {
        HubKey::new(&"hub.net".parse().unwrap(), &"pump".parse().unwrap())
    }

    fn desired(version: u64) -> HubNotice {
        HubNotice::Desired { version, patch: Arc::from("{}") }
    }

    #[test]
    fn i_the_newer_connection_drops_the_older() {
        let connections = Connections::default();
        let mut first = connections.open(&key(), 1);
        let mut second = connections.open(&key(), 2);

        connections.close(&key(), 1);
        connections.send(&key(), desired(2));

        assert!(matches!(first.try_recv(), Ok(HubNotice::Disconnect(_))));
        assert!(matches!(second.try_recv(), Ok(HubNotice::Desired { version: 2, .. })));
        connections.close(&key(), 2);
        assert!(!connections.is_connected(&key()));
    }

    #[test]
    fn a_device_that_reads_nothing_loses_its_connection_and_nobody_waits_for_it() {
        let connections = Connections::default();
        let mut notices = connections.open(&key(), 1);

        (0..2 * MAX_UNREAD as u64).for_each(|version| connections.send(&key(), desired(version)));

        assert!(!connections.is_connected(&key()));
        let read = std::iter::from_fn(|| notices.try_recv().ok()).count();
        assert_eq!(read, MAX_UNREAD);
        assert!(matches!(notices.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }

    #[test]
    fn messages_are_counted_until_the_identity_goes() {
        let connections = Connections::default();
        (0..3).for_each(|_| connections.count_message(&key()));

        assert_eq!(connections.messages(&key()), 3);
        connections.disconnect(&key(), "gone");
        assert_eq!(connections.messages(&key()), 0);
    }
}
