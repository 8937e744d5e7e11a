//! Moves the packets of an open session: takes questions from the handle, and what the hub sends to
//! whoever waits for it. Lives in a task of its own, so that pings and PUBACKs go out whatever the
//! device is doing.

use std::sync::{Arc, OnceLock};

use rumqttc::{Packet, Publish};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

use super::connect::AnySession;
use super::error::{HubBreach, HubError};
use super::exchange::{Answer, Exchange, Heard, Question};
use super::twin::DesiredChange;
use crate::device::driver::{CLOSE_TIMEOUT, ReadFault, unexpected};
use crate::device::error::Breach;
use crate::device::exchange::Loss;

/// A question, and where its answer goes.
pub(super) struct Command {
    pub(super) question: Question,
    pub(super) answer: Waiter,
}

pub(super) type Waiter = oneshot::Sender<Result<Answer, HubError>>;

/// Why the session ended, for all who ask from then on.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// The connection was lost.
    Lost(Loss),
    /// The hub broke the protocol.
    Broken(Breach),
}

impl From<End> for HubError {
    fn from(end: End) -> Self {
        match end {
            End::Lost(loss) => Self::Lost(loss),
            End::Broken(breach) => Self::Breach(HubBreach::Protocol(breach)),
        }
    }
}

/// The open session, and who is to be told what.
pub(super) struct Driver {
    pub(super) session: AnySession,
    pub(super) exchange: Exchange<Waiter>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) changes: broadcast::Sender<DesiredChange>,
    pub(super) end: Arc<OnceLock<End>>,
}

impl Driver {
    /// Runs until the handle is gone, or the connection. Those who still wait then learn it from their
    /// channel, which closes.
    pub(super) async fn run(mut self) {
        match self.turn().await {
            Ok(()) => {
                let _ = timeout(CLOSE_TIMEOUT, self.session.close()).await;
            }
            Err(end) => {
                let _ = self.end.set(end);
            }
        }
    }

    async fn turn(&mut self) -> Result<(), End> {
        loop {
            self.exchange.forget(Waiter::is_closed);
            let next_ping = self.session.next_ping();
            // Only waiting may be dropped half-way; what writes comes after it.
            let happened = tokio::select! {
                command = self.commands.recv(), if self.exchange.has_room() => match command {
                    Some(command) => Happened::Asked(command),
                    None => return Ok(()),
                },
                packet = self.session.read() => Happened::Read(packet),
                () = sleep_until(next_ping) => Happened::Quiet,
            };
            match happened {
                Happened::Asked(command) => self.ask(command).await.map_err(End::Lost)?,
                Happened::Read(Ok(packet)) => self.take(packet).await?,
                Happened::Read(Err(ReadFault::Lost(loss))) => return Err(End::Lost(loss)),
                Happened::Read(Err(ReadFault::Broken(breach))) => return Err(End::Broken(breach)),
                Happened::Quiet => self.session.ping().await.map_err(End::Lost)?,
            }
        }
    }

    async fn ask(&mut self, command: Command) -> Result<(), Loss> {
        match self.exchange.request(command.question, command.answer) {
            Ok(outgoing) => {
                self.session.publish(outgoing.topic, outgoing.body, &mut |_| {}).await?;
            }
            Err((body, waiter)) => {
                let outgoing = self.exchange.message(body);
                let packet_id =
                    self.session.publish(outgoing.topic, outgoing.body, &mut |_| {}).await?;
                self.exchange.sent(packet_id, waiter);
            }
        }
        Ok(())
    }

    async fn take(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => {
                self.session.take(&publish, &mut |_| {}).map_err(End::Lost)?;
                self.heard(&publish);
                Ok(())
            }
            Packet::PubAck(ack) => {
                if let Some(waiter) = self.exchange.acknowledged(ack.pkid) {
                    let _ = waiter.send(Ok(Answer::Taken));
                }
                Ok(())
            }
            Packet::PingResp => Ok(()),
            other => Err(End::Broken(unexpected(&other, "an answer"))),
        }
    }

    fn heard(&mut self, publish: &Publish) {
        match self.exchange.heard(&publish.topic, &publish.payload) {
            Heard::Answer(waiter, answer) => {
                let _ = waiter.send(answer);
            }
            // Nobody may be listening.
            Heard::Desired(change) => drop(self.changes.send(change)),
            Heard::Stray => tracing::debug!("hub: nobody waits for {:?}", publish.topic),
        }
    }
}

enum Happened {
    Asked(Command),
    Read(Result<Packet, ReadFault>),
    Quiet,
}
