//! Moves the packets of an open session: takes questions from the handle, and what the hub sends to
//! whoever waits for it.

use rumqttc::Packet;
use tokio::time::{sleep_until, timeout};

use super::super::question::Answer;
use super::super::task::{Command, End, Stream, Waiter, Ways};
use super::exchange::Exchange;
use super::session::Open;
use crate::device::driver::{CLOSE_TIMEOUT, ReadFault, Session, unexpected};
use crate::device::exchange::Loss;
use crate::wire::DeviceId;

/// The open session, and who is to be told what.
struct Driver {
    session: Session<Box<dyn Stream>>,
    exchange: Exchange<Waiter>,
    ways: Ways,
}

/// Moves the packets of an open session until the handle is gone, or the connection.
pub(in crate::device::hub) async fn run(open: Open, device_id: DeviceId, ways: Ways) {
    let exchange = Exchange::new(device_id.as_str());
    // What came before SUBACK answers the session before this one.
    Driver { session: open.session, exchange, ways }.run().await;
}

impl Driver {
    /// Runs until the handle is gone, or the connection. Those who still wait then learn it from their
    /// channel, which closes.
    async fn run(mut self) {
        match self.turn().await {
            Ok(()) => {
                let _ = timeout(CLOSE_TIMEOUT, self.session.close()).await;
            }
            Err(end) => {
                let _ = self.ways.end.set(end);
            }
        }
    }

    async fn turn(&mut self) -> Result<(), End> {
        loop {
            self.exchange.forget(Waiter::is_closed);
            let next_ping = self.session.next_ping();
            // Only waiting may be dropped half-way; what writes comes after it.
            let happened = tokio::select! {
                command = self.ways.commands.recv(), if self.exchange.has_room() => match command {
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
                self.ways.tell(self.exchange.heard(&publish.topic, &publish.payload));
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
}

enum Happened {
    Asked(Command),
    Read(Result<Packet, ReadFault>),
    Quiet,
}
