//! Drives the state machine with packets over one kind of byte stream.

use std::time::Duration;

use rumqttc::Connect;
use tokio::time::timeout;

use super::packet::{KEEP_ALIVE, SPOKEN, encoded_connect};
use super::session::{CLOSE_TIMEOUT, Session};
use crate::attestation::SasToken;
use crate::device::driver::attempt::attempt;
use crate::device::driver::carrier::Carrier;
use crate::device::driver::clock::Clock;
use crate::device::driver::drive::{self, Notify};
use crate::device::driver::progress::Progress;
use crate::device::driver::proof::Proof;
use crate::device::exchange::{ConnectFailure, Event, Loss, Notice, Request, RequestKind};
use crate::device::phase::ConnectPhase;
use crate::device::settings::Settings;
use crate::device::traffic::{Received, Sent, Signed};
use crate::device::wrapped_key::WrappedKey;
use crate::wire::{ConnectCode, RESPONSE_FILTER, RequestTopic, UserName};

/// Drives a registration over one kind of byte stream.
pub(in crate::device::driver) struct Driver<'a, C: Carrier> {
    settings: &'a Settings,
    proof: Proof<'a>,
    clock: Clock,
    session: Option<Session<C::Stream>>,
}

impl<'a, C: Carrier> Driver<'a, C> {
    /// A driver that is not connected.
    pub(in crate::device::driver) fn new(proof: Proof<'a>, clock: Clock) -> Self {
        Self { settings: proof.settings(), proof, clock, session: None }
    }

    async fn open(
        &self,
        token: Option<SasToken>,
        progress: &mut Progress<'_>,
    ) -> Result<Session<C::Stream>, ConnectFailure> {
        let user_name = user_name(self.settings);
        let connect = connect_packet(self.settings, user_name.clone(), token.as_ref());
        let stream =
            C::open(self.settings.destination(), SPOKEN, &encoded_connect(connect)?, progress)
                .await?;
        progress.begin(ConnectPhase::Connack);
        if let Some(signed) = token.as_ref().and_then(Signed::of) {
            progress.tell(Notice::Signed(signed));
        }
        progress.tell(Notice::Sent(Sent::Connect {
            client_id: self.settings.registration_id.to_string(),
            user_name,
            has_password: token.is_some(),
            keep_alive: KEEP_ALIVE,
        }));
        let opened = Session::open(stream).await;
        let code = match &opened {
            Ok(_) => Some(ConnectCode::Accepted),
            Err(ConnectFailure::Refused(code)) => Some(*code),
            Err(_) => None,
        };
        if let Some(code) = code {
            progress.tell(Notice::Received(Received::Connack { code }));
        }
        let session = opened?;
        progress.end();
        Ok(session)
    }
}

impl<C: Carrier> drive::Driver for Driver<'_, C> {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn connect(&mut self, notify: Notify<'_>) -> Event {
        self.session = None;
        let token = match self.proof.token(&self.clock).await {
            Ok(token) => token,
            Err(error) => return Event::ConnectFailed(error.into()),
        };
        let limit = self.clock.connect_limit();
        let mut progress = Progress::new(notify, &self.settings.sources.clock);
        let under_way = progress.under_way();
        // Boxed: what the handshake needs is given back when the connection stands.
        let opening = Box::pin(self.open(token, &mut progress));
        match attempt(&self.clock, limit, &under_way, opening).await {
            Ok(session) => {
                self.session = Some(session);
                Event::Accepted
            }
            Err(failure) => Event::ConnectFailed(failure),
        }
    }

    async fn subscribe(&mut self, notify: Notify<'_>) -> Event {
        let patience_ends = self.clock.patience_ends();
        let Some(session) = &mut self.session else { return Event::Lost(Loss::Closed) };
        let mut progress = Progress::new(notify, &self.settings.sources.clock);
        progress.begin(ConnectPhase::Suback);
        let mut tell = |notice| progress.tell(notice);
        let subscribing =
            self.clock.until(patience_ends, session.subscribe(&[RESPONSE_FILTER], &mut tell));
        let event = subscribing.await.unwrap_or(Event::Elapsed);
        if matches!(event, Event::Subscribed) {
            progress.end();
        }
        event
    }

    async fn send(&mut self, request: Request, notify: Notify<'_>) -> Event {
        let patience_ends = self.clock.patience_ends();
        let Some(session) = &mut self.session else { return Event::Lost(Loss::Closed) };
        let rid = request.rid.to_string();
        let (topic, body) = match &request.kind {
            RequestKind::Introduce | RequestKind::Register => {
                (RequestTopic::Register { rid }, self.settings.register_body(None))
            }
            // DPS ignores the body of a poll; Python and Node send one blank.
            RequestKind::Poll(operation_id) => {
                let operation_id = operation_id.as_str().to_owned();
                (RequestTopic::OperationStatus { rid, operation_id }, b" ".to_vec())
            }
        };
        let publishing = session.publish(topic.to_string(), body, notify);
        match self.clock.until(patience_ends, publishing).await {
            Some(Ok(_)) => Event::Sent,
            Some(Err(loss)) => Event::Lost(loss),
            None => Event::Elapsed,
        }
    }

    async fn take_key(&mut self, key: WrappedKey) -> Event {
        self.proof.take_key(key, &self.clock).await
    }

    async fn listen(&mut self, until: Duration, notify: Notify<'_>) -> Event {
        let (until, deadline) = (self.clock.at(until), self.clock.deadline());
        match &mut self.session {
            // The session writes while it listens (PUBACK, PINGREQ), and a peer that reads nothing
            // can hold up a write; only at the deadline may a packet be cut in two.
            Some(session) => {
                let listening = session.listen(self.clock.real(until), notify);
                self.clock.until(deadline, listening).await.unwrap_or(Event::Elapsed)
            }
            None => {
                self.clock.sleep_until(until).await;
                Event::Elapsed
            }
        }
    }

    fn forget(&mut self) {
        self.session = None;
    }

    async fn close(&mut self) {
        if let Some(session) = &mut self.session {
            let _ = timeout(CLOSE_TIMEOUT, session.close()).await;
        }
    }
}

fn user_name(settings: &Settings) -> String {
    let Settings { id_scope, registration_id, api_version, .. } = settings;
    let user_name = UserName {
        id_scope: id_scope.clone(),
        registration_id: registration_id.clone(),
        api_version: api_version.clone(),
        client_version: Some(settings.client_version.clone()),
    };
    user_name.to_string()
}

fn connect_packet(settings: &Settings, user_name: String, token: Option<&SasToken>) -> Connect {
    let mut connect = Connect::new(settings.registration_id.as_str());
    connect.keep_alive = KEEP_ALIVE;
    // Without a password, rumqttc writes none (A.2: X.509).
    let password = token.map(SasToken::as_str).unwrap_or_default();
    connect.set_login(user_name, password);
    connect
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use rumqttc::Packet;

    use super::*;
    use crate::attestation::DeviceCertificate;
    use crate::device::Credential;

    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;

    async fn connect_flags(credential: Credential) -> u8 {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let settings = Settings {
            timeout: Duration::MAX,
            token_lifetime: Duration::MAX,
            ..Settings::new(
                "localhost".parse().unwrap(),
                "0ne00002193".parse().unwrap(),
                "pump-0042".parse().unwrap(),
                credential,
                client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
            )
        };
        let mut packet = BytesMut::new();
        let token = settings.token(std::time::UNIX_EPOCH).await.unwrap();
        let connect = connect_packet(&settings, user_name(&settings), token.as_ref());
        Packet::Connect(connect).write(&mut packet, usize::MAX).unwrap();
        let name = packet.windows(4).position(|window| window == b"MQTT").unwrap();
        packet[name + 5]
    }

    #[tokio::test]
    async fn a_2_a_device_with_a_certificate_connects_without_a_password() {
        let made = TestCertificate::self_signed("pump-0042").unwrap();
        let key = made.key_pem();
        let certificate =
            DeviceCertificate::read(made.pem().as_bytes(), Some(key.as_bytes()), None).unwrap();

        assert_eq!(connect_flags(Credential::X509(certificate)).await, 0x82);
        let key = "AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap();
        assert_eq!(connect_flags(Credential::SymmetricKey(key)).await, 0xc2);
    }
}
