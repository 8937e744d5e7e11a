//! Reads the devices of a fleet ahead of their beginning, on a thread of its own: standard input may
//! keep it waiting.

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::member::{ListError, Member, Members};

/// How many devices are read ahead.
const AHEAD: usize = 64;

/// Devices, as they are read.
pub(super) struct ReadAhead {
    source: mpsc::Receiver<Result<Member, ListError>>,
    /// All that were there when they were last asked for: waking the thread for each device that is
    /// taken from it would cost more than reading it.
    taken: std::vec::IntoIter<Result<Member, ListError>>,
}

impl ReadAhead {
    /// Begins to read, on the runtime that it is called on.
    pub(super) fn start(members: Members) -> Self {
        let (sender, source) = mpsc::channel(AHEAD);
        spawn_blocking(move || {
            for member in members {
                if sender.blocking_send(member).is_err() {
                    break;
                }
            }
        });
        Self { source, taken: Vec::new().into_iter() }
    }

    /// The next device; `None` after the last. May be dropped while it waits: none is lost.
    pub(super) async fn next(&mut self) -> Option<Result<Member, ListError>> {
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
    use super::super::{Shard, numbered};
    use super::*;

    #[tokio::test]
    async fn all_come_and_in_their_order() {
        let count = 3 * AHEAD as u64 + 1;
        let members = numbered("a-{n}".parse().unwrap(), count, Shard::WHOLE);
        let mut ahead = ReadAhead::start(members);

        for number in 0..count {
            assert_eq!(ahead.next().await.unwrap().unwrap().number, number);
        }
        assert!(ahead.next().await.is_none());
        assert!(ahead.next().await.is_none(), "and stays so");
    }
}
