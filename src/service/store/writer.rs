//! Writes batches to the disk on a thread of its own, as many at once as have come together
//! meanwhile: a disk that needs 5 ms to be certain does so for all of them.

use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::change::Batch;
use super::durable::{Durable, StoreError};
use super::memory::Memory;
use crate::service::lock::lock;

/// Most batches that are written at once: bounds what a failure takes with it, and the memory.
const MOST_AT_ONCE: usize = 4096;

enum Order {
    Keep(Batch, oneshot::Sender<Result<(), StoreError>>),
    End,
}

/// The thread's other end. Dropping it waits until all that was handed over is written.
pub(super) struct Writer {
    orders: mpsc::UnboundedSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(disk: impl Durable, memory: Arc<Memory>) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let thread =
            Builder::new().name("state".to_owned()).spawn(move || run(disk, &memory, inbox));
        match thread {
            Ok(thread) => Self { orders, thread: Mutex::new(Some(thread)) },
            // Every order is then answered with an error, as its receiver is gone.
            Err(error) => {
                tracing::error!("no thread for the state: {error}");
                Self { orders, thread: Mutex::default() }
            }
        }
    }

    pub(super) fn submit(&self, batch: Batch) -> oneshot::Receiver<Result<(), StoreError>> {
        let (answer, receipt) = oneshot::channel();
        // If the thread is gone, so is the answer's sender, which the receiver notices.
        let _ = self.orders.send(Order::Keep(batch, answer));
        receipt
    }

    /// Waits until all that was handed over is written and the disk is let go. What comes later is
    /// answered with an error.
    pub(super) fn end(&self) {
        let _ = self.orders.send(Order::End);
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(mut disk: impl Durable, memory: &Memory, mut inbox: mpsc::UnboundedReceiver<Order>) {
    let mut has_ended = false;
    while !has_ended && let Some(Order::Keep(batch, answer)) = inbox.blocking_recv() {
        let (mut batches, mut answers) = (vec![batch], vec![answer]);
        while batches.len() < MOST_AT_ONCE
            && !has_ended
            && let Ok(order) = inbox.try_recv()
        {
            match order {
                Order::Keep(batch, answer) => {
                    batches.push(batch);
                    answers.push(answer);
                }
                Order::End => has_ended = true,
            }
        }
        let written = disk.write(&batches);
        match &written {
            Ok(()) => batches.into_iter().for_each(|batch| memory.apply(batch)),
            Err(error) => tracing::error!("{error}"),
        }
        for answer in answers {
            // Whoever no longer waits need not be told.
            let _ = answer.send(written.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::change::Change;
    use super::super::durable::Stored;
    use super::super::records::Store;
    use super::*;
    use crate::service::enrollment::{Kind, read};

    /// Notes how many batches came at once; fails when told to.
    struct Recorder {
        sizes: Arc<Mutex<Vec<usize>>>,
        gate: std::sync::mpsc::Receiver<bool>,
    }

    impl Durable for Recorder {
        fn write(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
            self.sizes.lock().unwrap().push(batches.len());
            match self.gate.recv() {
                Ok(true) => Ok(()),
                _ => Err(StoreError("the disk is full".to_owned())),
            }
        }
    }

    #[tokio::test]
    async fn what_comes_while_the_disk_is_busy_is_written_at_once_and_a_failure_is_told() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = std::sync::mpsc::channel();
        let store = Store::durable(Recorder { sizes: sizes.clone(), gate }, Stored::default());

        let first = store.submit(vec![Change::ForgetDevices]);
        // The disk has taken the first by the time it notes it.
        while sizes.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..5).map(|_| store.submit(Vec::new())).collect();
        open.send(true).unwrap();
        first.kept().await.unwrap();
        open.send(false).unwrap();

        for other in others {
            assert_eq!(other.kept().await, Err(StoreError("the disk is full".to_owned())));
        }
        assert_eq!(*sizes.lock().unwrap(), [1, 5]);
    }

    #[tokio::test]
    async fn what_was_not_kept_is_not_seen_and_the_store_goes_on() {
        let (open, gate) = std::sync::mpsc::channel();
        let store = Store::durable(Recorder { sizes: Arc::default(), gate }, Stored::default());
        let json = br#"{"enrollmentGroupId":"pumps","attestation":{"type":"symmetricKey"}}"#;
        let enrollment = read(Kind::Group, json, UNIX_EPOCH, 7, None).unwrap();
        let put = || vec![Change::PutEnrollment(Arc::new(enrollment.clone()))];

        open.send(false).unwrap();
        store.commit(put()).await.unwrap_err();
        assert_eq!(store.enrollments().iter().count(), 0);

        open.send(true).unwrap();
        store.commit(put()).await.unwrap();
        assert_eq!(store.enrollments().iter().count(), 1);
    }

    #[tokio::test]
    async fn after_the_end_the_disk_is_let_go_and_nothing_is_kept_any_more() {
        let (open, gate) = std::sync::mpsc::channel();
        let store = Store::durable(Recorder { sizes: Arc::default(), gate }, Stored::default());
        open.send(true).unwrap();
        let last = store.submit(Vec::new());

        store.end();

        last.kept().await.unwrap();
        assert!(open.send(true).is_err(), "the disk is still there");
        assert!(store.commit(Vec::new()).await.is_err());
    }
}
