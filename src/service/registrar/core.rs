//! What a registrar holds, and how it runs its tasks.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::challenges::Challenges;
use super::operations::Operations;
use super::seen::SeenRegistrationIds;
use super::settings::{Pace, RegistrarSettings};
use crate::service::allocation::webhook::WebhookClient;
use crate::service::enrollment::Enrollments;
use crate::service::faults::Faults;
use crate::service::hub::Hubs;
use crate::service::instance::Instance;
use crate::service::issuing::Authorities;
use crate::service::journal::{Journal, Observer};
use crate::service::lock::lock;
use crate::service::quota::Throttle;
use crate::service::reprovision::ResetOnSameHub;
use crate::service::store::Store;
use crate::service::tap::Tap;
use crate::sources::Sources;

/// Takes requests of devices, and finishes what they begin. See the [module](super).
#[derive(Debug)]
pub struct Registrar {
    pub(super) instance: Instance,
    pub(super) store: Arc<Store>,
    pub(super) hubs: Arc<Hubs>,
    pub(in crate::service) journal: Journal,
    /// The enrollments that it began with.
    pub(super) initial: Enrollments,
    /// Held for reading while a registration begins, for writing while everything is forgotten.
    pub(super) gate: tokio::sync::RwLock<()>,
    pub(super) webhooks: WebhookClient,
    pub(super) pace: Pace,
    pub(super) on_same_hub: ResetOnSameHub,
    pub(in crate::service) faults: Faults,
    pub(super) observer: Observer,
    pub(in crate::service) tap: Tap,
    pub(in crate::service) sources: Sources,
    pub(super) operations: Operations,
    pub(super) challenges: Challenges,
    pub(in crate::service) authorities: Arc<Authorities>,
    /// That requests for certificates are ignored was told.
    pub(super) ignored_requests: Once,
    pub(in crate::service) throttle: Throttle,
    pub(super) seen: Mutex<SeenRegistrationIds>,
    pub(super) tasks: Mutex<JoinSet<()>>,
    /// How many connections there were.
    connections: AtomicU64,
}

impl Registrar {
    /// A registrar for `instance`, with what is stored of its enrollments and their devices.
    pub fn new(
        instance: Instance,
        (store, hubs): (Arc<Store>, Arc<Hubs>),
        settings: RegistrarSettings,
    ) -> Self {
        let RegistrarSettings {
            initial,
            webhooks,
            pace,
            on_same_hub,
            suspects,
            quotas,
            authorities,
            faults,
            observer,
            tap,
            sources,
        } = settings;
        Self {
            instance,
            initial,
            store,
            hubs,
            journal: Journal::new(sources.clock.clone()),
            gate: tokio::sync::RwLock::default(),
            webhooks,
            pace,
            on_same_hub,
            faults,
            observer,
            tap,
            sources,
            operations: Operations::default(),
            challenges: Challenges::default(),
            authorities,
            ignored_requests: Once::new(),
            throttle: Throttle::new(quotas),
            seen: Mutex::new(SeenRegistrationIds::new(suspects)),
            tasks: Mutex::default(),
            connections: AtomicU64::default(),
        }
    }

    /// The instance that is served.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// A client has connected from there: what is told of its address, and the number by which requests of
    /// one connection are told from those of another. Which port the client got is chance, too (J-313).
    pub(in crate::service) fn number_client(&self, peer: SocketAddr) -> (SocketAddr, u64) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        match self.sources.chance.is_seeded() {
            true => (SocketAddr::new(peer.ip(), 0), number),
            false => (peer, number),
        }
    }

    /// Reads the enrollments in place. `read` must be quick: registrations wait for it.
    pub(in crate::service) fn read_enrollments<T>(
        &self,
        read: impl FnOnce(&Enrollments) -> T,
    ) -> T {
        read(&self.store.enrollments())
    }

    /// What is kept of devices.
    pub(in crate::service) fn records(&self) -> &Store {
        &self.store
    }

    /// Who calls webhooks.
    #[cfg(feature = "page")]
    pub(in crate::service) fn webhooks(&self) -> &WebhookClient {
        &self.webhooks
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
        lock(&self.tasks).abort_all();
    }

    /// Ends the work in progress, then the store: when this returns, the state is closed.
    pub async fn end(&self) {
        self.abandon_tasks().await;
        let store = self.store.clone();
        // It waits for the disk.
        let _ = tokio::task::spawn_blocking(move || store.end()).await;
    }

    /// Ends the work in progress, and waits until it has ended.
    pub(super) async fn abandon_tasks(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }

    /// Waits for `work`, which goes on if the caller hangs up and its future is dropped: what was
    /// claimed has to be let go, and what was begun to be finished. It only becomes a task of its
    /// own where it has to wait. `None` if it is ended with the service.
    pub(super) async fn run_to_end<T: Send + 'static>(
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

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }
}
