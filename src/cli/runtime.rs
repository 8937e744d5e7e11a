//! What runs the commands that wait for the network.

use super::report::Report;

/// A runtime of one thread: a registration is one thing at a time.
pub(crate) fn small_runtime() -> Result<tokio::runtime::Runtime, Report> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Report::internal)
}
