//! The pair of links on which a device registers, and what is asked and answered on it. Pure: events of
//! the engine in, commands to the engine and what they mean out.
//!
//! The receiver comes first, then the sender, as in the SDKs for C, .NET and Node.js: what answers stands
//! before anything is asked.

use super::line::{LineFault, close_frame, closed};
use super::refusal::{is_of_the_connection, refusal, retry_after};
use super::told::{self, body, disposition, received, sent, transfer};
use crate::amqp::engine::{Connection, Delivery, Event, LinkId};
use crate::amqp::{Attach, Body, Failure, Message, Outcome, Properties, Role, Terminus, Value};
use crate::device::driver::drive::Notify;
use crate::device::exchange::{Answer, Event as Happened, Loss, Refusal, RequestKind};
use crate::device::traffic::AmqpFrame;
use crate::wire::{
    FORCE_REGISTRATION, GET_OPERATION_STATUS, GET_REGISTRATION, OPERATION_ID, OPERATION_TYPE,
    REGISTER,
};

/// How many answers may come before the device says that it takes more.
const CREDIT: u32 = 10;

/// What a device asks.
pub(super) enum Question<'a> {
    /// One of the requests of a registration.
    Request(&'a RequestKind),
    /// How its registration stands.
    LookUp,
}

/// How far the links are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked for.
    None,
    /// The session was.
    Beginning,
    /// The receiver was.
    Receiver(LinkId),
    /// The sender was.
    Sender { receiver: LinkId, sender: LinkId },
    /// Both stand.
    Both { receiver: LinkId, sender: LinkId },
}

/// A request that is not answered.
struct Pending {
    rid: String,
    correlation_id: String,
    delivery: Delivery,
}

/// The pair of links.
pub(super) struct Links {
    /// What names the links, apart from those of others.
    name: String,
    address: String,
    properties: Vec<(Value, Value)>,
    stage: Stage,
    pending: Option<Pending>,
}

impl Links {
    /// Links to this address, with these properties; `name` is used for nothing else.
    pub(super) fn new(name: String, address: String, properties: Vec<(Value, Value)>) -> Self {
        Self { name, address, properties, stage: Stage::None, pending: None }
    }

    /// Asks for the session, and then for the links.
    pub(super) fn begin(&mut self, engine: &mut Connection, notify: Notify<'_>) {
        if engine.begin().is_some() {
            notify(sent(AmqpFrame::Begin));
            self.stage = Stage::Beginning;
        }
    }

    /// Takes what has happened; what it means for the registration, if anything.
    pub(super) fn take(
        &mut self,
        event: Event,
        engine: &mut Connection,
        notify: Notify<'_>,
    ) -> Option<Happened> {
        match event {
            Event::Opened(_) => None,
            Event::Begun { channel } => {
                notify(received(AmqpFrame::Begin));
                if self.stage != Stage::Beginning {
                    return None;
                }
                let receiver = self.attach(Role::Receiver, channel, engine, notify)?;
                self.stage = Stage::Receiver(receiver);
                None
            }
            Event::Attached(link, attach) => self.attached(link, &attach, engine, notify),
            Event::Credit(_, credit) => {
                notify(received(AmqpFrame::Flow { sends: true, credit }));
                None
            }
            Event::Message(link, delivery, message) => {
                notify(received(transfer(&message)));
                notify(sent(disposition(&Outcome::Accepted)));
                engine.settle(link, delivery, Outcome::Accepted);
                Some(Happened::Answer(self.answer(&message)))
            }
            Event::Became(_, delivery, outcome) => {
                notify(received(disposition(&outcome)));
                self.became(delivery, outcome)
            }
            Event::Detached(_, error) => {
                notify(received(AmqpFrame::Detach { error: told::error(error.as_ref()) }));
                Some(ended(error.as_ref()))
            }
            Event::Ended { error, .. } => {
                notify(received(AmqpFrame::End { error: told::error(error.as_ref()) }));
                Some(ended(error.as_ref()))
            }
            Event::Closed(error) => {
                notify(received(close_frame(error.as_ref())));
                Some(ended(error.as_ref()))
            }
            Event::Asked(link, _) => {
                engine.refuse(link, Failure::new("amqp:not-allowed", "a device has no nodes"));
                None
            }
        }
    }

    fn attach(
        &self,
        role: Role,
        channel: u16,
        engine: &mut Connection,
        notify: Notify<'_>,
    ) -> Option<LinkId> {
        let sends = role == Role::Sender;
        let (theirs, ours) = (Some(Terminus::at(self.address.as_str())), Terminus::default());
        let (kind, source, target) = match role {
            Role::Receiver => ("receiver", theirs, Some(ours)),
            Role::Sender => ("sender", Some(ours), theirs),
        };
        let attach = Attach {
            name: format!("{kind}_{}", self.name),
            // The engine's to choose.
            handle: 0,
            role,
            snd_settle_mode: None,
            rcv_settle_mode: None,
            source,
            target,
            initial_delivery_count: None,
            max_message_size: None,
            properties: self.properties.clone(),
        };
        let link = engine.attach(channel, attach)?;
        notify(sent(AmqpFrame::Attach {
            sends,
            address: Some(self.address.clone()),
            properties: told::named(&self.properties),
        }));
        Some(link)
    }

    fn attached(
        &mut self,
        link: LinkId,
        attach: &Attach,
        engine: &mut Connection,
        notify: Notify<'_>,
    ) -> Option<Happened> {
        let sends = attach.role == Role::Receiver;
        let theirs = if sends { &attach.target } else { &attach.source };
        notify(received(AmqpFrame::Attach {
            sends,
            address: theirs.as_ref().and_then(|end| end.address.clone()),
            properties: told::named(&attach.properties),
        }));
        // Without the end that was asked for, it is a refusal; why is said with `detach` (part 2,
        // section 2.6.3).
        theirs.as_ref()?;
        match self.stage {
            Stage::Receiver(receiver) if receiver == link => {
                engine.grant(link, CREDIT);
                notify(sent(AmqpFrame::Flow { sends: false, credit: CREDIT }));
                let sender = self.attach(Role::Sender, link.channel(), engine, notify)?;
                self.stage = Stage::Sender { receiver, sender };
                None
            }
            Stage::Sender { receiver, sender } if sender == link => {
                self.stage = Stage::Both { receiver, sender };
                Some(Happened::Subscribed)
            }
            _ => None,
        }
    }

    /// Asks; the answer bears `correlation_id`, and is told by `rid`.
    pub(super) fn ask(
        &mut self,
        question: &Question<'_>,
        (rid, correlation_id): (String, String),
        register_body: impl FnOnce() -> Vec<u8>,
        engine: &mut Connection,
        notify: Notify<'_>,
    ) -> Result<(), Loss> {
        let Stage::Both { sender, .. } = self.stage else { return Err(Loss::Closed) };
        let message = Message {
            properties: Properties {
                correlation_id: Some(Value::text(correlation_id.as_str())),
                ..Properties::default()
            },
            application: properties_of(question),
            body: match question {
                Question::Request(RequestKind::Introduce | RequestKind::Register) => {
                    Body::Data(register_body())
                }
                // The body counts only for the register request; Node.js sends an empty text.
                _ => Body::Value(Value::text("")),
            },
            ..Message::default()
        };
        notify(sent(transfer(&message)));
        let delivery = engine.send(sender, message, false).map_err(|_| Loss::Closed)?;
        self.pending = Some(Pending { rid, correlation_id, delivery });
        Ok(())
    }

    /// Ends the links and the session; the connection is still to be closed.
    pub(super) fn leave(&mut self, engine: &mut Connection, notify: Notify<'_>) {
        let (links, channel) = match self.stage {
            Stage::None | Stage::Beginning => (Vec::new(), None),
            Stage::Receiver(link) => (vec![link], Some(link.channel())),
            Stage::Sender { receiver, sender } | Stage::Both { receiver, sender } => {
                (vec![receiver, sender], Some(sender.channel()))
            }
        };
        for link in links {
            engine.detach(link, None);
            notify(sent(AmqpFrame::Detach { error: None }));
        }
        if let Some(channel) = channel {
            engine.end(channel, None);
            notify(sent(AmqpFrame::End { error: None }));
        }
        notify(sent(AmqpFrame::Close { error: None }));
    }

    /// Whose answer it is, is said by the correlation ID. One that has none is taken for that of the
    /// request under way, of which there is never more than one (J-356).
    fn answer(&mut self, message: &Message) -> Answer {
        let correlation_id = message.properties.correlation_id.as_ref().map(told::text);
        let pending = self.pending.take_if(|pending| {
            correlation_id.as_ref().is_none_or(|id| *id == pending.correlation_id)
        });
        let rid = match pending {
            Some(pending) => pending.rid,
            None => correlation_id.unwrap_or_default(),
        };
        Answer {
            status: 200,
            rid,
            retry_after: retry_after(&message.application),
            body: body(message),
        }
    }

    fn became(&mut self, delivery: Delivery, outcome: Outcome) -> Option<Happened> {
        let is_pending = self.pending.as_ref().is_some_and(|pending| pending.delivery == delivery);
        if !is_pending {
            return None;
        }
        let Refusal { status, retry_after, body } = match outcome {
            Outcome::Received => return None,
            Outcome::Accepted => return Some(Happened::Acknowledged),
            Outcome::Rejected(Some(failure)) => refusal(&failure),
            Outcome::Rejected(None) => of_no_words(400, "rejected"),
            // Nothing was done with it, and it may be sent again (part 3, section 3.4; J-357).
            Outcome::Released => of_no_words(503, "released"),
            Outcome::Modified => of_no_words(503, "modified"),
        };
        let Pending { rid, .. } = self.pending.take()?;
        Some(Happened::Answer(Answer { status, rid, retry_after, body }))
    }
}

fn of_no_words(status: u16, outcome: &str) -> Refusal {
    let body = format!("the message was {outcome}, without a reason").into_bytes();
    Refusal { status, retry_after: None, body }
}

fn properties_of(question: &Question<'_>) -> Vec<(Value, Value)> {
    let operation = |name: &str| (Value::text(OPERATION_TYPE), Value::text(name));
    match question {
        Question::Request(RequestKind::Introduce | RequestKind::Register) => {
            vec![operation(REGISTER), (Value::text(FORCE_REGISTRATION), Value::Boolean(false))]
        }
        Question::Request(RequestKind::Poll(operation_id)) => vec![
            operation(GET_OPERATION_STATUS),
            (Value::text(OPERATION_ID), Value::text(operation_id.as_str())),
        ],
        Question::LookUp => vec![operation(GET_REGISTRATION)],
    }
}

/// What it means that a link, the session or the connection ends before the device is done.
fn ended(error: Option<&Failure>) -> Happened {
    match error.filter(|failure| !is_of_the_connection(failure)) {
        None => Happened::Lost(Loss::Closed),
        Some(failure) => match closed(Some(failure)) {
            LineFault::Broken(breach) => Happened::Broken(breach),
            LineFault::Lost(_) => Happened::Refused(refusal(failure)),
        },
    }
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
