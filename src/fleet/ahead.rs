//! Reads the devices of a fleet ahead of their beginning, on a thread of its own: standard input may
//! keep it waiting. What takes long to be made for a device is made there too, before its time counts.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::blueprint::{Blueprint, MemberError};
use super::member::{ListError, Member, Members};
use super::request::KeyRequest;

/// How many devices are read ahead.
const AHEAD: usize = 64;

/// A device that may begin.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) member: Member,
    /// Its request for a certificate, if it has one.
    pub(super) request: Result<Option<KeyRequest>, MemberError>,
}

/// Devices, as they are read.
pub(super) struct ReadAhead {
    source: mpsc::Receiver<Result<Ready, ListError>>,
    /// All that were there when they were last asked for: waking the thread for each device that is
    /// taken from it would cost more than reading it.
    taken: std::vec::IntoIter<Result<Ready, ListError>>,
}

impl ReadAhead {
    /// Begins to read, on the runtime that it is called on.
    pub(super) fn start(members: Members, blueprint: Arc<Blueprint>) -> Self {
        let (sender, source) = mpsc::channel(AHEAD);
        spawn_blocking(move || {
            for member in members {
                let ready = member.map(|member| Ready {
                    request: blueprint.request(&member),
                    member: blueprint.with_tpm(member),
                });
                if sender.blocking_send(ready).is_err() {
                    break;
                }
            }
        });
        Self { source, taken: Vec::new().into_iter() }
    }

    /// The next device; `None` after the last. May be dropped while it waits: none is lost.
    pub(super) async fn next(&mut self) -> Option<Result<Ready, ListError>> {
        if self.taken.as_slice().is_empty() {
            let mut taken = Vec::new();
            self.source.recv_many(&mut taken, AHEAD).await;
            self.taken = taken.into_iter();
        }
        self.taken.next()
    }
}

#[cfg(test)]
mod tests {
    use super::super::blueprint::testing::blueprint;
    use super::super::{Identity, Requests, Shard, numbered};
    use super::*;

    #[tokio::test]
    async fn all_come_and_in_their_order() {
        let count = 3 * AHEAD as u64 + 1;
        let members = numbered("a-{n}".parse().unwrap(), count, Shard::WHOLE);
        let mut ahead = ReadAhead::start(members, Arc::new(blueprint(Identity::Own)));

        for number in 0..count {
            let ready = ahead.next().await.unwrap().unwrap();
            assert_eq!(ready.member.number, number);
            assert!(matches!(ready.request, Ok(None)), "{ready:?}");
        }
        assert!(ahead.next().await.is_none());
        assert!(ahead.next().await.is_none(), "and stays so");
    }

    #[tokio::test]
    async fn j_490_each_has_its_request_before_it_begins() {
        let pattern = format!("{}-{{n}}", "x".repeat(61));
        let members = numbered(pattern.parse().unwrap(), 101, Shard::WHOLE);
        let wanted = Blueprint { requests: Some(Requests::default()), ..blueprint(Identity::Own) };
        let mut ahead = ReadAhead::start(members, Arc::new(wanted));

        let mut made = 0;
        while let Some(ready) = ahead.next().await {
            let Ready { member, request } = ready.unwrap();
            match member.registration_id.as_str().len() {
                ..=64 => made += usize::from(matches!(request, Ok(Some(_)))),
                _ => assert!(matches!(request, Err(MemberError::Request(_))), "{request:?}"),
            }
        }
        assert_eq!(made, 100, "all whose names fit into a certificate");
    }
}
