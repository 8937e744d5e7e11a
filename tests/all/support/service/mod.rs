//! What the tests of the service share: a service with a world of its own, a device that speaks
//! raw MQTT, tokens made without the library's help, and a webhook that does as it is told.

pub mod back_end;
pub mod client;
pub mod golden;
pub mod setup;
pub mod token;
pub mod webhook;

use std::time::Duration;

/// How long anything may take that should happen at once, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must happen.
pub async fn within<F: IntoFuture>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}
