//! Writes down what goes over the wire, for as long as it is worth it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::service::{Tap, WireEvent};

/// Most events that are kept of one run (J-322): a client that asks without a pause has shown by then that
/// it does.
const MAX_EVENTS: usize = 20_000;

/// What went over the wire since it was taken last.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    events: Mutex<Vec<WireEvent>>,
    news: Notify,
}

impl Watch {
    /// What writes into it.
    pub(super) fn tap(&self) -> Tap {
        let watch = self.clone();
        Tap::new(move |event| watch.add(event))
    }

    fn add(&self, event: WireEvent) {
        let mut events = self.events();
        if events.len() < MAX_EVENTS {
            events.push(event);
        }
        drop(events);
        self.0.news.notify_one();
    }

    /// Waits until there is something new.
    pub(super) async fn news(&self) {
        self.0.news.notified().await;
    }

    /// Looks at what there is.
    pub(super) fn look<T>(&self, look: impl FnOnce(&[WireEvent]) -> T) -> T {
        look(&self.events())
    }

    /// Takes what there is.
    pub(super) fn take(&self) -> Vec<WireEvent> {
        std::mem::take(&mut *self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<WireEvent>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::service::WireMoment;

    #[test]
    fn j_322_what_is_kept_of_a_client_without_a_pause_is_bounded() {
        let watch = Watch::default();

        for connection in 0..(MAX_EVENTS + 5) as u64 {
            watch.add(WireEvent { at: Instant::now(), connection, moment: WireMoment::Ping });
        }

        assert_eq!(watch.take().len(), MAX_EVENTS);
        assert_eq!(watch.look(<[WireEvent]>::len), 0);
    }
}
