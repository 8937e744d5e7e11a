//! One MQTT session, packet by packet, over any byte stream.
//!
//! What is to be said is collected, and goes out at the latest before the session listens: a PUBACK
//! travels with the request that follows it, or with DISCONNECT.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{Packet, PubAck, Publish, QoS, Subscribe, SubscribeFilter, SubscribeReasonCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::packet::{MAX_PACKET, answer, connect_code, malformed, unexpected};
use crate::device::driver::drive::Notify;
use crate::device::driver::pipe::Pipe;
use crate::device::error::{Breach, NetworkError};
use crate::device::exchange::{ConnectFailure, Event, Loss, Notice};
use crate::device::traffic::{Received, Sent};
use crate::wire::ConnectCode;

/// When we ping, and how long the service has to answer.
const PING_AFTER: Duration = Duration::from_secs(50);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the end of a session may take.
pub(in crate::device) const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// An open MQTT session.
pub(in crate::device) struct Session<S> {
    pipe: Pipe<S>,
    inbox: BytesMut,
    next_packet_id: u16,
    ping_sent: Option<Instant>,
}

/// Why the next packet could not be read.
pub(in crate::device) enum ReadFault {
    /// The connection ended.
    Lost(Loss),
    /// What came is no packet.
    Broken(Breach),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Waits for CONNACK; CONNECT was said when the stream was opened.
    pub(in crate::device) async fn open(stream: S) -> Result<Self, ConnectFailure> {
        let mut session = Self {
            pipe: Pipe::new(stream),
            inbox: BytesMut::with_capacity(512),
            next_packet_id: 1,
            ping_sent: None,
        };
        let Self { pipe, inbox, .. } = &mut session;
        let first = pipe.first_bytes(inbox, NetworkError::ClosedBeforeConnack).await;
        first.map_err(ConnectFailure::Network)?;
        session.check_first_byte().map_err(ConnectFailure::Broken)?;
        match session.read().await {
            Ok(Packet::ConnAck(connack)) => match connect_code(connack.code) {
                ConnectCode::Accepted => Ok(session),
                code => Err(ConnectFailure::Refused(code)),
            },
            Ok(other) => Err(ConnectFailure::Broken(unexpected(&other, "CONNACK"))),
            Err(ReadFault::Lost(_)) => {
                Err(ConnectFailure::Network(NetworkError::ClosedBeforeConnack))
            }
            Err(ReadFault::Broken(breach)) => Err(ConnectFailure::Broken(breach)),
        }
    }

    /// A first byte that begins no CONNACK mostly means that the peer is no MQTT server.
    fn check_first_byte(&self) -> Result<(), Breach> {
        const CONNACK: u8 = 0x20;
        if self.inbox.first() == Some(&CONNACK) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.inbox);
        let line = text.lines().next().unwrap_or_default();
        let is_printable = |c: char| !c.is_control() && c != char::REPLACEMENT_CHARACTER;
        if line.len() >= 4 && line.chars().all(is_printable) {
            return Err(Breach::NotMqtt { excerpt: line.chars().take(60).collect() });
        }
        Err(Breach::Packet { reason: "its first packet is no CONNACK".to_owned() })
    }

    /// SUBSCRIBE and SUBACK.
    pub(in crate::device) async fn subscribe(
        &mut self,
        filters: &[&'static str],
        notify: Notify<'_>,
    ) -> Event {
        let filter = |filter: &&str| SubscribeFilter::new((*filter).to_owned(), QoS::AtLeastOnce);
        let mut subscribe = Subscribe::new_many(filters.iter().map(filter));
        let packet_id = self.packet_id();
        subscribe.pkid = packet_id;
        notify(Notice::Sent(Sent::Subscribe { packet_id, filters: filters.to_vec() }));
        if let Err(loss) = self.put(&Packet::Subscribe(subscribe)) {
            return Event::Lost(loss);
        }
        loop {
            match self.read().await {
                Ok(Packet::SubAck(suback)) => {
                    let codes = &suback.return_codes;
                    let granted = |code: &_| matches!(code, SubscribeReasonCode::Success(_));
                    let accepted = codes.len() == filters.len() && codes.iter().all(granted);
                    let packet_id = suback.pkid;
                    notify(Notice::Received(Received::Suback { packet_id, accepted }));
                    return if accepted {
                        Event::Subscribed
                    } else {
                        Event::Broken(Breach::SubscriptionRefused)
                    };
                }
                // The server may send what matches before SUBACK (section 3.8.4 of the standard):
                // an answer to the connection before this one, which nobody waits for any more.
                Ok(Packet::Publish(publish)) => {
                    if let Err(loss) = self.take(&publish, notify) {
                        return Event::Lost(loss);
                    }
                }
                Ok(other) => return Event::Broken(unexpected(&other, "SUBACK")),
                Err(fault) => return fault.into(),
            }
        }
    }

    /// Tells of an answer, and acknowledges it.
    pub(in crate::device) fn take(
        &mut self,
        publish: &Publish,
        notify: Notify<'_>,
    ) -> Result<(), Loss> {
        let (topic, body) = (publish.topic.clone(), publish.payload.to_vec());
        notify(Notice::Received(Received::Publish { topic, body }));
        if publish.qos == QoS::AtMostOnce {
            return Ok(());
        }
        notify(Notice::Sent(Sent::Puback { packet_id: publish.pkid }));
        self.put(&Packet::PubAck(PubAck::new(publish.pkid)))
    }

    /// PUBLISH at QoS 1; the packet's ID.
    pub(in crate::device) async fn publish(
        &mut self,
        topic: String,
        body: Vec<u8>,
        notify: Notify<'_>,
    ) -> Result<u16, Loss> {
        let packet_id = self.packet_id();
        let (shown_topic, shown_body) = (topic.clone(), body.clone());
        notify(Notice::Sent(Sent::Publish { packet_id, topic: shown_topic, body: shown_body }));
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, body);
        publish.pkid = packet_id;
        self.put(&Packet::Publish(publish))?;
        self.pipe.flush().await.map(|()| packet_id)
    }

    /// The next thing of interest, or `Elapsed` at `until`. Pings while nothing else is said.
    pub(super) async fn listen(&mut self, until: Instant, notify: Notify<'_>) -> Event {
        loop {
            match timeout_at(until.min(self.next_ping()), self.read()).await {
                Ok(Ok(packet)) => match self.interpret(packet, notify) {
                    Ok(Some(event)) => return event,
                    Ok(None) => {}
                    Err(loss) => return Event::Lost(loss),
                },
                Ok(Err(fault)) => return fault.into(),
                Err(_) if Instant::now() >= until => return Event::Elapsed,
                Err(_) => {
                    if let Err(loss) = self.ping().await {
                        return Event::Lost(loss);
                    }
                }
            }
        }
    }

    /// When [`ping`](Self::ping) is due, if nothing is said until then.
    pub(in crate::device) fn next_ping(&self) -> Instant {
        self.ping_sent.map_or(self.pipe.last_sent() + PING_AFTER, |sent| sent + PING_TIMEOUT)
    }

    /// Pings, or gives the peer up that has not answered the last ping.
    pub(in crate::device) async fn ping(&mut self) -> Result<(), Loss> {
        if self.ping_sent.is_some() {
            return Err(Loss::NoPingResponse);
        }
        self.put(&Packet::PingReq)?;
        self.pipe.flush().await?;
        self.ping_sent = Some(Instant::now());
        Ok(())
    }

    fn interpret(&mut self, packet: Packet, notify: Notify<'_>) -> Result<Option<Event>, Loss> {
        match packet {
            Packet::Publish(publish) => {
                self.take(&publish, notify)?;
                Ok(Some(answer(publish)))
            }
            Packet::PubAck(puback) => {
                notify(Notice::Received(Received::Puback { packet_id: puback.pkid }));
                Ok(Some(Event::Acknowledged))
            }
            Packet::PingResp => Ok(None),
            other => Ok(Some(Event::Broken(unexpected(&other, "an answer")))),
        }
    }

    /// DISCONNECT, and the end. The connection itself ends when this is dropped.
    pub(in crate::device) async fn close(&mut self) -> io::Result<()> {
        let _ = self.put(&Packet::Disconnect);
        self.pipe.close().await
    }

    fn packet_id(&mut self) -> u16 {
        let id = self.next_packet_id;
        // 0 is not allowed [MQTT-2.3.1-1].
        self.next_packet_id = id.checked_add(1).unwrap_or(1);
        id
    }

    fn put(&mut self, packet: &Packet) -> Result<(), Loss> {
        let outbox = self.pipe.say();
        outbox.reserve(packet.size());
        // What is too large for the service is the service's to say.
        packet.write(outbox, usize::MAX).map(drop).map_err(|_| Loss::Reset)
    }

    /// The next packet. May be dropped while waiting: what has been read stays in the inbox, what is
    /// not sent yet in the outbox.
    pub(in crate::device) async fn read(&mut self) -> Result<Packet, ReadFault> {
        loop {
            match Packet::read(&mut self.inbox, MAX_PACKET) {
                Ok(packet) => {
                    self.ping_sent = None;
                    return Ok(packet);
                }
                Err(CodecError::InsufficientBytes(_)) => {
                    self.pipe.fill(&mut self.inbox).await.map_err(ReadFault::Lost)?
                }
                Err(error) => {
                    return Err(ReadFault::Broken(Breach::Packet { reason: malformed(&error) }));
                }
            }
        }
    }
}

impl From<ReadFault> for Event {
    fn from(fault: ReadFault) -> Self {
        match fault {
            ReadFault::Lost(loss) => Self::Lost(loss),
            ReadFault::Broken(breach) => Self::Broken(breach),
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
