//! The transport that the settings name.

use super::auto;
use super::clock::Clock;
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
    match settings.transport {
        Transport::Auto => Box::pin(auto::run(settings, task, clock, notify)).await,
        transport => run_over(transport, settings, task, clock, notify).await,
    }
}
