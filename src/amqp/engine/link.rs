//! One link, as this side sees it.

use std::collections::VecDeque;

use thiserror::Error;

use super::super::{Attach, Flow, Role, Terminus, Transfer, Value, Violation};
use super::event::{Delivery, LinkId};
use super::limits::Held;

/// How messages go when their sender waits for no word of any (part 2, section 2.8.2).
const SETTLED: u8 = 1;

/// The longest tag of a message (part 2, section 2.8.7).
const MAX_TAG: usize = 32;

/// Why a message was not taken to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is no such link, or it sends nothing.
    #[error("there is no link to send it on")]
    NoLink,
    /// As many wait as may.
    #[error("too many messages wait to be sent")]
    Full,
}

/// How far a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// The peer asked, in these words; this side has not answered.
    Asked(Box<Attach>),
    /// This side asked; the peer has not answered.
    Asking,
    /// It stands.
    Attached,
    /// This side has ended it; the peer has not.
    Detaching,
}

/// A message that is to be sent, or of which a part was sent.
#[derive(Debug)]
struct Waiting {
    number: u32,
    settled: bool,
    bytes: Vec<u8>,
    /// How many bytes of it are sent.
    sent: usize,
}

/// A message of which the first parts have come.
#[derive(Debug)]
struct Partial {
    delivery: u32,
    format: u32,
    settled: bool,
    bytes: Vec<u8>,
}

/// What a transfer brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// Nothing whole yet.
    Part,
    /// The last part of a message: what it is called, its format, and all its bytes.
    Whole(Delivery, u32, Vec<u8>),
    /// More bytes than one message may have.
    TooLarge,
    /// More bytes than may be held.
    TooMany,
}

/// A part of a message that is sent now.
#[derive(Debug)]
pub(super) struct Part {
    /// The number in which the message was handed over.
    pub(super) number: u32,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
    /// Whether a word is waited for.
    pub(super) settled: bool,
    /// Whether a word is waited for by whoever handed it over, though the peer will say none.
    pub(super) is_answered: bool,
    pub(super) payload: Vec<u8>,
}

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) name: Box<str>,
    /// What this side is on it.
    pub(super) role: Role,
    pub(super) stage: Stage,
    /// The number that the peer has for it.
    pub(super) remote_handle: Option<u32>,
    /// Messages that were sent, whoever sends.
    delivery_count: u32,
    /// How many more may be sent, whoever sends.
    credit: u32,
    /// What the receiver gives at a time.
    grant: u32,
    /// Whether all messages go settled.
    only_settled: bool,
    /// What the peer asked to be told before its link was answered: of credit, and that it is used up.
    owed: Option<Owed>,
    waiting: VecDeque<Waiting>,
    partial: Option<Box<Partial>>,
}

/// What is to be told of a link once it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) drain: bool,
}

impl Link {
    /// A link that this side asks for.
    pub(super) fn asking(id: LinkId, attach: &Attach) -> Self {
        let mut link = Self::new(id, &attach.name, attach.role, Stage::Asking);
        link.only_settled = attach.snd_settle_mode == Some(SETTLED);
        link.delivery_count = attach.initial_delivery_count.unwrap_or(0);
        link
    }

    /// A link that the peer asks for.
    pub(super) fn asked(id: LinkId, attach: Attach) -> Self {
        let mut link = Self::new(id, &attach.name, attach.role.other(), Stage::Asking);
        link.answered(&attach);
        link.stage = Stage::Asked(Box::new(attach));
        link
    }

    fn new(id: LinkId, name: &str, role: Role, stage: Stage) -> Self {
        Self {
            id,
            name: name.into(),
            role,
            stage,
            remote_handle: None,
            delivery_count: 0,
            credit: 0,
            grant: 0,
            only_settled: false,
            owed: None,
            waiting: VecDeque::new(),
            partial: None,
        }
    }

    /// The peer's `attach` has come.
    pub(super) fn answered(&mut self, attach: &Attach) {
        self.remote_handle = Some(attach.handle);
        self.stage = Stage::Attached;
        self.only_settled |= attach.snd_settle_mode == Some(SETTLED);
        if self.role == Role::Receiver {
            self.delivery_count = attach.initial_delivery_count.unwrap_or(0);
        }
    }

    /// This side's answer to a link that the peer asked for, with the ends that it has; nothing if it
    /// is answered.
    pub(super) fn answer(
        &mut self,
        next: Stage,
        ends: impl FnOnce(&Attach) -> [Option<Terminus>; 2],
        max_message_size: Option<u64>,
        properties: Vec<(Value, Value)>,
    ) -> Option<Attach> {
        let Stage::Asked(asked) = &self.stage else { return None };
        let [source, target] = ends(asked);
        let answer = Attach {
            name: self.name.to_string(),
            handle: self.id.handle,
            role: self.role,
            snd_settle_mode: asked.snd_settle_mode,
            // Second is answered as first, which is all that there is here.
            rcv_settle_mode: Some(0),
            source,
            target,
            initial_delivery_count: (self.role == Role::Sender).then_some(self.delivery_count),
            max_message_size,
            properties,
        };
        self.stage = next;
        Some(answer)
    }

    /// What it makes this side keep.
    pub(super) fn held(&self) -> Held {
        let waiting: usize = self.waiting.iter().map(|waiting| waiting.bytes.len()).sum();
        let partial = self.partial.as_ref().map_or(0, |partial| partial.bytes.len());
        Held { links: 1, messages: self.waiting.len(), bytes: waiting + partial }
    }

    /// How many messages wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The link ends: nothing of it is sent any more, and nothing of it is kept.
    pub(super) fn ending(&mut self) {
        self.stage = Stage::Detaching;
        self.waiting = VecDeque::new();
        self.partial = None;
    }

    /// The receiver lets the peer send so many messages, now and whenever half of them have come.
    pub(super) fn grant(&mut self, credit: u32) {
        self.credit = credit;
        self.grant = credit;
    }

    /// Adds what is to be told of the link to a flow.
    pub(super) fn tell(&self, flow: Flow) -> Flow {
        // How many the peer has sent is not known before it has said where it begins (section 2.7.4).
        let is_known = self.role == Role::Sender || self.stage != Stage::Asking;
        Flow {
            handle: Some(self.id.handle),
            delivery_count: is_known.then_some(self.delivery_count),
            link_credit: Some(self.credit),
            ..flow
        }
    }

    /// The peer has told of the link. Says how many more may be sent, if it is this side that sends.
    pub(super) fn flow(&mut self, flow: &Flow) -> Option<u32> {
        match self.role {
            Role::Sender => {
                let seen = flow.delivery_count.unwrap_or(0);
                let on_the_way = self.delivery_count.wrapping_sub(seen);
                self.credit = flow.link_credit?.saturating_sub(on_the_way);
                Some(self.credit)
            }
            Role::Receiver => {
                // A sender may give up credit, and counts it as used (section 2.6.7).
                let given_up =
                    flow.delivery_count.map(|seen| seen.wrapping_sub(self.delivery_count));
                if let Some(given_up) = given_up.filter(|given_up| *given_up <= self.credit) {
                    self.credit -= given_up;
                    self.delivery_count = self.delivery_count.wrapping_add(given_up);
                }
                None
            }
        }
    }

    /// Uses up the credit that is left, as the receiver asks with `drain`.
    pub(super) fn drain(&mut self) {
        self.delivery_count = self.delivery_count.wrapping_add(self.credit);
        self.credit = 0;
    }

    /// What is to be told once the link stands.
    pub(super) fn owe(&mut self, owed: Owed) {
        let drain = owed.drain || self.owed.is_some_and(|before| before.drain);
        self.owed = Some(Owed { drain });
    }

    /// What was to be told once the link stands, once.
    pub(super) fn owed(&mut self) -> Option<Owed> {
        self.owed.take()
    }

    /// Takes a message to be sent.
    pub(super) fn queue(&mut self, number: u32, bytes: Vec<u8>, settled: bool) {
        self.waiting.push_back(Waiting { number, settled, bytes, sent: 0 });
    }

    /// The next part of what waits, if it may be sent: the first part of a message needs credit.
    pub(super) fn next_part(&mut self, room: usize) -> Option<Part> {
        let waiting = self.waiting.front_mut()?;
        let is_first = waiting.sent == 0;
        if self.stage != Stage::Attached || (is_first && self.credit == 0) {
            return None;
        }
        if is_first {
            self.credit -= 1;
            self.delivery_count = self.delivery_count.wrapping_add(1);
        }
        let rest = waiting.bytes.get(waiting.sent..).unwrap_or_default();
        let payload = rest[..rest.len().min(room)].to_vec();
        waiting.sent += payload.len();
        let is_last = waiting.sent == waiting.bytes.len();
        let (number, settled) = (waiting.number, waiting.settled);
        if is_last {
            self.waiting.pop_front();
            if self.waiting.is_empty() {
                self.waiting = VecDeque::new();
            }
        }
        Some(Part {
            number,
            is_first,
            is_last,
            settled: settled || self.only_settled,
            is_answered: !settled && self.only_settled,
            payload,
        })
    }

    /// A transfer has come; one message may have `limit` bytes, and so many more may be held.
    pub(super) fn transfer(
        &mut self,
        transfer: Transfer,
        limit: usize,
        left: usize,
    ) -> Result<Brought, Violation> {
        if self.role == Role::Sender {
            return Err(Violation::State {
                what: format!(
                    "a transfer came on the link {:?}, whose sender is this side",
                    self.name
                ),
                rule: "AMQP 1.0 part 2, 2.6.1",
            });
        }
        let mut partial = match self.partial.take() {
            Some(partial) => continued(partial, &transfer)?,
            None => Box::new(self.first(&transfer)?),
        };
        if transfer.aborted {
            return Ok(Brought::Part);
        }
        if partial.bytes.len() + transfer.payload.len() > limit {
            return Ok(Brought::TooLarge);
        }
        if transfer.more && transfer.payload.len() > left {
            return Ok(Brought::TooMany);
        }
        partial.settled |= transfer.settled.unwrap_or_default();
        if partial.bytes.is_empty() {
            partial.bytes = transfer.payload;
        } else {
            partial.bytes.extend_from_slice(&transfer.payload);
        }
        if transfer.more {
            self.partial = Some(partial);
            return Ok(Brought::Part);
        }
        let Partial { delivery, format, settled, bytes } = *partial;
        Ok(Brought::Whole(Delivery { number: delivery, is_settled: settled }, format, bytes))
    }

    /// The first part of a message: it must say what the message is called (section 2.7.5).
    fn first(&mut self, transfer: &Transfer) -> Result<Partial, Violation> {
        let of = "the first transfer of a message";
        let delivery =
            transfer.delivery_id.ok_or(Violation::Missing { of, member: "delivery-id" })?;
        let tag = transfer
            .delivery_tag
            .as_ref()
            .ok_or(Violation::Missing { of, member: "delivery-tag" })?;
        if tag.len() > MAX_TAG {
            return Err(Violation::State {
                what: format!("a delivery-tag has {} bytes, but may have {MAX_TAG}", tag.len()),
                rule: "AMQP 1.0 part 2, 2.8.7",
            });
        }
        self.credit = self.credit.checked_sub(1).ok_or_else(|| Violation::State {
            what: format!(
                "more messages were sent on the link {:?} than its credit allows",
                self.name
            ),
            rule: "AMQP 1.0 part 2, 2.6.7",
        })?;
        self.delivery_count = self.delivery_count.wrapping_add(1);
        let format = transfer.message_format.unwrap_or(0);
        Ok(Partial { delivery, format, settled: false, bytes: Vec::new() })
    }

    /// Gives the peer as much credit as in the beginning when half of it is used up; says whether it
    /// is to be told.
    pub(super) fn replenish(&mut self) -> bool {
        if self.role == Role::Sender || self.credit > self.grant / 2 {
            return false;
        }
        let is_more = self.credit < self.grant;
        self.credit = self.grant;
        is_more
    }
}

/// A later part need not name the message, but must not name another (section 2.7.5).
fn continued(partial: Box<Partial>, transfer: &Transfer) -> Result<Box<Partial>, Violation> {
    match transfer.delivery_id {
        Some(other) if other != partial.delivery => Err(Violation::State {
            what: format!(
                "a part of the message {other} came where one of {} must",
                partial.delivery
            ),
            rule: "AMQP 1.0 part 2, 2.7.5",
        }),
        _ => Ok(partial),
    }
}
