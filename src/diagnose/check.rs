//! The list of checks, and the loop that runs it.

use std::pin::Pin;
use std::time::Instant;

use super::finding::{Finding, Outcome};
use super::subject::{Known, Port, Subject};
use super::{clock, connect, input, socket, tls};
use crate::device::{Class, ProvisioningClient};
use crate::sources::Clock;

type Running<'a> = Pin<Box<dyn Future<Output = Finding> + Send + 'a>>;

/// A name, and how to find out.
struct Check {
    name: &'static str,
    /// The port that it is about, if it is about one.
    port: Option<Port>,
    run: for<'a> fn(&'a Subject, &'a mut Known) -> Running<'a>,
}

const CLOCK: &str = "clock";

/// All checks, in the order in which they are made.
const CHECKS: &[Check] = &[
    Check {
        name: "id-scope",
        port: None,
        run: |subject, _| Box::pin(async { input::id_scope(&subject.context) }),
    },
    Check {
        name: "reg-id",
        port: None,
        run: |subject, _| Box::pin(async { input::registration_id(&subject.context) }),
    },
    Check {
        name: "identity",
        port: None,
        run: |subject, _| Box::pin(input::identity(&subject.context, Clock::system().now())),
    },
    Check { name: "dns", port: None, run: |subject, known| Box::pin(socket::dns(subject, known)) },
    Check {
        name: "tcp-mqtt",
        port: Some(Port::Mqtt),
        run: |subject, known| Box::pin(socket::tcp(subject, known, Port::Mqtt)),
    },
    Check {
        name: "tcp-https",
        port: Some(Port::Https),
        run: |subject, known| Box::pin(socket::tcp(subject, known, Port::Https)),
    },
    Check {
        name: "tcp-amqp",
        port: Some(Port::Amqp),
        run: |subject, known| Box::pin(socket::tcp(subject, known, Port::Amqp)),
    },
    Check {
        name: "tls-mqtt",
        port: Some(Port::Mqtt),
        run: |subject, known| Box::pin(tls::handshake(subject, known, Port::Mqtt)),
    },
    Check {
        name: "tls-https",
        port: Some(Port::Https),
        run: |subject, known| Box::pin(tls::handshake(subject, known, Port::Https)),
    },
    Check {
        name: "tls-amqp",
        port: Some(Port::Amqp),
        run: |subject, known| Box::pin(tls::handshake(subject, known, Port::Amqp)),
    },
    Check { name: CLOCK, port: None, run: |subject, known| Box::pin(clock::check(subject, known)) },
    Check {
        name: "connect",
        port: None,
        run: |subject, known| Box::pin(connect::check(subject, known)),
    },
    Check {
        name: "register",
        port: None,
        run: |subject, known| Box::pin(register(subject, known)),
    },
];

/// Makes all checks one after the other; `tell` gets each outcome as it comes.
pub async fn diagnose(mut subject: Subject, mut tell: impl FnMut(&Outcome)) -> Vec<Outcome> {
    let mut known = Known::default();
    let mut outcomes = Vec::with_capacity(CHECKS.len());
    let ports = subject.ports();
    let is_of_use = |check: &&Check| check.port.is_none_or(|port| ports.contains(&port));
    for check in CHECKS.iter().filter(is_of_use) {
        let started = Instant::now();
        let finding = (check.run)(&subject, &mut known).await;
        let finding = shortened(finding, &outcomes);
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // What is known of the clock helps to explain what comes after.
        subject.context.skew = known.skew;
        known.clock_failed |= check.name == CLOCK && finding.class.is_some();
        let outcome = Outcome { check: check.name, finding, ms };
        tell(&outcome);
        outcomes.push(outcome);
    }
    outcomes
}

/// What an earlier check has told of the same trouble is not told again.
fn shortened(finding: Finding, outcomes: &[Outcome]) -> Finding {
    let same =
        |outcome: &&Outcome| finding.advice.is_some() && outcome.finding.advice == finding.advice;
    let Some(earlier) = outcomes.iter().find(same) else { return finding };
    let first = finding.finding.split("; ").next().unwrap_or_default().to_owned();
    Finding { finding: first, advice: Some(format!("as for {}", earlier.check)), ..finding }
}

/// Really registers the device, as `register` does.
async fn register(subject: &Subject, known: &mut Known) -> Finding {
    if !subject.may_register {
        return Finding::skip("not wanted (--no-register); keys are judged only by registering");
    }
    if !known.is_connected {
        return Finding::skip("needs a connection that the service accepts");
    }
    let client = ProvisioningClient::new(subject.settings.clone());
    match client.register(&mut |_| {}).await {
        Ok(registered) => Finding::ok(format!(
            "the device is really registered now: {}, deviceId: {}",
            registered.assigned_hub, registered.device_id
        )),
        // A token or certificate that is judged by a wrong clock says nothing of the key.
        Err(error) if known.clock_failed && error.class() == Class::Identity => {
            Finding::fail(Class::Identity, error.to_string())
                .advice("set the clock first (see clock), then judge the key or the certificate")
        }
        Err(error) => Finding::of_error(&error, &subject.context),
    }
}
