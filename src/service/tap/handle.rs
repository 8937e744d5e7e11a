//! Who is told.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::moment::{WireEvent, WireMoment};

/// Somebody who is told of everything that goes over the wire. Called from within the service: must be
/// quick. [`Default`] is nobody.
#[derive(Clone, Default)]
pub struct Tap(Option<Arc<Tell>>);

type Tell = dyn Fn(WireEvent) + Send + Sync;

impl Tap {
    /// Calls `tell` for everything that happens.
    pub fn new(tell: impl Fn(WireEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Whether somebody is told.
    pub(in crate::service) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Tells what happens on a connection; `moment` is made only if somebody wants to know.
    pub(in crate::service) fn tell(&self, connection: u64, moment: impl FnOnce() -> WireMoment) {
        if let Some(tell) = &self.0 {
            tell(WireEvent { at: Instant::now(), connection, moment: moment() });
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Tap(on)" } else { "Tap(off)" })
    }
}
