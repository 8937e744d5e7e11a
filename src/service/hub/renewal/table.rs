//! The certificates that devices have asked their hub for: one operation for each device, from the moment it
//! is taken up until the device has its answer, or its time is over (I.4).
//!
//! Pure: the time is handed in, and certificates are made elsewhere.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::answer::{Accepted, LastAnswer, NextAnswer};
use super::fault::RenewalFault;
use crate::service::record::HubKey;
use crate::wire::Replace;

/// How long an operation and its answer are kept (J-462).
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A request that was taken up.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service::hub) struct Begun {
    pub(in crate::service::hub) operation: Accepted,
    /// Not if it is the one that is under way already.
    pub(in crate::service::hub) is_new: bool,
}

#[derive(Debug)]
struct Operation {
    rid: String,
    accepted: Accepted,
    /// The answer, and from when on it is told.
    answer: Option<(LastAnswer, SystemTime)>,
    /// The connection on which it was sent. The operation is over then, and kept until the device has
    /// acknowledged its answer.
    sent_on: Option<u64>,
}

/// All operations.
#[derive(Debug, Default)]
pub(in crate::service::hub) struct Renewals {
    operations: HashMap<HubKey, Operation>,
    /// From how many on those are looked for whose time is over.
    crowded: usize,
}

impl Renewals {
    /// Takes up a request, unless another one of the device is under way. The same once more is no other.
    pub(in crate::service::hub) fn begin(
        &mut self,
        key: &HubKey,
        rid: &str,
        replace: Option<&Replace>,
        now: SystemTime,
        new_id: impl FnOnce() -> String,
    ) -> Result<Begun, RenewalFault> {
        let active = self.operations.get(key).filter(|it| it.is_active(now));
        match (active, replace) {
            (Some(active), _) if active.rid == rid => {
                return Ok(Begun { operation: active.accepted.clone(), is_new: false });
            }
            (Some(active), Some(Replace::One(other))) if active.rid != *other => {
                return Err(RenewalFault::NothingToReplace(other.clone()));
            }
            (None, Some(Replace::One(other))) => {
                return Err(RenewalFault::NothingToReplace(other.clone()));
            }
            (Some(active), None) => {
                let (rid, operation) = (active.rid.clone(), active.accepted.clone());
                return Err(RenewalFault::Active { rid, operation });
            }
            (Some(_), Some(_)) | (None, Some(Replace::Any) | None) => {}
        }
        self.sweep(now);
        let expires = now.checked_add(LIFETIME).unwrap_or(now);
        let accepted = Accepted { correlation_id: new_id(), expires };
        let operation = Operation {
            rid: rid.to_owned(),
            accepted: accepted.clone(),
            answer: None,
            sent_on: None,
        };
        self.operations.insert(key.clone(), operation);
        Ok(Begun { operation: accepted, is_new: true })
    }

    /// There is an answer, which is told from `due` on; unless the operation was replaced meanwhile.
    pub(in crate::service::hub) fn finish(
        &mut self,
        key: &HubKey,
        correlation_id: &str,
        answer: LastAnswer,
        due: SystemTime,
    ) {
        if let Some(operation) = self.find(key, correlation_id) {
            operation.answer = Some((answer, due));
        }
    }

    /// What the device is to be told on the connection of that number.
    pub(in crate::service::hub) fn next(
        &mut self,
        key: &HubKey,
        connection: u64,
        now: SystemTime,
    ) -> NextAnswer {
        let Some(operation) = self.operations.get(key) else { return NextAnswer::Nothing };
        if now >= operation.accepted.expires {
            self.operations.remove(key);
            return NextAnswer::Nothing;
        }
        match &operation.answer {
            Some(_) if operation.sent_on == Some(connection) => NextAnswer::Nothing,
            Some((_, due)) if now < *due => NextAnswer::Later(*due),
            Some((answer, _)) => NextAnswer::Now {
                correlation_id: operation.accepted.correlation_id.clone(),
                answer: answer.clone(),
            },
            None => NextAnswer::Nothing,
        }
    }

    /// The answer was sent on that connection. It is kept until the device has taken it: another connection
    /// may have to bring it again.
    pub(in crate::service::hub) fn sent(
        &mut self,
        key: &HubKey,
        correlation_id: &str,
        connection: u64,
    ) {
        if let Some(operation) = self.find(key, correlation_id) {
            operation.sent_on = Some(connection);
        }
    }

    /// The device has its answer, or will not get it.
    pub(in crate::service::hub) fn end(&mut self, key: &HubKey, correlation_id: &str) {
        if self.find(key, correlation_id).is_some() {
            self.operations.remove(key);
        }
    }

    /// A device is gone.
    pub(in crate::service::hub) fn forget(&mut self, key: &HubKey) {
        self.operations.remove(key);
    }

    fn find(&mut self, key: &HubKey, correlation_id: &str) -> Option<&mut Operation> {
        let operation = self.operations.get_mut(key);
        operation.filter(|it| it.accepted.correlation_id == correlation_id)
    }

    /// Drops those whose time is over, each time that there are twice as many.
    fn sweep(&mut self, now: SystemTime) {
        if self.operations.len() >= self.crowded.max(64) {
            self.operations.retain(|_, operation| now < operation.accepted.expires);
            self.crowded = self.operations.len() * 2;
        }
    }
}

impl Operation {
    /// Whether no other may be begun.
    fn is_active(&self, now: SystemTime) -> bool {
        self.sent_on.is_none() && now < self.accepted.expires
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::service::reply::Reply;

    const MINUTE: Duration = Duration::from_secs(60);

    fn key() -> HubKey {
        HubKey::new(&"hub.net".parse().unwrap(), &"pump".parse().unwrap())
    }

    fn at(minutes: u32) -> SystemTime {
        UNIX_EPOCH + MINUTE * minutes
    }

    fn begin(
        table: &mut Renewals,
        rid: &str,
        replace: Option<&str>,
        minutes: u32,
    ) -> Result<Begun, RenewalFault> {
        let replace = replace.map(|it| Replace::read(it).unwrap());
        table.begin(&key(), rid, replace.as_ref(), at(minutes), || format!("of {rid}"))
    }

    fn answer(rid: &str) -> LastAnswer {
        let reply = Reply { status: 200, retry_after: None, body: "{}".to_owned() };
        LastAnswer { rid: rid.to_owned(), reply, is_doubled: false }
    }

    fn next(table: &mut Renewals, connection: u64, minutes: u32) -> Option<String> {
        match table.next(&key(), connection, at(minutes)) {
            NextAnswer::Now { answer, .. } => Some(answer.rid),
            NextAnswer::Nothing | NextAnswer::Later(_) => None,
        }
    }

    #[test]
    fn i_another_request_waits_for_the_first_or_takes_its_place() {
        let mut table = Renewals::default();
        let first = begin(&mut table, "rid-1", None, 0).unwrap();
        assert_eq!((first.is_new, first.operation.expires), (true, at(15)));

        let (rid, operation) = ("rid-1".to_owned(), first.operation.clone());
        let active = Err(RenewalFault::Active { rid, operation });
        assert_eq!(begin(&mut table, "rid-2", None, 1), active);
        let stale = Err(RenewalFault::NothingToReplace("rid-0".to_owned()));
        assert_eq!(begin(&mut table, "rid-2", Some("rid-0"), 1), stale);
        let again = begin(&mut table, "rid-1", None, 1).unwrap();
        assert_eq!(again, Begun { operation: first.operation, is_new: false });

        assert!(begin(&mut table, "rid-2", Some("rid-1"), 2).unwrap().is_new);
        table.finish(&key(), "of rid-1", answer("rid-1"), at(2));
        assert_eq!(next(&mut table, 1, 3), None, "nobody waits for what was replaced");
        assert!(begin(&mut table, "rid-3", Some("*"), 3).unwrap().is_new);
    }

    #[test]
    fn i_what_is_not_under_way_cannot_be_replaced_but_by_a_star() {
        let mut table = Renewals::default();

        let stale = Err(RenewalFault::NothingToReplace("rid-0".to_owned()));
        assert_eq!(begin(&mut table, "rid-1", Some("rid-0"), 0), stale);
        assert!(begin(&mut table, "rid-1", Some("*"), 0).unwrap().is_new);
    }

    #[test]
    fn j_462_an_operation_ends_after_fifteen_minutes_with_its_answer() {
        let mut table = Renewals::default();
        begin(&mut table, "rid-1", None, 0).unwrap();
        table.finish(&key(), "of rid-1", answer("rid-1"), at(10));

        assert_eq!(table.next(&key(), 1, at(9)), NextAnswer::Later(at(10)));
        assert_eq!(next(&mut table, 1, 14).as_deref(), Some("rid-1"));
        assert_eq!(next(&mut table, 1, 15), None);
        assert!(begin(&mut table, "rid-2", None, 15).unwrap().is_new);
    }

    #[test]
    fn j_463_an_answer_comes_again_on_another_connection_until_it_is_acknowledged() {
        let mut table = Renewals::default();
        begin(&mut table, "rid-1", None, 0).unwrap();
        table.finish(&key(), "of rid-1", answer("rid-1"), at(0));
        table.sent(&key(), "of rid-1", 7);

        assert_eq!(next(&mut table, 7, 1), None, "it is on its way");
        assert_eq!(next(&mut table, 8, 1).as_deref(), Some("rid-1"));
        table.end(&key(), "of another");
        assert_eq!(next(&mut table, 8, 1).as_deref(), Some("rid-1"));
        table.end(&key(), "of rid-1");
        assert_eq!(next(&mut table, 9, 1), None);
    }

    #[test]
    fn i_once_the_answer_was_sent_the_next_request_is_taken_up() {
        let mut table = Renewals::default();
        begin(&mut table, "rid-1", None, 0).unwrap();
        table.finish(&key(), "of rid-1", answer("rid-1"), at(0));
        table.sent(&key(), "of rid-1", 7);

        assert!(begin(&mut table, "rid-2", None, 1).unwrap().is_new);
        assert_eq!(next(&mut table, 8, 1), None, "it has asked anew");
        table.forget(&key());
        assert!(begin(&mut table, "rid-3", None, 1).unwrap().is_new);
    }

    #[test]
    fn operations_whose_time_is_over_make_room() {
        let mut table = Renewals::default();
        for n in 0..200_u32 {
            let key = HubKey::new(&"hub.net".parse().unwrap(), &format!("d-{n}").parse().unwrap());
            let time = if n < 100 { at(0) } else { at(60) };
            table.begin(&key, "rid-1", None, time, String::new).unwrap();
        }

        assert!(table.operations.len() < 200, "{}", table.operations.len());
    }
}
