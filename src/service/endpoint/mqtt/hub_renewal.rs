//! A device at its hub that asks for a certificate, and what faults on demand make of it (I.4).

use std::time::Duration;

use bytes::BytesMut;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{Connection, End, Speaker};
use super::hub_connection::HubConnection;
use super::hub_session::Sending;
use super::struck::written;
use crate::service::endpoint::hub_desk::instant;
use crate::service::fault_rule::{FaultPlace, What};
use crate::service::faults::{HangUp, Order, Said, Strike, Verdict};
use crate::service::hub::{LastAnswer, NextAnswer, Renewal};
use crate::service::registrar::Registrar;
use crate::service::reply::{Reply, json_reply};
use crate::sources::Sources;
use crate::text::Foreign;
use crate::wire::{
    CREDENTIALS_FILTER, CREDENTIALS_RID, ErrorCode, IssueFailure, is_credentials_rid,
    nano_timestamp,
};

/// The last answer to a request, or what comes in its place.
struct Last {
    /// None if there is never one.
    answer: Option<LastAnswer>,
    delay: Duration,
    /// How the connection ends instead.
    then: Option<HangUp>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Answers a request for a certificate, and grants it.
    pub(super) async fn renew(&mut self, rid: String, body: Vec<u8>) -> Result<(), End> {
        let strike = self.strike_renewal(FaultPlace::Renew, &rid);
        let what = strike.as_ref().map(|strike| &strike.rule.what);
        let Speaker::Hub(hub) = &mut self.speaker else { return Ok(()) };
        let sources = &self.registrar.sources;
        let instead = what.and_then(|what| what.instead(sources));
        let (verdict, renewal) = match instead {
            Some(verdict) => (verdict, None),
            None => {
                let taken_up = hub.take_up(&self.registrar, &rid, &body);
                let Some((reply, renewal)) = taken_up else { return Ok(()) };
                let verdict = match what {
                    Some(what) => what.instead_of(sources, reply),
                    None => Verdict::Reply(reply),
                };
                (verdict, renewal)
            }
        };
        let session = &mut hub.session;
        let mut write = |reply: &Reply, said: Option<&Said>, out: &mut BytesMut| {
            let rid = said.map_or_else(|| rid.clone(), |said| said.rid(&rid));
            let reply = as_hub_says(sources, what, reply);
            session.answer_certificate(rid, reply.status, &reply.body, out);
        };
        let (bytes, delay, then) = written(&mut self.held, verdict, &mut write);
        self.say(delay, bytes, then).await?;
        match renewal {
            Some(renewal) => self.issue(&renewal, delay).await,
            None => Ok(()),
        }
    }

    /// Grants a request, and says so when it is due: not before the first answer, which comes so much later.
    async fn issue(&mut self, renewal: &Renewal, first_answer: Duration) -> Result<(), End> {
        let strike = self.strike_renewal(FaultPlace::Issue, &renewal.rid);
        let what = strike.as_ref().map(|strike| &strike.rule.what);
        let sources = self.registrar.sources.clone();
        let Speaker::Hub(hub) = &mut self.speaker else { return Ok(()) };
        let Last { answer, delay, then } = hub.last_answer(&self.registrar, renewal, what);
        let delay = match sources.clock.stands() {
            // It has been waited for.
            true => delay,
            false => first_answer.saturating_add(delay),
        };
        if let Some(answer) = answer {
            hub.hubs.keep_certificate(hub.session.key(), renewal, answer, delay);
        }
        if then.is_some() {
            return self.say(delay, BytesMut::new(), then).await;
        }
        if sources.clock.stands() && !delay.is_zero() {
            self.flush().await?;
            sources.clock.sleep(delay).await;
        }
        if let Speaker::Hub(hub) = &mut self.speaker {
            hub.bring_certificate(&mut self.outbox);
        }
        Ok(())
    }

    /// The rule that strikes a request, unless that is not answered anyway.
    fn strike_renewal(&self, place: FaultPlace, rid: &str) -> Option<Strike> {
        let Speaker::Hub(hub) = &self.speaker else { return None };
        if !self.registrar.faults.are_at(place) || hub.no_answer(rid).is_some() {
            return None;
        }
        let device_id = hub.session.key().device_id().as_str();
        self.registrar.strike_at_hub(place, self.transport(), device_id)
    }
}

impl HubConnection {
    /// Grants a request, if no fault on demand has it otherwise.
    fn last_answer(&self, registrar: &Registrar, renewal: &Renewal, what: Option<&What>) -> Last {
        let (hubs, key, sources) = (&self.hubs, self.session.key(), &registrar.sources);
        let instead = what.and_then(|what| what.instead(sources));
        let granted = || {
            let decided = hubs.grant_certificate(key, renewal);
            let is_issued = decided.as_ref().map(|(_, issued)| issued);
            registrar.tell_of_renewal(key, &renewal.rid, is_issued);
            decided.map_or_else(|unissued| unissued.reply, |(reply, _)| reply)
        };
        let verdict = match (instead, what) {
            (Some(verdict), _) => verdict,
            (None, Some(what)) => what.instead_of(sources, granted()),
            (None, None) => Verdict::Reply(granted()),
        };
        let (delay, verdict) = match verdict {
            Verdict::Delay(delay, then) => (delay, *then),
            now => (Duration::ZERO, now),
        };
        let answer = |reply: &Reply, said: Option<&Said>| LastAnswer {
            rid: said.map_or_else(|| renewal.rid.clone(), |said| said.rid(&renewal.rid)),
            reply: as_hub_says(sources, what, reply),
            is_doubled: said.is_some_and(|said| said.order == Order::Twice),
        };
        let (answer, then) = match verdict {
            Verdict::Reply(reply) => (Some(answer(&reply, None)), None),
            Verdict::Say(said) => (Some(answer(&said.reply, Some(&said))), None),
            // It is under way until its time is over. Delays do not come one in the other.
            Verdict::Silence | Verdict::Delay(..) => (None, None),
            Verdict::Lose => {
                hubs.certificate_taken(key, &renewal.correlation_id);
                (None, None)
            }
            // The device finds it on its next connection.
            Verdict::HangUp(how) => (Some(answer(&granted(), None)), Some(how)),
        };
        Last { answer, delay, then }
    }

    /// The first answer to a request, and what there is to grant; none where it is not answered at all, as
    /// the log then says (J-464).
    fn take_up(
        &self,
        registrar: &Registrar,
        rid: &str,
        body: &[u8],
    ) -> Option<(Reply, Option<Renewal>)> {
        let key = self.session.key();
        if let Some(why) = self.no_answer(rid) {
            let name = key.device_id();
            tracing::warn!("{name}: asks for a certificate and is not answered: {why} (J-464)");
            return None;
        }
        Some(self.hubs.ask_for_certificate(key, rid, body).unwrap_or_else(|unissued| {
            registrar.tell_of_renewal(key, rid, Err(&unissued));
            (unissued.reply, None)
        }))
    }

    /// Why a request is not answered, if it is not.
    fn no_answer(&self, rid: &str) -> Option<String> {
        if !self.session.hears_of_certificates() {
            return Some(format!("it is not subscribed to {CREDENTIALS_FILTER}"));
        }
        if !is_credentials_rid(rid) {
            let rid = Foreign::short(rid);
            return Some(format!("its $rid is {rid}, and has to be {CREDENTIALS_RID}"));
        }
        match &self.api_version {
            Some(version) if version.renews_certificates() => None,
            version => {
                let version = version.as_ref().map_or("none".to_owned(), ToString::to_string);
                Some(format!(
                    "the api-version of its user name is {version}; ask with 2025-08-01-preview or a \
                     later one"
                ))
            }
        }
    }

    /// Appends the last answer to a request, if there is one, it is due, and the device listens.
    pub(super) fn bring_certificate(&mut self, out: &mut BytesMut) {
        let key = self.session.key().clone();
        self.certificate_due = None;
        match self.hubs.next_certificate(&key, self.connection) {
            NextAnswer::Nothing => {}
            NextAnswer::Later(due) => {
                self.certificate_due = instant(due, self.hubs.sources.now());
            }
            NextAnswer::Now { correlation_id, answer } => {
                match self.session.bring_certificate(correlation_id.clone(), &answer, out) {
                    Sending::Unheard => {}
                    Sending::Sent => {
                        self.hubs.certificate_sent(&key, &correlation_id, self.connection);
                    }
                    Sending::Done => self.hubs.certificate_taken(&key, &correlation_id),
                }
            }
        }
    }
}

/// The error of a fault on demand, in the words of a hub; everything else as it is.
fn as_hub_says(sources: &Sources, what: Option<&What>, reply: &Reply) -> Reply {
    let Some(what) = what.filter(|what| what.is_error()) else { return reply.clone() };
    // Broken JSON stays so.
    let Ok(said) = serde_json::from_str::<Value>(&reply.body) else { return reply.clone() };
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let code = match what.code {
        // DPS has another number for it, which no device of a hub takes for a reason to wait.
        None if reply.status == 429 => Some(ErrorCode::THROTTLED_AT_HUB.0),
        _ => said["errorCode"].as_u64().and_then(|code| u32::try_from(code).ok()),
    };
    let failure = IssueFailure {
        error_code: code.map_or(ErrorCode::INTERNAL, ErrorCode),
        message: text("message"),
        tracking_id: text("trackingId"),
        timestamp_utc: nano_timestamp(sources.now()),
        info: None,
        retry_after: reply.retry_after.map(|wait| wait.as_secs()),
    };
    json_reply(reply.status, None, &failure)
}
