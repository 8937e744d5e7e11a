//! The signals with which a user ends what goes on by itself.

use super::report::Report;

/// Waits for SIGINT or SIGTERM, as often as they come. Made before anybody can know that the service is ready, because
/// until then a signal ends the process at once.
pub(crate) struct StopSignal {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Self, Report> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Report::internal)?,
            terminate: signal(SignalKind::terminate()).map_err(Report::internal)?,
        })
    }

    #[cfg(unix)]
    pub(crate) async fn received(&mut self) -> Result<(), Report> {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Result<Self, Report> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(crate) async fn received(&mut self) -> Result<(), Report> {
        tokio::signal::ctrl_c().await.map_err(Report::internal)
    }
}
