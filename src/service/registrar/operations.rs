//! Operations in progress: one a device, and who has to wait for it (J-21).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::watch;

use crate::service::journal::Recording;
use crate::service::lock::lock;
use crate::wire::{OperationId, RegistrationId};

/// An operation whose result the device does not know yet.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: OperationId,
    pub(super) started: Instant,
    pub(super) recording: Recording,
    connection: u64,
    /// Polls that are still to be answered `assigning`, whatever the result.
    polls_left: AtomicU32,
    is_done: watch::Sender<bool>,
}

impl Operation {
    pub(super) fn new(
        id: OperationId,
        connection: u64,
        assigning_polls: u32,
        recording: Recording,
    ) -> Self {
        Self {
            id,
            started: recording.started(),
            recording,
            connection,
            polls_left: AtomicU32::new(assigning_polls),
            is_done: watch::Sender::new(false),
        }
    }

    /// Returns when there is a result.
    pub(super) async fn done(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.is_done.subscribe().wait_for(|done| *done).await;
    }

    /// Whether this poll has to be answered `assigning` although there may be a result.
    pub(super) fn holds_back(&self) -> bool {
        let takes_one = |left: u32| left.checked_sub(1);
        self.polls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, takes_one).is_ok()
    }

    fn is_done(&self) -> bool {
        *self.is_done.borrow()
    }

    fn is_told(&self) -> bool {
        self.is_done() && self.polls_left.load(Ordering::Relaxed) == 0
    }
}

/// What comes of wanting to register.
#[derive(Debug)]
pub(super) enum Claim {
    /// The device was free and is now taken.
    Mine(Arc<Operation>),
    /// The same connection asks again before its first operation ended.
    Repeated(OperationId),
    /// Another connection's operation has to end first.
    Taken(Arc<Operation>),
}

/// The operations in progress.
#[derive(Debug, Default)]
pub(super) struct Operations {
    by_device: Mutex<HashMap<String, Arc<Operation>>>,
}

impl Operations {
    /// Takes the device for a new operation, which `make` makes, unless it is taken already.
    pub(super) fn claim(
        &self,
        registration_id: &RegistrationId,
        connection: u64,
        make: impl FnOnce() -> Operation,
    ) -> Claim {
        let mut operations = self.by_device();
        let key = registration_id.folded();
        match operations.get(&key).filter(|other| !other.is_done()) {
            Some(other) if other.connection == connection => Claim::Repeated(other.id.clone()),
            Some(other) => Claim::Taken(other.clone()),
            None => {
                let mine = Arc::new(make());
                operations.insert(key, mine.clone());
                Claim::Mine(mine)
            }
        }
    }

    /// The device's operation, if it is the one of that name.
    pub(super) fn find(
        &self,
        registration_id: &RegistrationId,
        id: &str,
    ) -> Option<Arc<Operation>> {
        let found = self.by_device().get(&registration_id.folded()).cloned();
        found.filter(|operation| operation.id.as_str() == id)
    }

    /// The operation has a result.
    pub(super) fn finish(&self, registration_id: &RegistrationId, operation: &Operation) {
        operation.is_done.send_replace(true);
        self.forget_if_told(registration_id, operation);
    }

    /// An operation whose result is there, and may be told, need not be remembered.
    pub(super) fn forget_if_told(&self, registration_id: &RegistrationId, operation: &Operation) {
        if !operation.is_told() {
            return;
        }
        let mut operations = self.by_device();
        let key = registration_id.folded();
        if operations.get(&key).is_some_and(|current| current.id == operation.id) {
            operations.remove(&key);
        }
    }

    /// It is as if there had never been one of that name: the device may register anew at once.
    pub(super) fn forget(&self, registration_id: &RegistrationId, id: &str) {
        if let Some(operation) = self.find(registration_id, id) {
            self.by_device().remove(&registration_id.folded());
            operation.is_done.send_replace(true);
        }
    }

    /// Ends them all without a result: whoever waits for one goes on.
    pub(super) fn forget_all(&self) {
        for (_, operation) in self.by_device().drain() {
            operation.is_done.send_replace(true);
        }
    }

    fn by_device(&self) -> MutexGuard<'_, HashMap<String, Arc<Operation>>> {
        lock(&self.by_device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> RegistrationId {
        "Pump-0042".parse().unwrap()
    }

    fn claim(operations: &Operations, connection: u64, polls: u32) -> Claim {
        let id_of_operation = format!("5.{connection}").parse().unwrap();
        operations.claim(&id(), connection, || {
            Operation::new(id_of_operation, connection, polls, Recording::unread())
        })
    }

    #[test]
    fn j_21_a_device_has_one_operation_at_a_time() {
        let operations = Operations::default();

        let Claim::Mine(first) = claim(&operations, 1, 0) else { panic!() };
        assert!(matches!(claim(&operations, 1, 0), Claim::Repeated(same) if same == first.id));
        assert!(matches!(claim(&operations, 2, 0), Claim::Taken(other) if other.id == first.id));

        operations.finish(&id(), &first);
        assert!(matches!(claim(&operations, 2, 0), Claim::Mine(_)));
    }

    #[tokio::test]
    async fn who_waits_for_an_operation_goes_on_when_it_is_forgotten() {
        let operations = Operations::default();
        let Claim::Mine(operation) = claim(&operations, 1, 3) else { panic!() };

        operations.forget_all();

        operation.done().await;
        assert!(operations.find(&id(), "5.1").is_none());
        assert!(matches!(claim(&operations, 2, 0), Claim::Mine(_)));
    }

    #[test]
    fn a_result_that_is_told_is_forgotten_and_one_that_is_held_back_is_not() {
        let operations = Operations::default();
        let Claim::Mine(operation) = claim(&operations, 1, 1) else { panic!() };

        operations.finish(&id(), &operation);
        let found = operations.find(&id(), "5.1").expect("one poll is still to be held back");
        assert!(found.holds_back());
        assert!(!found.holds_back());
        operations.forget_if_told(&id(), &found);

        assert!(operations.find(&id(), "5.1").is_none());
    }
}
