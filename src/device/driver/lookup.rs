//! The lookup of a registration, over HTTPS (B.1) or AMQP: one question, asked again while the service is busy.
//!
//! Nothing here starts or continues an operation; that is the state machine's.

use std::time::Duration;

use super::carrier::{OverTls, OverWebSocket};
use super::clock::Clock;
use super::found::{Found, Stop};
use super::proof::Proof;
use super::{amqp, https};
use crate::device::backoff::Backoff;
use crate::device::error::{Breach, Deadline, Error, NetworkError, Rejection, Waiting};
use crate::device::exchange::{Looked, Notice};
use crate::device::phase::ConnectPhase;
use crate::device::reading::{assignment, bad_body, check_device};
use crate::device::registration::PATIENCE;
use crate::device::settings::Settings;
use crate::device::transport::Transport;
use crate::wire::{DeviceRegistrationResult, RegistrationId, Status, from_json_object};

/// How many connections in a row may end without any answer.
const MAX_UNANSWERED: u32 = 3;

/// Asks until there is an answer that says something.
pub(in crate::device) async fn look_up(
    settings: &Settings,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Looked, Error> {
    let _turn = settings.sources.clock.turn();
    let mut clock = Clock::start(settings, settings.timeout);
    let mut proof = Proof::begin(settings, &clock).await?;
    let mut backoff = Backoff::new(settings.jitter());
    let mut waiting_for = Waiting::Connect(ConnectPhase::Dns);
    let mut last_busy = None;
    let mut unanswered = 0;
    loop {
        let (kept, deadline) = (clock.clone(), clock.deadline());
        let asking = ask(&mut proof, &mut clock, &mut waiting_for, notify);
        let reply = match kept.until(deadline, asking).await {
            Some(Ok(reply)) => reply,
            Some(Err(Stop::Lost)) => {
                unanswered += 1;
                if unanswered == MAX_UNANSWERED {
                    return Err(NetworkError::Unanswered { tries: unanswered }.into());
                }
                continue;
            }
            Some(Err(Stop::Silent)) => {
                let wait = backoff.after_loss();
                notify(silence(&waiting_for, wait));
                if wait >= clock.left() {
                    return Err(late(settings, waiting_for, last_busy, None));
                }
                clock.sleep_until(clock.at(clock.elapsed().saturating_add(wait))).await;
                continue;
            }
            Some(Err(Stop::Ended(error))) => return Err(error),
            None => return Err(late(settings, waiting_for, last_busy, None)),
        };
        let rejection = || Rejection::read(reply.status, &reply.body);
        match reply.status {
            200..=299 => return looked(&reply, &settings.registration_id),
            401 => return Err(Error::Unauthorized(rejection())),
            429 | 500..=599 => {
                let (rejection, wait) = (rejection(), backoff.after_busy(reply.retry_after));
                waiting_for = Waiting::Busy(rejection.to_string());
                last_busy = Some(rejection.clone());
                notify(Notice::Busy { rejection, wait });
                if wait >= clock.left() {
                    return Err(late(settings, waiting_for, last_busy, reply.retry_after));
                }
                clock.sleep_until(clock.at(clock.elapsed().saturating_add(wait))).await;
            }
            400..=499 => return Err(Error::Rejected(rejection())),
            status => return Err(Breach::StatusCode { status }.into()),
        }
    }
}

/// One question over the transport that the settings name, where that can ask it.
async fn ask(
    proof: &mut Proof<'_>,
    clock: &mut Clock,
    waiting_for: &mut Waiting,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Found, Stop> {
    match proof.settings().transport {
        Transport::Amqp => amqp::ask::<OverTls>(proof, clock, waiting_for, notify).await,
        Transport::AmqpWs => amqp::ask::<OverWebSocket>(proof, clock, waiting_for, notify).await,
        Transport::Mqtt | Transport::MqttWs | Transport::Https | Transport::Auto => {
            https::ask(proof, clock, waiting_for, notify).await
        }
    }
}

/// What an observer is told of a silence.
fn silence(waiting_for: &Waiting, wait: Duration) -> Notice {
    match waiting_for {
        Waiting::Connect(phase) => Notice::Silent { phase: *phase, after: PATIENCE, wait },
        other => Notice::Lost { why: format!("{other} within {} s", PATIENCE.as_secs()), wait },
    }
}

fn looked(found: &Found, id: &RegistrationId) -> Result<Looked, Error> {
    let state: DeviceRegistrationResult = from_json_object(&found.body)
        .map_err(|error| bad_body(found.status, &found.body, &error))?;
    check_device(&state, id)?;
    let is_assigned = state.status == Some(Status::Assigned);
    let assignment = is_assigned.then(|| assignment(&state, "")).transpose()?;
    Ok(Looked { state, assignment, body: String::from_utf8_lossy(&found.body).into_owned() })
}

fn late(
    settings: &Settings,
    waiting_for: Waiting,
    last_busy: Option<Rejection>,
    asked_to_wait: Option<Duration>,
) -> Error {
    Error::Deadline(Box::new(Deadline {
        after: settings.timeout,
        waiting_for,
        operation_id: None,
        last_busy,
        asked_to_wait,
        foreign_answers: 0,
    }))
}
