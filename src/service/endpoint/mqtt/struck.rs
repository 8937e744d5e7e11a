//! What faults on demand do to the packets of a connection, and to the answers on it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::codec::{Connect, Packet, Subscribe};
use super::connection::{Connection, End, Speaker};
use super::flow::Struck;
use super::held::Delayed;
use super::hub_session::HubQuestion;
use crate::service::caller::{Transport, TurnedAway};
use crate::service::connection::{ClientConnection, said};
use crate::service::endpoint::hub_desk::{TwinAnswer, struck_twin};
use crate::service::fault_rule::{Deed, FaultPlace, FaultTransport};
use crate::service::faults::{HangUp, Order, Said, Strike, Verdict};
use crate::service::reply::Reply;
use crate::wire::{RequestTopic, UserName};

/// How an answer is written: as it should be, or otherwise.
pub(super) type Write<'a> = dyn FnMut(&Reply, Option<&Said>, &mut BytesMut) + 'a;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Has a fault strike a CONNECT or a SUBSCRIBE, if one does.
    pub(super) async fn strike(&mut self, packet: &Packet) -> Result<Struck, End> {
        let place = match packet {
            Packet::Connect(connect) if self.is_for_a_hub(connect) => FaultPlace::HubConnect,
            Packet::Connect(_) => FaultPlace::Connect,
            Packet::Subscribe(_) => FaultPlace::Subscribe,
            _ => return Ok(Struck::Not),
        };
        if !self.registrar.faults.are_at(place) {
            return Ok(Struck::Not);
        }
        let strike = match packet {
            Packet::Connect(connect) if place == FaultPlace::HubConnect => {
                let transport = self.transport();
                self.registrar.strike_at_hub(place, transport, &connect.client_id)
            }
            Packet::Connect(connect) => self.strike_connect(connect),
            Packet::Subscribe(_) => self.strike_subscribe(),
            _ => None,
        };
        match strike {
            Some(strike) => self.struck(&strike, packet).await,
            None => Ok(Struck::Not),
        }
    }

    fn strike_connect(&self, connect: &Connect) -> Option<Strike> {
        let Speaker::Provisioning(session) = &self.speaker else { return None };
        let who = who_connects(session.unconnected()?, connect)?;
        // Who lets a device in is known by what it proves, and it proves nothing yet.
        self.registrar.strike_client(FaultPlace::Connect, self.transport(), who, &|| None)
    }

    fn strike_subscribe(&self) -> Option<Strike> {
        let Speaker::Provisioning(session) = &self.speaker else { return None };
        let caller = session.device()?;
        let enrollment = || self.registrar.enrollment_of(caller);
        let who = TurnedAway::struck(caller);
        self.registrar.strike_client(FaultPlace::Subscribe, self.transport(), who, &enrollment)
    }

    async fn struck(&mut self, strike: &Strike, packet: &Packet) -> Result<Struck, End> {
        let what = &strike.rule.what;
        let delay = what.delay.unwrap_or_default();
        let (bytes, then) = match (what.deed, packet) {
            (Some(Deed::Silence), _) => return Ok(Struck::Instead),
            (Some(Deed::Close), _) => (BytesMut::new(), Some(HangUp::Close)),
            (Some(Deed::Reset), _) => (BytesMut::new(), Some(HangUp::Reset)),
            (Some(Deed::Connack(code)), _) => {
                (BytesMut::from(&[0x20, 2, 0, code][..]), Some(HangUp::Close))
            }
            (Some(Deed::Suback(code)), Packet::Subscribe(subscribe)) => {
                self.subscribe_all_the_same(subscribe, code);
                (suback(subscribe, code), None)
            }
            _ => return Ok(Struck::Later(delay)),
        };
        self.say(delay, bytes, then).await.map(|()| Struck::Instead)
    }

    /// A code that grants something is true, whatever was asked for.
    fn subscribe_all_the_same(&mut self, subscribe: &Subscribe, code: u8) {
        if let Speaker::Provisioning(session) = &mut self.speaker
            && code <= 2
        {
            let id_scope = &self.registrar.instance().id_scope;
            let packet = Packet::Subscribe(subscribe.clone());
            session.take(packet, id_scope, &mut BytesMut::new());
        }
    }

    /// Answers a device at its hub as faults have it.
    pub(super) async fn answer_twin(&mut self, question: HubQuestion) -> Result<(), End> {
        let transport = self.transport();
        let Speaker::Hub(hub) = &mut self.speaker else { return Ok(()) };
        let device_id = hub.session.key().device_id().to_string();
        let asked = match &question {
            HubQuestion::Twin { rid } | HubQuestion::Report { rid, .. } => Some(rid.clone()),
            _ => None,
        };
        let Some(rid) = asked else {
            hub.answer(question, &mut self.outbox).await;
            return Ok(());
        };
        let find = async { Some(hub.find(question, &mut self.outbox).await?.1) };
        let Some((verdict, version)) =
            struck_twin(&self.registrar, transport, &device_id, find).await
        else {
            return Ok(());
        };
        let Speaker::Hub(hub) = &mut self.speaker else { return Ok(()) };
        let session = &mut hub.session;
        let mut write = |reply: &Reply, said: Option<&Said>, out: &mut BytesMut| {
            let rid = said.map_or_else(|| rid.clone(), |said| said.rid(&rid));
            // Errors of a hub have no more to say.
            let body = if reply.status >= 400 { "{}".to_owned() } else { reply.body.clone() };
            session.answer(rid, &TwinAnswer { status: reply.status, version, body }, out);
        };
        let (bytes, delay, then) = written(&mut self.held, verdict, &mut write);
        self.say(delay, bytes, then).await
    }

    /// Does what a fault on demand wants of an answer to a request, now or later; and what waits for an
    /// answer goes behind this one.
    pub(super) async fn carry_out(
        &mut self,
        topic: &RequestTopic,
        verdict: Verdict,
    ) -> Result<(), End> {
        let Speaker::Provisioning(session) = &mut self.speaker else { return Ok(()) };
        if let Some(caller) = session.device().filter(|_| verdict.is_silent()) {
            self.registrar.sources.clock.forsake(caller.registration_id.folded());
        }
        let mut write = |reply: &Reply, said: Option<&Said>, out: &mut BytesMut| match said {
            None => session.answer(topic, reply, out),
            Some(said) => session.answer_oddly(topic, said, out),
        };
        let (bytes, delay, then) = written(&mut self.held, verdict, &mut write);
        self.say(delay, bytes, then).await
    }

    pub(super) async fn say(
        &mut self,
        delay: Duration,
        bytes: BytesMut,
        then: Option<HangUp>,
    ) -> Result<(), End> {
        let clock = self.registrar.sources.clock.clone();
        if clock.stands() {
            clock.sleep(delay).await;
        } else if !delay.is_zero() {
            self.hold(delay, bytes, then);
            return Ok(());
        }
        self.outbox.extend_from_slice(&bytes);
        then.map_or(Ok(()), |how| Err(End::Struck(how)))
    }

    /// Says this later.
    pub(super) fn hold(&mut self, delay: Duration, bytes: BytesMut, then: Option<HangUp>) {
        let at = Instant::now() + delay;
        self.held.get_or_insert_default().until(at, Delayed { bytes, then });
    }

    pub(super) fn transport(&self) -> FaultTransport {
        Transport::Mqtt.for_faults(self.is_web_socket)
    }
}

/// What is to be said, how much later, and whether the connection ends then.
pub(super) fn written(
    held: &mut Option<Box<super::held::Held>>,
    mut verdict: Verdict,
    write: &mut Write<'_>,
) -> (BytesMut, Duration, Option<HangUp>) {
    let held = held.get_or_insert_default();
    let late = held.take_late();
    let mut delay = Duration::ZERO;
    if let Verdict::Delay(wanted, then) = verdict {
        (delay, verdict) = (wanted, *then);
    }
    let (mut bytes, mut then) = (BytesMut::new(), None);
    match verdict {
        Verdict::Reply(reply) => write(&reply, None, &mut bytes),
        Verdict::Say(said) => {
            write(&said.reply, Some(&said), &mut bytes);
            match said.order {
                Order::Once => {}
                Order::Twice => write(&said.reply, Some(&said), &mut bytes),
                Order::Late => held.until_next(std::mem::take(&mut bytes)),
            }
            if let Some(length) = said.cut {
                bytes.truncate(length);
                then = Some(HangUp::Close);
            }
        }
        Verdict::HangUp(how) => then = Some(how),
        // Delays do not come one in the other.
        Verdict::Silence | Verdict::Lose | Verdict::Delay(..) => {}
    }
    bytes.extend_from_slice(&late);
    (bytes, delay, then)
}

fn suback(Subscribe { packet_id, filters }: &Subscribe, code: u8) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0x90);
    let mut length = filters.len() + 2;
    loop {
        let more = if length > 127 { 0x80 } else { 0 };
        bytes.put_u8((length & 127) as u8 | more);
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    bytes.put_u16(*packet_id);
    bytes.put_bytes(code, filters.len());
    bytes
}

/// Who connects, if it names a device.
fn who_connects(connection: &ClientConnection, connect: &Connect) -> Option<TurnedAway> {
    let user_name = connect.user_name.as_deref().unwrap_or_default().parse::<UserName>().ok();
    let id = user_name.as_ref().map(|name| name.registration_id.clone());
    Some(TurnedAway {
        registration_id: id.or_else(|| connect.client_id.parse().ok())?,
        id_scope: user_name.as_ref().map(|name| name.id_scope.to_string()),
        api_version: user_name.as_ref().map(|name| name.api_version.clone()),
        connection: Arc::new(ClientConnection {
            client_id: Some(said(&connect.client_id)),
            client_version: user_name.and_then(|name| name.client_version).as_deref().map(said),
            keep_alive: Some(connect.keep_alive),
            ..connection.clone()
        }),
        transport: Transport::Mqtt,
        check: "fault",
        reason: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::codec::QoS;
    use super::*;

    #[test]
    fn a_suback_has_the_code_for_each_filter_however_many() {
        let subscribe = |count| Subscribe {
            packet_id: 0x0102,
            filters: vec![("a".to_owned(), QoS::AtMostOnce); count],
        };

        assert_eq!(&suback(&subscribe(2), 0x80)[..], [0x90, 4, 1, 2, 0x80, 0x80]);
        let many = suback(&subscribe(200), 3);
        assert_eq!((&many[..5], many.len()), (&[0x90, 0xca, 1, 1, 2][..], 205));
    }
}
