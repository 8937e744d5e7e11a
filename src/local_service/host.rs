//! The thread on which a local service runs, with a runtime of its own (J-155).
//!
//! Knows nothing of what runs there.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Something at work on a thread of its own, until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Host {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Makes something on a new thread, and keeps its runtime running until the end. `done` is told
    /// what was made, on that thread.
    ///
    /// # Errors
    ///
    /// If no thread can be had; `done` is dropped then.
    pub(crate) fn launch<T, F>(make: F, done: impl FnOnce(T) + Send + 'static) -> io::Result<Self>
    where
        F: Future<Output = T> + Send + 'static,
    {
        // One thread is enough, and many services may run side by side.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let work = move || {
            runtime.block_on(async {
                done(make.await);
                // An error is a stop too: the host is gone.
                let _ = stopped.await;
            });
            // Sockets close here. An allocation function that is not done is not waited for.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("local-service".to_owned()).spawn(work)?;
        Ok(Self { runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// What comes of `work`, or `None` if that takes too long, or the host was stopped. May be
    /// awaited anywhere, also without a runtime.
    pub(super) async fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.runtime.spawn(async move { timeout(limit, work).await.ok() }).await.ok()?
    }

    /// Ends all that is at work, and waits for it.
    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported already.
            let _ = thread.join();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}
