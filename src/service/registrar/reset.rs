//! Back to the beginning without a restart: for tests that share one service.

use super::core::Registrar;
use crate::service::enrollment::Enrollments;
use crate::service::lock::lock;
use crate::service::store::{Batch, Change, StoreError};

impl Registrar {
    /// Forgets all device records, identities on hubs, the journal and the devices seen; the
    /// enrollments and the faults on demand are those of the start again. Operations in progress end without a
    /// result: their webhook calls are given up, and their devices are told at the next poll that
    /// there is no such operation. When this returns, nothing of before is left and nothing of it
    /// is still to come (J-99).
    ///
    /// # Errors
    ///
    /// If the stored state cannot be changed.
    pub(in crate::service) async fn reset(&self) -> Result<(), StoreError> {
        // Registrations that are beginning are waited for, and others do not begin.
        let _closed = self.gate.write().await;
        self.abandon_tasks().await;
        self.operations.forget_all();
        let changes = self.read_enrollments(|now| back_to(&self.initial, now));
        self.store.commit(changes).await?;
        self.hubs().disconnect_all("the service was reset");
        lock(&self.seen).forget();
        self.challenges.forget_all();
        self.journal.clear();
        self.faults.restart();
        tracing::info!("everything but the configuration is forgotten");
        Ok(())
    }
}

/// What makes `initial` of `now`, and leaves no device.
fn back_to(initial: &Enrollments, now: &Enrollments) -> Batch {
    let gone = now.iter().filter(|it| initial.find(it.kind(), it.name()).is_none());
    let removals = gone.map(|it| Change::RemoveEnrollment(it.kind(), it.name().to_owned()));
    let restored = initial.iter().cloned().map(Change::PutEnrollment);
    std::iter::once(Change::ForgetDevices).chain(removals).chain(restored).collect()
}
