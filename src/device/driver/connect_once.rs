//! One connection, opened and closed again: how far a device gets before it asks for anything.

use std::time::Duration;

use super::carrier::{OverTls, OverWebSocket};
use super::clock::Clock;
use super::drive::Driver;
use super::proof::Proof;
use super::{amqp, https, mqtt};
use crate::device::error::{Deadline, Error, NetworkError, Waiting};
use crate::device::exchange::{ConnectFailure, Event};
use crate::device::registration::PATIENCE;
use crate::device::settings::Settings;
use crate::device::transport::Transport;

/// Connects as a registration does, within a time, and leaves; `Auto` counts as the default.
pub(in crate::device) async fn connect_once(
    settings: &Settings,
    transport: Transport,
    within: Duration,
) -> Result<(), Error> {
    let clock = Clock::start(settings, within);
    let kept = clock.clone();
    let proof = Proof::begin(settings, &clock).await?;
    let opened = match transport {
        Transport::Mqtt | Transport::Auto => open(mqtt::Driver::<OverTls>::new(proof, clock)).await,
        Transport::MqttWs => open(mqtt::Driver::<OverWebSocket>::new(proof, clock)).await,
        Transport::Https => open(https::Driver::new(proof, clock)).await,
        Transport::Amqp => open(amqp::Driver::<OverTls>::new(proof, clock)).await,
        Transport::AmqpWs => open(amqp::Driver::<OverWebSocket>::new(proof, clock)).await,
    };
    // A step may have been given up before all time was.
    let after = if kept.left().is_zero() { within } else { PATIENCE };
    opened.map_err(|failure| error(failure, after))
}

async fn open(mut driver: impl Driver) -> Result<(), ConnectFailure> {
    let event = driver.connect(&mut |_| {}).await;
    driver.close().await;
    match event {
        Event::ConnectFailed(failure) => Err(failure),
        _ => Ok(()),
    }
}

/// What it means for a device that tries once.
fn error(failure: ConnectFailure, after: Duration) -> Error {
    match failure {
        ConnectFailure::Network(error) => error.into(),
        ConnectFailure::Refused(code) => Error::ConnectRefused { code, tries: 1 },
        ConnectFailure::SaslRefused(code) => Error::SaslRefused { code },
        ConnectFailure::Broken(breach) => breach.into(),
        ConnectFailure::Unsigned(error) => error.into(),
        ConnectFailure::Tpm(error) => error.into(),
        ConnectFailure::Unanswered { tries } => NetworkError::Unanswered { tries }.into(),
        ConnectFailure::TimedOut(phase) => Error::Deadline(Box::new(Deadline {
            after,
            waiting_for: Waiting::Connect(phase),
            operation_id: None,
            last_busy: None,
            asked_to_wait: None,
            foreign_answers: 0,
        })),
    }
}
