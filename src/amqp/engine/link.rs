//! One link, as this side sees it.

use std::collections::VecDeque;

use thiserror::Error;

use super::super::{Attach, Flow, Role, Transfer, Violation};
use super::event::Delivery;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The peer asked; this side has not answered.
    Asked,
    /// This side asked; the peer has not answered.
    Asking,
    /// It stands.
    Attached,
    /// This side has ended it; the peer has not.
    Detaching,
}

/// A message that waits until it may be sent.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) delivery: Delivery,
    pub(super) settled: bool,
    pub(super) bytes: Vec<u8>,
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
    /// The last part of a message: its number, its format, whether it is settled, and all its bytes.
    Whole { delivery: u32, format: u32, settled: bool, bytes: Vec<u8> },
    /// More bytes than are taken.
    TooLarge,
}

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: String,
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
    pub(super) waiting: VecDeque<Waiting>,
    partial: Option<Partial>,
}

impl Link {
    /// A link that this side asks for.
    pub(super) fn asking(name: String, role: Role) -> Self {
        Self::new(name, role, Stage::Asking)
    }

    /// A link that the peer asks for.
    pub(super) fn asked(attach: &Attach) -> Self {
        let mut link = Self::new(attach.name.clone(), attach.role.other(), Stage::Asked);
        link.answered(attach);
        link.stage = Stage::Asked;
        link
    }

    fn new(name: String, role: Role, stage: Stage) -> Self {
        Self {
            name,
            role,
            stage,
            remote_handle: None,
            delivery_count: 0,
            credit: 0,
            grant: 0,
            waiting: VecDeque::new(),
            partial: None,
        }
    }

    /// The peer's `attach` has come.
    pub(super) fn answered(&mut self, attach: &Attach) {
        self.remote_handle = Some(attach.handle);
        self.stage = Stage::Attached;
        if self.role == Role::Receiver {
            self.delivery_count = attach.initial_delivery_count.unwrap_or(0);
        }
    }

    /// The receiver lets the peer send so many messages, now and whenever half of them have come.
    pub(super) fn grant(&mut self, credit: u32) {
        self.credit = credit;
        self.grant = credit;
    }

    /// Adds what is to be told of the link to a flow.
    pub(super) fn tell(&self, handle: u32, flow: Flow) -> Flow {
        Flow {
            handle: Some(handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            ..flow
        }
    }

    /// The peer has told of the link. Says how many more may be sent, if it is this side that sends.
    pub(super) fn flow(&mut self, flow: &Flow) -> Option<u32> {
        if self.role == Role::Receiver {
            return None;
        }
        let seen = flow.delivery_count.unwrap_or(0);
        let on_the_way = self.delivery_count.wrapping_sub(seen);
        self.credit = flow.link_credit?.saturating_sub(on_the_way);
        Some(self.credit)
    }

    /// Uses up the credit that is left, as the receiver asks with `drain`.
    pub(super) fn drain(&mut self) {
        self.delivery_count = self.delivery_count.wrapping_add(self.credit);
        self.credit = 0;
    }

    /// Whether a message may be sent on it.
    pub(super) fn may_send(&self) -> bool {
        self.stage == Stage::Attached && self.credit > 0
    }

    /// A message is sent.
    pub(super) fn sent(&mut self) {
        self.credit = self.credit.saturating_sub(1);
        self.delivery_count = self.delivery_count.wrapping_add(1);
    }

    /// A transfer has come.
    pub(super) fn transfer(
        &mut self,
        transfer: Transfer,
        limit: usize,
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
        if transfer.aborted {
            self.partial = None;
            return Ok(Brought::Part);
        }
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None => self.first(&transfer)?,
        };
        if partial.bytes.len() + transfer.payload.len() > limit {
            return Ok(Brought::TooLarge);
        }
        partial.settled |= transfer.settled.unwrap_or_default();
        partial.bytes.extend_from_slice(&transfer.payload);
        if transfer.more {
            self.partial = Some(partial);
            return Ok(Brought::Part);
        }
        let Partial { delivery, format, settled, bytes } = partial;
        Ok(Brought::Whole { delivery, format, settled, bytes })
    }

    fn first(&mut self, transfer: &Transfer) -> Result<Partial, Violation> {
        let delivery = transfer.delivery_id.ok_or(Violation::Missing {
            of: "the first transfer of a message",
            member: "delivery-id",
        })?;
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
