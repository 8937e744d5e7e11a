//! MQTT 3.1.1 over TLS: drives the state machine with real packets (A.1–A.8).
//!
//! Packets are read and written by rumqttc's codec. Its event loop is not used: it has no dialer
//! of its own and folds the failures together that a user must be able to tell apart.

mod session;

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime};

use rumqttc::Connect;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;

use self::session::Session;
use super::ConnectPhase;
use crate::attestation::SasToken;
use crate::device::client::Settings;
use crate::device::error::Error;
use crate::device::exchange::{
    ConnectFailure, Event, Loss, Notice, Registered, Request, RequestKind, Step,
};
use crate::device::registration::Registration;
use crate::net::{Phase, dial};
use crate::wire::{MQTT_PORT, RegisterRequest, RequestTopic, UserName};

/// Seconds of silence after which the service may drop the session; we ping before (A.2: the
/// SDKs use 0 to 230).
const KEEP_ALIVE: u16 = 60;
/// Stands for waits that no clock can tell.
const FAR_OFF: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Runs one registration to its end.
pub(in crate::device) async fn run(
    settings: &Settings,
    mut machine: Registration,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Registered, Error> {
    let mut driver = Driver { settings, start: Instant::now(), session: None };
    let mut event = Event::Start;
    loop {
        let step = machine.handle(driver.start.elapsed(), event, notify);
        event = match step {
            Step::Connect => driver.connect().await,
            Step::Subscribe => driver.subscribe().await,
            Step::Send(request) => driver.send(&request).await,
            Step::Listen { until } => driver.listen(until).await,
            Step::Finish(result) => {
                driver.say_goodbye().await;
                return *result;
            }
        };
        // A dead connection must not be listened to: it would be lost a second time.
        if matches!(event, Event::Lost(_)) {
            driver.session = None;
        }
    }
}

struct Driver<'a> {
    settings: &'a Settings,
    start: Instant,
    session: Option<Session<TlsStream<TcpStream>>>,
}

impl Driver<'_> {
    fn deadline(&self) -> Instant {
        self.at(self.settings.timeout)
    }

    /// A time of the machine's; one beyond what a clock can tell is as good as one far off.
    fn at(&self, since_start: Duration) -> Instant {
        self.start.checked_add(since_start).unwrap_or(self.start + FAR_OFF)
    }

    async fn connect(&mut self) -> Event {
        self.session = None;
        let phase = AtomicU8::new(0);
        match timeout_at(self.deadline(), self.open(&phase)).await {
            Ok(Ok(session)) => {
                self.session = Some(session);
                Event::Accepted
            }
            Ok(Err(failure)) => Event::ConnectFailed(failure),
            Err(_) => Event::ConnectFailed(ConnectFailure::TimedOut(reached(&phase))),
        }
    }

    async fn open(
        &self,
        phase: &AtomicU8,
    ) -> Result<Session<TlsStream<TcpStream>>, ConnectFailure> {
        let Settings { endpoint, tls, .. } = self.settings;
        let on_phase = |reached: Phase| phase.store(reached as u8, Ordering::Relaxed);
        let dialed = dial(endpoint, MQTT_PORT, tls.clone(), on_phase)
            .await
            .map_err(|error| ConnectFailure::Network(error.into()))?;
        tracing::debug!(peer = %dialed.peer, timings = ?dialed.timings, "TLS connection is open");
        phase.store(CONNACK, Ordering::Relaxed);
        Session::open(dialed.stream, connect_packet(self.settings)).await
    }

    async fn subscribe(&mut self) -> Event {
        let deadline = self.deadline();
        let Some(session) = &mut self.session else { return Event::Lost(Loss::Closed) };
        match timeout_at(deadline, session.subscribe()).await {
            Ok(event) => event,
            Err(_) => Event::Elapsed,
        }
    }

    async fn send(&mut self, request: &Request) -> Event {
        let deadline = self.deadline();
        let Some(session) = &mut self.session else { return Event::Lost(Loss::Closed) };
        let rid = request.rid.to_string();
        let (topic, body) = match &request.kind {
            RequestKind::Register => (RequestTopic::Register { rid }, register_body(self.settings)),
            // DPS ignores the body of a poll; Python and Node send one blank.
            RequestKind::Poll(operation_id) => {
                let operation_id = operation_id.as_str().to_owned();
                (RequestTopic::OperationStatus { rid, operation_id }, b" ".to_vec())
            }
        };
        match timeout_at(deadline, session.publish(topic.to_string(), body)).await {
            Ok(Ok(())) => Event::Sent,
            Ok(Err(loss)) => Event::Lost(loss),
            Err(_) => Event::Elapsed,
        }
    }

    async fn listen(&mut self, until: Duration) -> Event {
        let (until, deadline) = (self.at(until), self.deadline());
        match &mut self.session {
            // The session writes while it listens (PUBACK, PINGREQ), and a peer that reads nothing
            // can hold up a write; only at the deadline may a packet be cut in two.
            Some(session) => {
                timeout_at(deadline, session.listen(until)).await.unwrap_or(Event::Elapsed)
            }
            None => {
                tokio::time::sleep_until(until).await;
                Event::Elapsed
            }
        }
    }

    async fn say_goodbye(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = timeout(FAREWELL, session.close()).await;
        }
    }
}

const CONNACK: u8 = 3;

fn reached(phase: &AtomicU8) -> ConnectPhase {
    match phase.load(Ordering::Relaxed) {
        0 => ConnectPhase::Dns,
        1 => ConnectPhase::Tcp,
        2 => ConnectPhase::Tls,
        _ => ConnectPhase::Connack,
    }
}

fn connect_packet(settings: &Settings) -> Connect {
    let Settings { id_scope, registration_id, api_version, .. } = settings;
    let user_name = UserName {
        id_scope: id_scope.clone(),
        registration_id: registration_id.clone(),
        api_version: api_version.clone(),
        client_version: Some(settings.client_version.clone()),
    };
    let token = settings.token(SystemTime::now());
    let mut connect = Connect::new(registration_id.as_str());
    connect.keep_alive = KEEP_ALIVE;
    // Without a token the password is empty, and an empty one is not sent (A.2).
    let password = token.as_ref().map(SasToken::as_str).unwrap_or_default();
    connect.set_login(user_name.to_string(), password);
    connect
}

fn register_body(settings: &Settings) -> Vec<u8> {
    let request = RegisterRequest {
        registration_id: Some(settings.registration_id.to_string()),
        payload: settings.payload.clone(),
    };
    serde_json::to_vec(&request)
        .unwrap_or_else(|_| unreachable!("strings and checked JSON always serialize"))
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
    use crate::wire::ApiVersion;

    fn connect_flags(credential: Credential) -> u8 {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let settings = Settings {
            endpoint: "localhost".parse().unwrap(),
            id_scope: "0ne00002193".parse().unwrap(),
            registration_id: "pump-0042".parse().unwrap(),
            credential,
            payload: None,
            api_version: ApiVersion::DEFAULT,
            client_version: "provision-sim".to_owned(),
            tls: client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
            timeout: FAR_OFF,
            token_lifetime: FAR_OFF,
        };
        let mut packet = BytesMut::new();
        Packet::Connect(connect_packet(&settings)).write(&mut packet, usize::MAX).unwrap();
        let name = packet.windows(4).position(|window| window == b"MQTT").unwrap();
        packet[name + 5]
    }

    #[test]
    fn a_2_a_device_with_a_certificate_connects_without_a_password() {
        let made = TestCertificate::self_signed("pump-0042").unwrap();
        let key = made.key_pem();
        let certificate =
            DeviceCertificate::read(made.pem().as_bytes(), Some(key.as_bytes()), None).unwrap();

        assert_eq!(connect_flags(Credential::X509(certificate)), 0x82);
        let key = "AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap();
        assert_eq!(connect_flags(Credential::SymmetricKey(key)), 0xc2);
    }
}
