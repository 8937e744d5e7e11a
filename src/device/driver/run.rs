//! The transport that the settings name.

use super::auto;
use super::clock::Clock;
use super::proof::Proof;
use super::single::{Task, run_over};
use crate::device::error::Error;
use crate::device::exchange::{Notice, Registered};
use crate::device::settings::Settings;
use crate::device::transport::Transport;

/// Runs one registration to its end, by the transport that the settings name.
pub(in crate::device) async fn run(
    settings: &Settings,
    task: &Task,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Registered, Error> {
    let _turn = settings.sources.clock.turn();
    let clock = Clock::start(settings, settings.timeout);
    if settings.has_tpm() && !settings.transport.is_for_tpms() {
        return Err(Error::NotForTpm(settings.transport));
    }
    let proof = Proof::begin(settings, &clock).await?;
    match settings.transport {
        Transport::Auto => Box::pin(auto::run(proof, task, clock, notify)).await,
        transport => run_over(transport, proof, task, clock, notify).await,
    }
}
