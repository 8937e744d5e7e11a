//! What faults on demand do to links, and to the answers on them.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::answer::{answer, answer_oddly, failure};
use super::connection::{Connection, End};
use super::held::{Answer, Saying, wrong_id};
use super::hub_conversation::HubQuestion;
use super::provisioning::{Question, address_of};
use crate::amqp::engine::Event;
use crate::amqp::{Attach, Outcome, Role, Symbol};
use crate::service::caller::{Caller, Transport, TurnedAway};
use crate::service::endpoint::hub_desk::{TwinAnswer, struck_twin};
use crate::service::fault_rule::{Deed, FaultPlace, FaultTransport};
use crate::service::faults::{HangUp, Order, Said, Strike, Verdict};
use crate::service::reply::{Reply, error_reply};
use crate::wire::{DeviceId, ErrorCode, HubAddress};

/// What is said where a rule does not say it.
const ASKED_FOR: &str = "A fault was asked for.";

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// The places where faults may strike something that happened: a link that is asked for.
    pub(super) fn places_of(&self, event: &Event) -> Vec<FaultPlace> {
        let Event::Asked(_, attach) = event else { return Vec::new() };
        let mut places = Vec::new();
        let faults = &self.registrar.faults;
        if let Some(device) = device_of(attach) {
            let is_there = self.hub.iter().any(|hub| hub.devices().any(|it| *it == device));
            places.extend((!is_there).then_some(FaultPlace::HubConnect));
        } else {
            places.extend((attach.role == Role::Receiver).then_some(FaultPlace::Subscribe));
            // Whoever used no SASL says only now who it is.
            let is_first = self.provisioning.awaits_first_link();
            places.extend(is_first.then_some(FaultPlace::Connect));
        }
        places.retain(|place| faults.are_at(*place));
        places
    }

    /// Has faults strike a link that is asked for, at the last of these places first. It is given back if
    /// it goes its way.
    pub(super) async fn strike(
        &mut self,
        event: Event,
        mut places: Vec<FaultPlace>,
    ) -> Result<Option<Event>, End> {
        while let Some(place) = places.pop() {
            let Event::Asked(link, attach) = &event else { break };
            let Some(strike) = self.strike_link(place, attach) else { continue };
            let what = &strike.rule.what;
            let delay = what.delay.unwrap_or_default();
            let refused = |condition| {
                let reply = error_reply(&self.registrar.sources, code_of(condition), ASKED_FOR);
                let mut failure = failure(reply, None);
                failure.condition = Symbol::known(condition);
                if place == FaultPlace::HubConnect {
                    // A hub has plain words.
                    failure.description = Some(ASKED_FOR.to_owned());
                }
                Saying { answers: vec![Answer::Refusal(*link, failure)], ..Saying::default() }
            };
            let ended = |how| Saying { then: Some(how), ..Saying::default() };
            let saying = match what.deed {
                Some(Deed::Silence) => return Ok(None),
                Some(Deed::Close) => ended(HangUp::Close),
                Some(Deed::Reset) => ended(HangUp::Reset),
                Some(Deed::Detach(condition)) => refused(condition),
                // There was no SASL that could have ended so.
                Some(Deed::SaslOutcome(_)) => refused("amqp:unauthorized-access"),
                _ => Saying {
                    answers: vec![Answer::Link(Box::new(event), places)],
                    ..Saying::default()
                },
            };
            return self.say(delay, saying).await.map(|()| None);
        }
        Ok(Some(event))
    }

    fn strike_link(&self, place: FaultPlace, attach: &Attach) -> Option<Strike> {
        let transport = self.transport();
        if place == FaultPlace::HubConnect {
            return self.registrar.strike_at_hub(place, transport, device_of(attach)?.as_str());
        }
        let caller = self.provisioning.would_be(attach)?;
        let enrollment = || self.registrar.enrollment_of(&caller);
        self.registrar.strike_client(place, transport, TurnedAway::struck(&caller), &enrollment)
    }

    /// Answers a device at its hub as faults have it.
    pub(super) async fn answer_twin(&mut self, question: HubQuestion) -> Result<(), End> {
        let transport = self.transport();
        let Some(hub) = &self.hub else { return Ok(()) };
        let (HubQuestion::Twin { key, back } | HubQuestion::Report { key, back, .. }) = &question
        else {
            return Ok(());
        };
        let (device_id, back) = (key.device_id().to_string(), back.clone());
        let find = async { Some(hub.find(question).await?.1) };
        let Some((verdict, version)) =
            struck_twin(&self.registrar, transport, &device_id, find).await
        else {
            return Ok(());
        };
        let twin = |reply: Reply, said: Option<&Said>| {
            let mut back = back.clone();
            if let Some(said) = said.filter(|said| said.has_wrong_rid) {
                let id = back.correlation_id();
                *id = Some(wrong_id(said, id.as_ref()));
            }
            // Errors of a hub have no more to say.
            let body = if reply.status >= 400 { "{}".to_owned() } else { reply.body };
            Answer::Twin(back, TwinAnswer { status: reply.status, version, body })
        };
        let (delay, saying) = self.written(verdict, |verdict| match verdict {
            Verdict::Reply(reply) => Some(twin(reply, None)),
            Verdict::Say(said) => Some(twin(said.reply.clone(), Some(&said))),
            _ => None,
        });
        self.say(delay, saying).await
    }

    /// Does what a fault on demand wants of an answer to a request, now or later; and what waits for an
    /// answer goes behind this one.
    pub(super) async fn carry_out(
        &mut self,
        question: Question,
        verdict: Verdict,
    ) -> Result<(), End> {
        if verdict.is_silent()
            && let Some(Caller { registration_id, .. }) = self.provisioning.device()
        {
            self.registrar.sources.clock.forsake(registration_id.folded());
        }
        let (delay, saying) = self.written(verdict, |verdict| match verdict {
            Verdict::Reply(reply) => Some(Answer::Reply(question, reply)),
            Verdict::Say(said) => Some(Answer::Said(question, said)),
            Verdict::Lose => Some(Answer::Taken(question)),
            _ => None,
        });
        self.say(delay, saying).await
    }

    /// What is to be said, and how much later.
    fn written(
        &mut self,
        mut verdict: Verdict,
        write: impl FnOnce(Verdict) -> Option<Answer>,
    ) -> (Duration, Saying) {
        let late = self.held.as_mut().map(|held| held.take_late()).unwrap_or_default();
        let mut delay = Duration::ZERO;
        if let Verdict::Delay(wanted, then) = verdict {
            (delay, verdict) = (wanted, *then);
        }
        let (mut order, mut saying) = (Order::Once, Saying::default());
        match &verdict {
            Verdict::Say(said) => (order, saying.cut) = (said.order, said.cut),
            Verdict::HangUp(how) => saying.then = Some(*how),
            // Delays do not come one in the other.
            Verdict::Reply(_) | Verdict::Silence | Verdict::Lose | Verdict::Delay(..) => {}
        }
        let answers: Vec<_> = write(verdict).into_iter().collect();
        match order {
            Order::Once => saying.answers = answers,
            Order::Twice => saying.answers = [answers.clone(), answers].concat(),
            Order::Late => self.held.get_or_insert_default().until_next(answers),
        }
        saying.answers.extend(late);
        (delay, saying)
    }

    /// Says something, now or later.
    async fn say(&mut self, delay: Duration, saying: Saying) -> Result<(), End> {
        let clock = self.registrar.sources.clock.clone();
        if clock.stands() {
            clock.sleep(delay).await;
        } else if !delay.is_zero() {
            self.held.get_or_insert_default().until(Instant::now() + delay, saying);
            return Ok(());
        }
        self.say_now(saying).await
    }

    /// Says what is due.
    pub(super) async fn say_now(&mut self, saying: Saying) -> Result<(), End> {
        let Saying { answers, cut, then } = saying;
        self.outbox.append(&mut self.engine.output());
        for answer in answers {
            self.utter(answer).await?;
        }
        if let Some(length) = cut {
            let mut bytes = self.engine.output();
            bytes.truncate(length);
            self.outbox.append(&mut bytes);
            return Err(End::Struck(HangUp::Close));
        }
        then.map_or(Ok(()), |how| Err(End::Struck(how)))
    }

    async fn utter(&mut self, said: Answer) -> Result<(), End> {
        match said {
            Answer::Link(event, places) => {
                // Boxed: a link that was held back may be held back again.
                if let Some(event) = Box::pin(self.strike(*event, places)).await? {
                    return Box::pin(self.pass_on(event)).await;
                }
            }
            Answer::Refusal(link, failure) => self.engine.refuse(link, failure),
            Answer::Reply(Question { link, delivery, correlation_id, .. }, reply) => {
                self.answer((link, delivery), answer(reply, correlation_id));
            }
            Answer::Said(Question { link, delivery, correlation_id, .. }, said) => {
                let id = if said.has_wrong_rid {
                    Some(wrong_id(&said, correlation_id.as_ref()))
                } else {
                    correlation_id
                };
                let answer = answer_oddly(&said, id);
                // A refusal is of the request itself, and can be of no other: so it is not said.
                if !said.has_wrong_rid || !matches!(answer.0, Outcome::Rejected(_)) {
                    self.answer((link, delivery), answer);
                }
            }
            Answer::Taken(Question { link, delivery, .. }) => {
                self.engine.settle(link, delivery, Outcome::Accepted);
            }
            Answer::Twin(back, answer) => {
                if let Some(hub) = &self.hub {
                    hub.answer_twin(back, answer, &mut self.engine);
                }
            }
        }
        Ok(())
    }

    fn transport(&self) -> FaultTransport {
        Transport::Amqp.for_faults(self.provisioning.client().0.web_socket)
    }
}

/// The device of a hub to which a link would lead.
fn device_of(attach: &Attach) -> Option<DeviceId> {
    match address_of(attach)?.parse() {
        Ok(HubAddress::Device(address)) => address.device_ids().next(),
        Ok(HubAddress::Cbs) | Err(_) => None,
    }
}

/// The code of DPS that goes with a condition.
fn code_of(condition: &str) -> ErrorCode {
    match condition {
        "amqp:unauthorized-access" | "com.microsoft:unauthorized-access" => ErrorCode::UNAUTHORIZED,
        "amqp:not-found" => ErrorCode::OPERATION_NOT_FOUND,
        "amqp:precondition-failed" => ErrorCode::PRECONDITION_FAILED,
        "com.microsoft:device-container-throttled" | "amqp:resource-limit-exceeded" => {
            ErrorCode(429_001)
        }
        "amqp:internal-error" => ErrorCode(500_001),
        _ => ErrorCode::BAD_REQUEST,
    }
}
