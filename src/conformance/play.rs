//! One run of a client, from its start to its end.

use std::io;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::time::{sleep, sleep_until, timeout};
use zeroize::Zeroizing;

use super::case::Setup;
use super::observation::Observation;
use super::stage::{PAYLOAD, Stage, StageError};
use super::watch::Watch;
use crate::child::{DeviceFacts, End, PlaceholderError, Program, Running, placeholders};
use crate::service::{WireEvent, WireMoment};

/// How long the service may take to notice the last words of a client that has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a case cannot be played.
#[derive(Debug, Error)]
pub enum PlayError {
    /// The command line names what is not there.
    #[error(transparent)]
    Placeholder(#[from] PlaceholderError),
    /// There is no such program, or it must not be run.
    #[error("cannot run {program}: {source}")]
    Command {
        /// Its name.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// There is no service.
    #[error(transparent)]
    Stage(#[from] StageError),
}

/// What was seen, and what the client printed.
pub(super) struct Run {
    pub(super) observation: Observation,
    pub(super) report: Report,
}

/// What is there to be read about a run.
pub(super) struct Report {
    pub(super) output: String,
    pub(super) errors: String,
    /// The service's journal, as JSON.
    pub(super) journal: String,
}

/// Runs the client once against a service that is up.
pub(super) async fn run(
    stage: &Stage,
    command: &[String],
    setup: &Setup,
    longest: Duration,
) -> Result<Run, PlayError> {
    let program = Program::new(command, &stage.facts())?;
    let limit = setup.limit.unwrap_or(longest).min(longest);
    let began = Instant::now();
    let mut running = program.start(None).map_err(|source| PlayError::Command {
        program: command.first().cloned().unwrap_or_default(),
        source,
    })?;
    let (end, ran_out) = watched(&mut running, &stage.watch, began, (limit, setup.grace)).await;
    let took = began.elapsed();
    let _ = timeout(LAST_WORDS, all_ended(&stage.watch)).await;
    let secrets: [Zeroizing<String>; 1] = [stage.device_key()];
    let errors = running.errors().text(&secrets);
    let observation = Observation {
        began,
        events: stage.watch.take(),
        end,
        took,
        ran_out,
        uncaught: uncaught(&errors),
        id_scope: stage.service.id_scope().to_string(),
        registration_id: stage.registration_id.to_string(),
        payload: (
            PAYLOAD.to_owned(),
            placeholders(command).any(|name| name == DeviceFacts::PAYLOAD),
        ),
    };
    let report =
        Report { output: running.output().text(&secrets), errors, journal: journal(stage) };
    Ok(Run { observation, report })
}

/// Waits for the end of the client: its own, or ours once it was told of its hub and did not end, or once
/// its time is up. Whether that was it.
async fn watched(
    running: &mut Running,
    watch: &Watch,
    began: Instant,
    (limit, grace): (Duration, Duration),
) -> (End, bool) {
    let last = began + limit;
    let mut until = last;
    loop {
        tokio::select! {
            end = running.ended() => return (end, false),
            () = sleep_until(until.into()) => {
                let end = running.stop().await;
                return (end, until == last && end == End::Stopped);
            }
            () = watch.news() => {
                // The first time alone: what comes after it does not make its time longer.
                if until == last && let Some(told) = watch.look(told_of_hub) {
                    until = last.min(told + grace);
                }
            }
        }
    }
}

/// When the device was told of its hub, as the service would have told it by itself.
fn told_of_hub(events: &[WireEvent]) -> Option<Instant> {
    let told = events.iter().find(|event| match &event.moment {
        WireMoment::Answered { answer: Some(answer), .. } => {
            answer.is_true && answer.status == 200 && answer.body.contains("\"assignedHub\"")
        }
        _ => false,
    });
    told.map(|event| event.at)
}

/// Waits until the service knows of the end of every connection.
async fn all_ended(watch: &Watch) {
    loop {
        let open = watch.look(any_open);
        if !open {
            return;
        }
        tokio::select! {
            () = watch.news() => {}
            () = sleep(LAST_WORDS) => return,
        }
    }
}

/// Whether the end of a connection is still to be noticed: of one in its TLS handshake, too, since a client
/// that refuses the service's certificate may be gone before the service has read so.
fn any_open(events: &[WireEvent]) -> bool {
    let count = |is: fn(&WireMoment) -> bool| events.iter().filter(|it| is(&it.moment)).count();
    let opened = count(|moment| matches!(moment, WireMoment::Opened { .. }));
    let over = count(|moment| matches!(moment, WireMoment::Unsecured(_) | WireMoment::Ended(_)));
    opened > over
}

/// What runtimes say of an error that ends a program because nobody has caught it: Node.js, Python, Rust, .NET,
/// Java, Go.
const UNCAUGHT: [&str; 6] = [
    "Node.js v",
    "Traceback (most recent call last)",
    "' panicked at ",
    "Unhandled exception",
    "Exception in thread",
    "goroutine 1 [",
];

/// The first line that says so.
fn uncaught(errors: &str) -> Option<String> {
    let says_so = |line: &&str| UNCAUGHT.iter().any(|mark| line.contains(mark));
    errors.lines().find(says_so).map(|line| line.trim().to_owned())
}

fn journal(stage: &Stage) -> String {
    let entries = stage.service.journal().entries();
    let lines = entries.iter().filter_map(|entry| serde_json::to_string_pretty(&**entry).ok());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::FaultTransport;

    #[test]
    fn a_handshake_whose_end_nobody_has_noticed_yet_is_waited_for() {
        let at = Instant::now();
        let opened = WireMoment::Opened { listener: FaultTransport::Mqtt };
        let mut events = vec![WireEvent { at, connection: 1, moment: opened }];
        assert!(any_open(&events));

        let refused = WireMoment::Unsecured("the client has closed".to_owned());
        events.push(WireEvent { at, connection: 1, moment: refused });
        assert!(!any_open(&events));
    }
}
