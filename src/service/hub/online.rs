//! Who is connected to a hub, and how many messages came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc;

use super::HubKey;

/// More changes than this that a device leaves unread end its connection; the twin has them all.
const MAILBOX: usize = 32;

/// What a hub has to say to a connected device.
#[derive(Debug, Clone)]
pub enum Mail {
    /// Its desired properties changed.
    Desired {
        /// Their version.
        version: u64,
        /// The change, JSON in which `null` deletes.
        patch: Arc<str>,
    },
    /// It has to leave; the text is for the log.
    Leave(&'static str),
}

/// Where a connection hears from its hub. Ends when the device is dismissed, or somebody else signs
/// in as it.
pub type Mailbox = mpsc::Receiver<Mail>;

#[derive(Debug)]
struct Seat {
    connection: u64,
    mail: mpsc::Sender<Mail>,
}

#[derive(Debug, Default)]
struct Tables {
    seats: HashMap<HubKey, Seat>,
    messages: HashMap<HubKey, u64>,
}

/// The connected devices. A device has one connection (I).
#[derive(Debug, Default)]
pub(super) struct Online {
    // Held for a look-up at most, never across an await.
    tables: Mutex<Tables>,
}

impl Online {
    /// A device has signed in; its older connection ends.
    pub(super) fn enter(&self, key: &HubKey, connection: u64) -> Mailbox {
        let (mail, mailbox) = mpsc::channel(MAILBOX);
        let older = self.lock().seats.insert(key.clone(), Seat { connection, mail });
        if let Some(older) = older {
            older.dismiss("the device signed in again on another connection");
        }
        mailbox
    }

    /// A connection has ended; nothing happens if the device has a newer one.
    pub(super) fn leave(&self, key: &HubKey, connection: u64) {
        let mut tables = self.lock();
        if tables.seats.get(key).is_some_and(|seat| seat.connection == connection) {
            tables.seats.remove(key);
        }
    }

    pub(super) fn is_online(&self, key: &HubKey) -> bool {
        self.lock().seats.contains_key(key)
    }

    pub(super) fn send(&self, key: &HubKey, mail: Mail) {
        let mut tables = self.lock();
        let is_stuck = |seat: &Seat| seat.mail.try_send(mail).is_err();
        if tables.seats.get(key).is_some_and(is_stuck) {
            // Without its seat the mailbox ends when it is read to the end.
            tables.seats.remove(key);
        }
    }

    pub(super) fn dismiss(&self, key: &HubKey, why: &'static str) {
        let mut tables = self.lock();
        tables.messages.remove(key);
        if let Some(seat) = tables.seats.remove(key) {
            seat.dismiss(why);
        }
    }

    pub(super) fn dismiss_all(&self, why: &'static str) {
        let tables = std::mem::take(&mut *self.lock());
        tables.seats.into_values().for_each(|seat| seat.dismiss(why));
    }

    pub(super) fn count_message(&self, key: &HubKey) {
        let mut tables = self.lock();
        match tables.messages.get_mut(key) {
            Some(count) => *count += 1,
            None => drop(tables.messages.insert(key.clone(), 1)),
        }
    }

    pub(super) fn messages(&self, key: &HubKey) -> u64 {
        self.lock().messages.get(key).copied().unwrap_or_default()
    }

    /// A panic while the lock is held can only come from the allocator; the tables are whole.
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Seat {
    /// If the mailbox is full, its end says the same.
    fn dismiss(self, why: &'static str) {
        let _ = self.mail.try_send(Mail::Leave(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> HubKey {
        HubKey::new("hub.net", "pump")
    }

    fn desired(version: u64) -> Mail {
        Mail::Desired { version, patch: Arc::from("{}") }
    }

    #[test]
    fn i_the_newer_connection_drops_the_older() {
        let online = Online::default();
        let mut first = online.enter(&key(), 1);
        let mut second = online.enter(&key(), 2);

        online.leave(&key(), 1);
        online.send(&key(), desired(2));

        assert!(matches!(first.try_recv(), Ok(Mail::Leave(_))));
        assert!(matches!(second.try_recv(), Ok(Mail::Desired { version: 2, .. })));
        online.leave(&key(), 2);
        assert!(!online.is_online(&key()));
    }

    #[test]
    fn a_device_that_reads_nothing_loses_its_connection_and_nobody_waits_for_it() {
        let online = Online::default();
        let mut mailbox = online.enter(&key(), 1);

        (0..2 * MAILBOX as u64).for_each(|version| online.send(&key(), desired(version)));

        assert!(!online.is_online(&key()));
        let read = std::iter::from_fn(|| mailbox.try_recv().ok()).count();
        assert_eq!(read, MAILBOX);
        assert!(matches!(mailbox.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }

    #[test]
    fn messages_are_counted_until_the_identity_goes() {
        let online = Online::default();
        (0..3).for_each(|_| online.count_message(&key()));

        assert_eq!(online.messages(&key()), 3);
        online.dismiss(&key(), "gone");
        assert_eq!(online.messages(&key()), 0);
    }
}
