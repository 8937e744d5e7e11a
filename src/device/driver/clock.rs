//! The machine's times, which are durations since the start, as instants to wait for.

use std::time::{Duration, Instant};

use crate::device::error::NetworkError;
use crate::device::exchange::ConnectFailure;
use crate::device::phase::ConnectPhase;
use crate::device::registration::PATIENCE;
use crate::device::settings::Settings;
use crate::sources;

/// Stands for waits that no clock can tell.
const FAR_OFF: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// When a registration began and must end.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    by: sources::Clock,
    /// Of whom it is known whether anything comes to it, by a clock that stands.
    whose: Option<Box<str>>,
    start: Instant,
    timeout: Duration,
    /// How long the first connection may take to open, if less than everything.
    connect_timeout: Option<Duration>,
}

impl Clock {
    /// Starts now.
    pub(super) fn start(settings: &Settings, timeout: Duration) -> Self {
        let by = &settings.sources.clock;
        let whose = by.stands().then(|| settings.registration_id.folded().into());
        Self { whose, by: by.clone(), start: by.instant(), timeout, connect_timeout: None }
    }

    /// The same start and end; a first connection that takes longer than `connect_timeout` to open
    /// is given up.
    pub(super) fn with_connect_timeout(self, connect_timeout: Option<Duration>) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.by.instant().saturating_duration_since(self.start)
    }

    /// Whether nobody waits for it.
    pub(super) fn stands(&self) -> bool {
        self.by.stands()
    }

    /// The same moment for who guards a socket.
    pub(super) fn real(&self, until: Instant) -> tokio::time::Instant {
        tokio::time::Instant::now() + until.saturating_duration_since(self.by.instant())
    }

    /// What comes of `work`, or none if it is known that nothing comes before.
    pub(super) async fn expect<T>(
        &self,
        until: Instant,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        match &self.whose {
            Some(whose) => self.by.expect(whose, until, work).await,
            None => Some(work.await),
        }
    }

    /// Something else is asked for, which may be answered.
    pub(super) fn attend(&self) {
        if let Some(whose) = &self.whose {
            self.by.attend(whose);
        }
    }

    /// A clock that stands shows that it is so late, at least: it was waited for in earnest.
    pub(super) fn reach(&self, until: Instant) {
        if self.stands() {
            self.by.advance(until.saturating_duration_since(self.by.instant()));
        }
    }

    /// Waits.
    pub(super) async fn sleep_until(&self, until: Instant) {
        self.by.sleep_until(until).await;
    }

    /// What comes of `work`, if it is there by then.
    pub(super) async fn until<T>(
        &self,
        until: Instant,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.by.until(until, work).await
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }

    /// A time of the machine's; one beyond what a clock can tell is as good as one far off.
    pub(super) fn at(&self, since_start: Duration) -> Instant {
        self.start.checked_add(since_start).unwrap_or(self.start + FAR_OFF)
    }

    /// How long something that begins now may take (J-374).
    pub(super) fn patience(&self) -> Duration {
        self.left().min(PATIENCE)
    }

    /// When something that begins now is given up.
    pub(super) fn patience_ends(&self) -> Instant {
        self.by.instant() + self.patience()
    }

    /// When everything ends.
    pub(super) fn deadline(&self) -> Instant {
        self.at(self.timeout)
    }

    /// How long the connection that is being opened may take. Only for the first is that less than
    /// what is left.
    pub(super) fn connect_limit(&mut self) -> ConnectLimit {
        match self.connect_timeout.take() {
            Some(timeout) if timeout < self.left() => {
                ConnectLimit { until: self.by.instant() + timeout, timeout: Some(timeout) }
            }
            _ => ConnectLimit { until: self.deadline(), timeout: None },
        }
    }
}

/// How long the opening of one connection may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectLimit {
    /// When it is given up.
    pub(super) until: Instant,
    timeout: Option<Duration>,
}

impl ConnectLimit {
    /// What it means that time was up in `phase`.
    pub(super) fn failure(self, phase: ConnectPhase) -> ConnectFailure {
        match self.timeout {
            Some(after) => ConnectFailure::Network(NetworkError::NoAnswer { phase, after }),
            None => ConnectFailure::TimedOut(phase),
        }
    }
}
