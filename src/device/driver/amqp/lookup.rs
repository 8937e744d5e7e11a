//! The lookup of a registration over AMQP: `iotdps-get-registration`, which the service has and no SDK
//! sends.

use super::driver::open;
use super::links::Question;
use super::sign_in::token;
use crate::device::driver::attempt::attempt;
use crate::device::driver::carrier::Carrier;
use crate::device::driver::clock::Clock;
use crate::device::driver::found::{Found, Stop, opening};
use crate::device::driver::progress::Progress;
use crate::device::driver::proof::Proof;
use crate::device::error::{Breach, Error, Waiting};
use crate::device::exchange::{ConnectFailure, Event, Loss, Notice, Refusal};

/// One question on a connection of its own.
pub(in crate::device::driver) async fn ask<C: Carrier>(
    proof: &mut Proof<'_>,
    clock: &mut Clock,
    waiting_for: &mut Waiting,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Found, Stop> {
    let settings = proof.settings();
    let token = token(proof, clock).await?;
    let limit = clock.connect_limit();
    let mut phase = opening(waiting_for, notify);
    let mut progress = Progress::new(&mut phase, &settings.sources.clock);
    let under_way = progress.under_way();
    let opening = Box::pin(open::<C>(proof, clock, token, &mut progress));
    let mut opened = attempt(clock, limit, &under_way, opening).await.map_err(not_opened)?;
    drop(phase);
    let until = clock.real(clock.patience_ends());
    *waiting_for = Waiting::Attach;
    let mut event = opened.attach(until, notify).await;
    if matches!(event, Event::Subscribed) {
        *waiting_for = Waiting::Answer { request: "lookup", acknowledged: false };
        let asked = opened.ask(settings, &Question::LookUp, "lookup".to_owned(), notify).await;
        event = match asked {
            Ok(()) => loop {
                match opened.listen(until, notify).await {
                    Event::Acknowledged => {}
                    event => break event,
                }
            },
            Err(loss) => Event::Lost(loss),
        };
    }
    opened.close(notify).await;
    match event {
        Event::Answer(answer) => {
            Ok(Found { status: answer.status, retry_after: answer.retry_after, body: answer.body })
        }
        Event::Refused(Refusal { status, retry_after, body }) => {
            Ok(Found { status, retry_after, body })
        }
        Event::Broken(breach) => Err(breach.into()),
        Event::Elapsed => Err(Stop::Silent),
        // Nothing else is left but the end of the connection, or of the time, which the caller sees.
        Event::Lost(Loss::Closed | Loss::Reset | Loss::NoPingResponse) | _ => Err(Stop::Lost),
    }
}

fn not_opened(failure: ConnectFailure) -> Stop {
    match failure {
        ConnectFailure::Network(error) => error.into(),
        ConnectFailure::Broken(breach) => breach.into(),
        ConnectFailure::TimedOut(_) => Stop::Silent,
        ConnectFailure::Tpm(error) => error.into(),
        ConnectFailure::SaslRefused(code) => Error::SaslRefused { code }.into(),
        _ => Breach::Packet { reason: "it opened no AMQP connection".to_owned() }.into(),
    }
}
