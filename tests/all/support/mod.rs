//! What the tests share: servers that do as they are told, a service with a world of its own, and the
//! binary in an environment of its own.

use std::time::Duration;

pub(crate) mod amqp;
pub(crate) mod browser;
pub(crate) mod certificate;
pub(crate) mod cli;
pub(crate) mod faults;
pub(crate) mod html;
pub(crate) mod issuing;
pub(crate) mod keys;
pub(crate) mod kill;
pub(crate) mod proxy;
pub(crate) mod scripted;
pub(crate) mod service;
pub(crate) mod tpm;
pub(crate) mod x509;

/// How long anything may take that should happen at once, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// For what ends by itself, on a machine that is busy.
pub const IN_GOOD_TIME: Duration = Duration::from_secs(60);

/// Waits for what must happen.
pub async fn within<F: IntoFuture>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}
