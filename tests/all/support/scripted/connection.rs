//! One connection of a server that follows a script.

use std::io;

use bytes::BytesMut;
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::script::{Act, Answer};
use super::{Heard, MAX_PACKET, Open};

/// Where one connection's packets are kept.
pub(super) struct Record {
    pub(super) heard: Heard,
    pub(super) index: usize,
    pub(super) _open: Open,
}

pub(super) struct Connection<S> {
    stream: S,
    inbox: BytesMut,
    record: Record,
    /// The last SUBSCRIBE's or PUBLISH's packet ID, and the latter's topic.
    packet_id: u16,
    /// How many filters the last SUBSCRIBE has.
    filters: usize,
    topic: String,
    next_packet_id: u16,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, record: Record) -> Self {
        let inbox = BytesMut::new();
        let topic = String::new();
        Self { stream, inbox, record, packet_id: 0, filters: 0, topic, next_packet_id: 100 }
    }

    pub(super) async fn play(mut self, acts: &[Act]) -> io::Result<()> {
        self.play_all(acts).await?;
        loop {
            self.hear().await?;
        }
    }

    async fn play_all(&mut self, acts: &[Act]) -> io::Result<()> {
        for act in acts {
            match act {
                Act::Forever(acts) => loop {
                    Box::pin(self.play_all(acts)).await?;
                },
                act => self.play_one(act).await?,
            }
        }
        Ok(())
    }

    async fn play_one(&mut self, act: &Act) -> io::Result<()> {
        match act {
            Act::Connect => self.hear_until(|packet| matches!(packet, Packet::Connect(_))).await,
            Act::Subscribe => {
                self.hear_until(|packet| matches!(packet, Packet::Subscribe(_))).await
            }
            Act::Request => self.hear_until(|packet| matches!(packet, Packet::Publish(_))).await,
            Act::Send(packet) => self.say(packet).await,
            Act::Suback(code) => {
                self.say(&Packet::SubAck(SubAck::new(self.packet_id, vec![*code]))).await
            }
            Act::GrantAll => {
                let granted = SubscribeReasonCode::Success(QoS::AtLeastOnce);
                let granted = vec![granted; self.filters];
                self.say(&Packet::SubAck(SubAck::new(self.packet_id, granted))).await
            }
            Act::Puback => self.say(&Packet::PubAck(PubAck::new(self.packet_id))).await,
            Act::Answer(answer) => {
                let mut publish =
                    Publish::new(self.topic_of(answer), QoS::AtLeastOnce, answer.body.as_bytes());
                publish.pkid = self.next_packet_id;
                self.next_packet_id += 1;
                self.say(&Packet::Publish(publish)).await
            }
            Act::Bytes(bytes) => self.write(bytes).await,
            Act::Pause(pause) => {
                tokio::time::sleep(*pause).await;
                Ok(())
            }
            // Both directions are closed only when the device has left, so that nothing of what
            // was said is lost in a TCP reset.
            Act::Close => self.stream.shutdown().await,
            Act::Forever(_) => unreachable!("played by play_all"),
        }
    }

    fn topic_of(&self, answer: &Answer) -> String {
        let own = self.topic.split("$rid=").nth(1).unwrap_or_default();
        let own = own.split('&').next().unwrap_or_default();
        let rid = answer.rid.as_deref().unwrap_or(own);
        if self.topic.starts_with("$iothub/credentials/") {
            return format!("$iothub/credentials/res/{}/?$rid={rid}", answer.status);
        }
        let wait = answer.retry_after.as_ref().map(|wait| format!("&retry-after={wait}"));
        format!("$dps/registrations/res/{}/?$rid={rid}{}", answer.status, wait.unwrap_or_default())
    }

    async fn say(&mut self, packet: &Packet) -> io::Result<()> {
        let mut outbox = BytesMut::new();
        packet.write(&mut outbox, MAX_PACKET).unwrap();
        self.write(&outbox).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Reads and keeps packets up to one that is wanted.
    async fn hear_until(&mut self, is_wanted: impl Fn(&Packet) -> bool) -> io::Result<()> {
        while !is_wanted(&self.hear().await?) {}
        Ok(())
    }

    async fn hear(&mut self) -> io::Result<Packet> {
        loop {
            match Packet::read(&mut self.inbox, MAX_PACKET) {
                Ok(packet) => {
                    match &packet {
                        Packet::Subscribe(subscribe) => {
                            self.packet_id = subscribe.pkid;
                            self.filters = subscribe.filters.len();
                        }
                        Packet::Publish(publish) => {
                            self.packet_id = publish.pkid;
                            self.topic.clone_from(&publish.topic);
                        }
                        _ => {}
                    }
                    let mut heard = self.record.heard.lock().unwrap();
                    heard[self.record.index].push(packet.clone());
                    return Ok(packet);
                }
                Err(CodecError::InsufficientBytes(_)) => {
                    if self.stream.read_buf(&mut self.inbox).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                // A TLS ClientHello, say, on a connection that is to stay plain.
                Err(_) => self.inbox.clear(),
            }
        }
    }
}
