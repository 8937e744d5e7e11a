//! The lookup of a registration over HTTPS (B.1).

use super::connection::{Connection, Fault};
use super::observed::{received, sent};
use super::request::{self, lookup_body};
use crate::device::driver::attempt::attempt;
use crate::device::driver::clock::Clock;
use crate::device::driver::found::{Found, Stop, opening};
use crate::device::driver::progress::Progress;
use crate::device::driver::proof::Proof;
use crate::device::driver::tls::open_tls;
use crate::device::error::Waiting;
use crate::device::exchange::{ConnectFailure, Event, Notice};
use crate::device::reading::challenge;
use crate::device::stranger::stranger;
use crate::device::traffic::Signed;

/// One question on a connection of its own.
pub(in crate::device::driver) async fn ask(
    proof: &mut Proof<'_>,
    clock: &mut Clock,
    waiting_for: &mut Waiting,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Found, Stop> {
    let settings = proof.settings();
    let mut phase = opening(waiting_for, notify);
    let limit = clock.connect_limit();
    let mut progress = Progress::new(&mut phase, &settings.sources.clock);
    let under_way = progress.under_way();
    let opening = open_tls(settings.destination(), settings.ports.https, &[], &mut progress);
    let stream = match attempt(clock, limit, &under_way, opening).await {
        Ok(stream) => stream,
        Err(ConnectFailure::Network(error)) => return Err(error.into()),
        Err(ConnectFailure::TimedOut(_)) => return Err(Stop::Silent),
        Err(_) => return Err(Stop::Lost),
    };
    drop(phase);
    *waiting_for = Waiting::Answer { request: "lookup", acknowledged: false };
    let mut connection = Connection::new(stream, &settings.sources.clock).await?;
    let mut found = question(&mut connection, proof, clock, notify).await;
    // Once: what its TPM is given now is good for the question itself (B.5).
    if let (Some(_), Ok(answer)) = (proof.platform(), &found)
        && let Some(key) = challenge(answer.status, &answer.body)
    {
        match proof.take_key(key?, clock).await {
            Event::KeyRefused(error) => return Err(error.into()),
            _ => notify(Notice::KeyTaken { for_hub: false }),
        }
        found = question(&mut connection, proof, clock, notify).await;
    }
    connection.close().await;
    found
}

/// The question, and what comes of it.
async fn question(
    connection: &mut Connection,
    proof: &Proof<'_>,
    clock: &Clock,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Found, Stop> {
    let settings = proof.settings();
    let token = proof.token(clock).await?;
    if let Some(signed) = token.as_ref().and_then(Signed::of) {
        notify(Notice::Signed(signed));
    }
    if !connection.is_ready().await {
        return Err(Stop::Lost);
    }
    let body = lookup_body(settings, proof.keys());
    let request = request::lookup(settings, body.clone(), token.as_ref()).ok_or(Stop::Lost)?;
    notify(sent(&request, body));
    let reply = clock.until(clock.patience_ends(), connection.send(request)).await;
    match reply.ok_or(Stop::Silent)? {
        Ok(reply) => {
            notify(received(reply.status, &reply.headers, &reply.body));
            match stranger(reply.status, &reply.headers, &reply.body) {
                Some(breach) => Err(breach.into()),
                None => Ok(Found {
                    status: reply.status,
                    retry_after: reply.retry_after,
                    body: reply.body,
                }),
            }
        }
        Err(Fault::Broken(breach)) => Err(breach.into()),
        Err(Fault::Lost(_)) => Err(Stop::Lost),
    }
}
