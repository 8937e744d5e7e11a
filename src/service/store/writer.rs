//! Writes batches to the disk on a thread of its own, as many at once as have come together
//! meanwhile: a disk that needs 5 ms to be certain does so for all of them.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::memory::Memory;
use super::{Batch, Durable, StoreError};

/// Most batches that are written at once: bounds what a failure takes with it, and the memory.
const MOST_AT_ONCE: usize = 4096;

struct Order {
    batch: Batch,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The thread's other end. Dropping it waits until all that was handed over is written.
pub(super) struct Writer {
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(disk: impl Durable, memory: Arc<Memory>) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let thread =
            Builder::new().name("state".to_owned()).spawn(move || run(disk, &memory, inbox));
        match thread {
            Ok(thread) => Self { orders: Some(orders), thread: Some(thread) },
            // Every order is then answered with an error, as its receiver is gone.
            Err(error) => {
                tracing::error!("no thread for the state: {error}");
                Self { orders: Some(orders), thread: None }
            }
        }
    }

    pub(super) fn submit(&self, batch: Batch) -> oneshot::Receiver<Result<(), StoreError>> {
        let (answer, receipt) = oneshot::channel();
        if let Some(orders) = &self.orders {
            // If the thread is gone, so is the answer's sender, which the receiver notices.
            let _ = orders.send(Order { batch, answer });
        }
        receipt
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut disk: impl Durable, memory: &Memory, mut inbox: mpsc::UnboundedReceiver<Order>) {
    while let Some(first) = inbox.blocking_recv() {
        let (mut batches, mut answers) = (vec![first.batch], vec![first.answer]);
        while batches.len() < MOST_AT_ONCE
            && let Ok(Order { batch, answer }) = inbox.try_recv()
        {
            batches.push(batch);
            answers.push(answer);
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
    use std::sync::Mutex;

    use super::super::{Change, Store, Stored};
    use super::*;

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
}
