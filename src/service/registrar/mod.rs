//! Takes requests of devices, whatever transport they came by, and sees registrations through.
//!
//! What is decided stands in `registration`, `attest` and `allocation`; here it is done: stored,
//! asked, answered, logged. `desk` answers what devices ask, `work` sees a registration from its
//! acceptance to its result, `refusal` says no, `log` says what happened, `reset` forgets.

mod desk;
mod log;
mod refusal;
mod reset;
mod work;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::service::allocation::webhook::WebhookClient;
use crate::service::attest::Proof;
use crate::service::enrollment::Enrollments;
use crate::service::hub::Hubs;
use crate::service::instance::Instance;
use crate::service::journal::{Journal, Observer};
use crate::service::operations::Operations;
use crate::service::quota::{Quotas, Throttle};
use crate::service::reprovision::ResetOnSameHub;
use crate::service::sightings::Sightings;
use crate::service::store::Store;
use crate::wire::{ApiVersion, IdScope, RegistrationId};

/// What a service may be told about registrations.
#[derive(Debug, Clone)]
pub struct Pace {
    /// What every 202 tells the device to wait.
    pub retry_after: Duration,
    /// How many polls at least are answered `assigning`.
    pub assigning_polls: u32,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Transport {
    /// As MQTT, over TLS or a WebSocket.
    Mqtt,
    /// As HTTPS.
    Https,
}

/// Who asks.
#[derive(Debug)]
pub struct Caller {
    /// Which connection; two requests of one are never at once.
    pub connection: u64,
    /// How it came.
    pub transport: Transport,
    /// The scope it named.
    pub id_scope: IdScope,
    /// The device it says it is.
    pub registration_id: RegistrationId,
    /// Which shape of replies it understands.
    pub api_version: ApiVersion,
    /// What it brings to prove it.
    pub proof: Proof,
}

/// How a registrar goes about its work.
#[derive(Debug)]
pub struct Conduct {
    /// The enrollments of the configuration, to which a reset leads back.
    pub initial: Enrollments,
    /// Asks webhooks.
    pub webhooks: WebhookClient,
    /// What devices are told to wait.
    pub pace: Pace,
    /// What a reset means on the hub that a device has already (J-3).
    pub on_same_hub: ResetOnSameHub,
    /// Registration IDs whose keys are tried, beside those seen, when a token does not match.
    pub suspects: Vec<RegistrationId>,
    /// How often devices and back ends may ask (H.3).
    pub quotas: Quotas,
    /// Who wants to know of every registration.
    pub observer: Observer,
}

/// Sees registrations through. See the [module](self).
#[derive(Debug)]
pub struct Registrar {
    instance: Instance,
    store: Arc<Store>,
    hubs: Arc<Hubs>,
    pub(super) journal: Journal,
    /// The enrollments that it began with.
    initial: Enrollments,
    /// Held for reading while a registration begins, for writing while everything is forgotten.
    gate: tokio::sync::RwLock<()>,
    webhooks: WebhookClient,
    pace: Pace,
    on_same_hub: ResetOnSameHub,
    observer: Observer,
    operations: Operations,
    pub(super) throttle: Throttle,
    // Both are held for a look-up at most, never across an await.
    sightings: Mutex<Sightings>,
    work: Mutex<JoinSet<()>>,
}

impl Registrar {
    /// A registrar for `instance`, with what is stored of its enrollments and their devices.
    pub fn new(
        instance: Instance,
        (store, hubs): (Arc<Store>, Arc<Hubs>),
        conduct: Conduct,
    ) -> Self {
        let Conduct { initial, webhooks, pace, on_same_hub, suspects, quotas, observer } = conduct;
        Self {
            instance,
            initial,
            store,
            hubs,
            journal: Journal::new(),
            gate: tokio::sync::RwLock::default(),
            webhooks,
            pace,
            on_same_hub,
            observer,
            operations: Operations::default(),
            throttle: Throttle::new(quotas),
            sightings: Mutex::new(Sightings::new(suspects)),
            work: Mutex::default(),
        }
    }

    /// The instance that is served.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Reads the enrollments in place. `read` must be quick: registrations wait for it.
    pub(super) fn read_enrollments<T>(&self, read: impl FnOnce(&Enrollments) -> T) -> T {
        read(&self.store.enrollments())
    }

    /// What is kept of devices.
    pub(super) fn records(&self) -> &Store {
        &self.store
    }

    /// The hubs to which devices are assigned.
    pub fn hubs(&self) -> &Arc<Hubs> {
        &self.hubs
    }

    /// The enrollments as they are now.
    pub fn enrollments(&self) -> Enrollments {
        self.read_enrollments(Enrollments::clone)
    }

    /// Ends the work in progress.
    pub fn stop(&self) {
        lock(&self.work).abort_all();
    }

    /// Ends the work in progress, then the store: when this returns, the state is closed.
    pub async fn end(&self) {
        let mut work = std::mem::take(&mut *lock(&self.work));
        work.shutdown().await;
        let store = self.store.clone();
        // It waits for the disk.
        let _ = tokio::task::spawn_blocking(move || store.end()).await;
    }

    /// Waits for `work`, which goes on if the caller hangs up and its future is dropped: what was
    /// claimed has to be let go, and what was begun to be seen through. It only becomes a task of
    /// its own where it has to wait. `None` if it is ended with the service.
    async fn see_through<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let mut work = Box::pin(work);
        if let Some(done) = work.as_mut().now_or_never() {
            return Some(done);
        }
        let (answer, answered) = oneshot::channel();
        self.spawn(async move {
            let _ = answer.send(work.await);
        });
        answered.await.ok()
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.work);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }
}

/// A panic while a lock is held can only come from the allocator; the data is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests;
