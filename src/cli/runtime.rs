//! What runs the commands that wait for the network.

use tokio::runtime::{Builder, Runtime};

use super::report::Report;

/// A runtime of one thread: a registration is one thing at a time.
pub(crate) fn small_runtime() -> Result<Runtime, Report> {
    Builder::new_current_thread().enable_all().build().map_err(Report::internal)
}

/// What comes of some work, on such a runtime.
pub(crate) fn run_to_end<T>(work: impl Future<Output = T>) -> Result<T, Report> {
    let runtime = small_runtime()?;
    let done = runtime.block_on(work);
    // A name lookup that hangs cannot be called off; it must not hold up the end.
    runtime.shutdown_background();
    Ok(done)
}
