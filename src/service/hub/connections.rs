//! Who is connected to a hub, and what goes to and fro.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use tokio::sync::{Notify, mpsc, oneshot};

use super::message::{DeviceMessage, Mailbox, NumberedMessage};
use super::method::{MethodAnswer, MethodCall, MethodFault};
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
    /// A back end calls a method.
    Method {
        /// The hub's name for the call.
        rid: String,
        /// The method.
        name: String,
        /// What it is given, JSON.
        payload: Arc<str>,
    },
    /// There are messages for it.
    Messages,
    /// Its connection ends.
    Disconnect {
        /// What kind of reason there is.
        cause: Cause,
        /// The reason in words.
        why: &'static str,
    },
}

/// Why a hub ends the connection of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The device has another connection now.
    Elsewhere,
    /// It may not stay.
    Barred,
    /// The hub does not have it any more.
    Gone,
}

/// Where a connection hears from its hub. Ends when the device is disconnected, or somebody else
/// signs in as it.
pub type HubNotices = mpsc::Receiver<HubNotice>;

/// What is known of a device since the service started, beside its identity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Presence {
    /// Whether it is connected.
    pub is_online: bool,
    /// When it last connected or left.
    pub changed: Option<SystemTime>,
    /// When it last connected, or sent or received something.
    pub last_activity: Option<SystemTime>,
    /// Messages that wait for it.
    pub waiting: usize,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    notices: mpsc::Sender<HubNotice>,
    takes_methods: bool,
    /// Who waits for the answer to a call, by the hub's name for it.
    calls: HashMap<String, oneshot::Sender<MethodAnswer>>,
}

/// What outlives a connection of a device.
#[derive(Debug, Default)]
struct Traffic {
    changed: Option<SystemTime>,
    last_activity: Option<SystemTime>,
    messages: u64,
    mailbox: Mailbox,
}

#[derive(Debug, Default)]
struct Tables {
    connections: HashMap<HubKey, Connection>,
    traffic: HashMap<HubKey, Traffic>,
    calls: u64,
}

impl Tables {
    fn traffic(&mut self, key: &HubKey) -> &mut Traffic {
        self.traffic.entry(key.clone()).or_default()
    }

    fn send(&mut self, key: &HubKey, notice: HubNotice) {
        let is_stuck = |connection: &Connection| connection.notices.try_send(notice).is_err();
        if self.connections.get(key).is_some_and(is_stuck) {
            // With the sender gone, the device's notices end once it has read them.
            self.connections.remove(key);
        }
    }
}

/// The connected devices. A device has one connection (I).
#[derive(Debug, Default)]
pub(super) struct Connections {
    tables: Mutex<Tables>,
    /// A device has begun to take methods.
    method_takers: Notify,
}

impl Connections {
    /// A device has signed in on the connection of that number; its older connection ends.
    pub(super) fn open(&self, key: &HubKey, number: u64, now: SystemTime) -> HubNotices {
        let (sender, notices) = mpsc::channel(MAX_UNREAD);
        let calls = HashMap::new();
        let connection = Connection { number, notices: sender, takes_methods: false, calls };
        let mut tables = self.tables();
        let traffic = tables.traffic(key);
        (traffic.changed, traffic.last_activity) = (Some(now), Some(now));
        if let Some(older) = tables.connections.insert(key.clone(), connection) {
            older.disconnect(Cause::Elsewhere, "the device signed in again on another connection");
        }
        notices
    }

    /// A connection has ended; nothing happens if the device has a newer one.
    pub(super) fn close(&self, key: &HubKey, number: u64, now: SystemTime) {
        let mut tables = self.tables();
        if tables.connections.get(key).is_some_and(|current| current.number == number) {
            tables.connections.remove(key);
            tables.traffic(key).changed = Some(now);
        }
    }

    pub(super) fn presence(&self, key: &HubKey) -> Presence {
        let tables = self.tables();
        let is_online = tables.connections.contains_key(key);
        tables.traffic.get(key).map_or(Presence { is_online, ..Presence::default() }, |traffic| {
            let Traffic { changed, last_activity, mailbox, .. } = traffic;
            let (changed, last_activity) = (*changed, *last_activity);
            Presence { is_online, changed, last_activity, waiting: mailbox.len() }
        })
    }

    pub(super) fn online(&self) -> Vec<HubKey> {
        self.tables().connections.keys().cloned().collect()
    }

    pub(super) fn send(&self, key: &HubKey, notice: HubNotice) {
        self.tables().send(key, notice);
    }

    /// Ends a connection; what is known of the device stays.
    pub(super) fn interrupt(&self, key: &HubKey, why: &'static str, now: SystemTime) {
        let mut tables = self.tables();
        if let Some(connection) = tables.connections.remove(key) {
            connection.disconnect(Cause::Barred, why);
            tables.traffic(key).changed = Some(now);
        }
    }

    /// The same of a device whose identity is gone: all is forgotten.
    pub(super) fn disconnect(&self, key: &HubKey, why: &'static str) {
        let mut tables = self.tables();
        tables.traffic.remove(key);
        if let Some(connection) = tables.connections.remove(key) {
            connection.disconnect(Cause::Gone, why);
        }
    }

    pub(super) fn disconnect_all(&self, why: &'static str) {
        let tables = std::mem::take(&mut *self.tables());
        let connections = tables.connections.into_values();
        connections.for_each(|connection| connection.disconnect(Cause::Gone, why));
    }

    /// A device did something else than to send a message.
    pub(super) fn note_activity(&self, key: &HubKey, now: SystemTime) {
        self.tables().traffic(key).last_activity = Some(now);
    }

    pub(super) fn count_message(&self, key: &HubKey, now: SystemTime) {
        let mut tables = self.tables();
        let traffic = tables.traffic(key);
        traffic.messages += 1;
        traffic.last_activity = Some(now);
    }

    pub(super) fn messages(&self, key: &HubKey) -> u64 {
        self.tables().traffic.get(key).map(|it| it.messages).unwrap_or_default()
    }

    /// Keeps a message for a device, and tells it; whether there was room.
    pub(super) fn put_message(&self, key: &HubKey, message: DeviceMessage) -> bool {
        let mut tables = self.tables();
        let has_room = tables.traffic(key).mailbox.put(message);
        if has_room {
            tables.send(key, HubNotice::Messages);
        }
        has_room
    }

    /// The messages behind that number.
    pub(super) fn messages_after(&self, key: &HubKey, number: u64) -> Vec<NumberedMessage> {
        let tables = self.tables();
        tables.traffic.get(key).map(|it| it.mailbox.after(number)).unwrap_or_default()
    }

    /// The device has taken a message.
    pub(super) fn complete_message(&self, key: &HubKey, number: u64, now: SystemTime) {
        let mut tables = self.tables();
        let traffic = tables.traffic(key);
        traffic.mailbox.complete(number);
        traffic.last_activity = Some(now);
    }

    /// A back end takes a message back.
    pub(super) fn take_back_message(&self, key: &HubKey, number: u64) {
        self.tables().traffic(key).mailbox.complete(number);
    }

    /// Whether the connection of that number hears methods.
    pub(super) fn take_methods(&self, key: &HubKey, number: u64, takes_methods: bool) {
        let mut tables = self.tables();
        if let Some(connection) = tables.connections.get_mut(key)
            && connection.number == number
        {
            connection.takes_methods = takes_methods;
            self.method_takers.notify_waiters();
        }
    }

    /// Calls a method, and waits for the answer.
    pub(super) async fn call(
        &self,
        key: &HubKey,
        call: MethodCall,
    ) -> Result<MethodAnswer, MethodFault> {
        let MethodCall { name, payload, connect_timeout, response_timeout } = call;
        let begun = async {
            loop {
                let mut ready = std::pin::pin!(self.method_takers.notified());
                ready.as_mut().enable();
                if let Some(begun) = self.begin(key, &name, &payload) {
                    return begun;
                }
                ready.await;
            }
        };
        let (rid, answer) = tokio::time::timeout(connect_timeout, begun)
            .await
            .map_err(|_| MethodFault::NotOnline)?;
        match tokio::time::timeout(response_timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            // Its connection ended, or it does not listen to this method.
            Ok(Err(_)) => Err(MethodFault::NotOnline),
            Err(_) => {
                self.forget_call(key, &rid);
                Err(MethodFault::Timeout)
            }
        }
    }

    /// Tells the device of a call, if it takes methods.
    fn begin(
        &self,
        key: &HubKey,
        name: &str,
        payload: &Arc<str>,
    ) -> Option<(String, oneshot::Receiver<MethodAnswer>)> {
        let mut tables = self.tables();
        let rid = format!("{:x}", tables.calls + 1);
        let connection = tables.connections.get_mut(key).filter(|it| it.takes_methods)?;
        let (sender, answer) = oneshot::channel();
        connection.calls.insert(rid.clone(), sender);
        tables.calls += 1;
        let (name, payload) = (name.to_owned(), payload.clone());
        tables.send(key, HubNotice::Method { rid: rid.clone(), name, payload });
        Some((rid, answer))
    }

    /// The device answers a call; whether anybody waits for it.
    pub(super) fn answer_call(&self, key: &HubKey, rid: &str, answer: MethodAnswer) -> bool {
        self.take_call(key, rid).is_some_and(|waiting| waiting.send(answer).is_ok())
    }

    /// Nobody waits for the answer to a call any more, or none will come.
    pub(super) fn forget_call(&self, key: &HubKey, rid: &str) {
        drop(self.take_call(key, rid));
    }

    fn take_call(&self, key: &HubKey, rid: &str) -> Option<oneshot::Sender<MethodAnswer>> {
        self.tables().connections.get_mut(key)?.calls.remove(rid)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.tables)
    }
}

impl Connection {
    /// If too many notices are unread, their end says the same.
    fn disconnect(self, cause: Cause, why: &'static str) {
        let _ = self.notices.try_send(HubNotice::Disconnect { cause, why });
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn key() -> HubKey {
        HubKey::new(&"hub.net".parse().unwrap(), &"pump".parse().unwrap())
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn desired(version: u64) -> HubNotice {
        HubNotice::Desired { version, patch: Arc::from("{}") }
    }

    fn call(connect: u64, response: u64) -> MethodCall {
        MethodCall {
            name: "reboot".to_owned(),
            payload: Arc::from("null"),
            connect_timeout: Duration::from_secs(connect),
            response_timeout: Duration::from_secs(response),
        }
    }

    #[test]
    fn i_the_newer_connection_drops_the_older() {
        let connections = Connections::default();
        let mut first = connections.open(&key(), 1, at(1));
        let mut second = connections.open(&key(), 2, at(2));

        connections.close(&key(), 1, at(3));
        connections.send(&key(), desired(2));

        assert!(matches!(
            first.try_recv(),
            Ok(HubNotice::Disconnect { cause: Cause::Elsewhere, .. })
        ));
        assert!(matches!(second.try_recv(), Ok(HubNotice::Desired { version: 2, .. })));
        connections.close(&key(), 2, at(4));
        assert!(!connections.presence(&key()).is_online);
    }

    #[test]
    fn a_device_that_reads_nothing_loses_its_connection_and_nobody_waits_for_it() {
        let connections = Connections::default();
        let mut notices = connections.open(&key(), 1, at(1));

        (0..2 * MAX_UNREAD as u64).for_each(|version| connections.send(&key(), desired(version)));

        assert!(!connections.presence(&key()).is_online);
        let read = std::iter::from_fn(|| notices.try_recv().ok()).count();
        assert_eq!(read, MAX_UNREAD);
        assert!(matches!(notices.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }

    #[test]
    fn messages_are_counted_until_the_identity_goes() {
        let connections = Connections::default();
        (0..3).for_each(|_| connections.count_message(&key(), at(1)));

        assert_eq!(connections.messages(&key()), 3);
        connections.interrupt(&key(), "disabled", at(2));
        assert_eq!(connections.messages(&key()), 3);
        connections.disconnect(&key(), "gone");
        assert_eq!(connections.messages(&key()), 0);
    }

    #[test]
    fn i_the_last_activity_is_to_connect_and_to_send() {
        let connections = Connections::default();
        let presence = |is_online, changed, last_activity| Presence {
            is_online,
            changed: Some(at(changed)),
            last_activity: Some(at(last_activity)),
            waiting: 0,
        };
        assert_eq!(connections.presence(&key()), Presence::default());

        let _notices = connections.open(&key(), 1, at(1));
        assert_eq!(connections.presence(&key()), presence(true, 1, 1));
        connections.count_message(&key(), at(2));
        assert_eq!(connections.presence(&key()), presence(true, 1, 2));
        connections.close(&key(), 1, at(3));
        assert_eq!(connections.presence(&key()), presence(false, 3, 2));
    }

    #[tokio::test]
    async fn i_a_method_is_answered_by_the_device_under_the_hubs_name_for_it() {
        let connections = Connections::default();
        let mut notices = connections.open(&key(), 1, at(1));
        connections.take_methods(&key(), 1, true);
        let answer = MethodAnswer { status: 200, payload: b"{}".to_vec() };
        let device = async {
            let Some(HubNotice::Method { rid, name, .. }) = notices.recv().await else { panic!() };
            assert_eq!(name, "reboot");
            assert!(!connections.answer_call(&key(), "other", answer.clone()));
            assert!(connections.answer_call(&key(), &rid, answer.clone()));
            assert!(!connections.answer_call(&key(), &rid, answer.clone()), "once");
        };

        let pump = key();
        let (told, ()) = tokio::join!(connections.call(&pump, call(0, 30)), device);

        assert_eq!(told, Ok(answer.clone()));
    }

    #[tokio::test]
    async fn i_a_method_waits_for_the_device_to_connect_and_then_for_its_answer() {
        let connections = Connections::default();
        assert_eq!(connections.call(&key(), call(0, 30)).await, Err(MethodFault::NotOnline));
        let _deaf = connections.open(&key(), 1, at(1));
        assert_eq!(connections.call(&key(), call(0, 30)).await, Err(MethodFault::NotOnline));

        let device = async {
            let notices = connections.open(&key(), 2, at(2));
            connections.take_methods(&key(), 1, true);
            connections.take_methods(&key(), 2, true);
            notices
        };
        let pump = key();
        let (told, notices) = tokio::join!(connections.call(&pump, call(300, 0)), device);
        assert_eq!(told, Err(MethodFault::Timeout));
        assert_eq!(notices.len(), 1);
        assert!(connections.tables().connections[&key()].calls.is_empty(), "forgotten");

        let gone = async { connections.interrupt(&key(), "gone", at(3)) };
        let (told, ()) = tokio::join!(connections.call(&pump, call(0, 30)), gone);
        assert_eq!(told, Err(MethodFault::NotOnline));
    }
}
