//! A device that speaks raw MQTT over TLS, with the manners of any SDK.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, QoS, Subscribe,
    SubscribeReasonCode,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::golden::normalised;
use super::setup::{PRIMARY_KEY, SCOPE, TestService};
use super::token::{UPPER, derived, hub_token, of_device};
use super::within;

pub const RESPONSES: &str = "$dps/registrations/res/#";
const MAX_PACKET: usize = 1 << 20;

/// Who a device says it is.
#[derive(Debug, Clone)]
pub struct Device {
    pub client_id: String,
    pub user_name: String,
    /// Empty: none.
    pub password: String,
}

impl Device {
    /// A device of the group `pumps`, with a good token.
    pub fn new(id: &str) -> Self {
        Self::with_password(id, &of_device(id))
    }

    pub fn with_key(id: &str, key: &[u8]) -> Self {
        Self::with_password(id, &UPPER.token(key, SCOPE, id))
    }

    pub fn with_password(id: &str, password: &str) -> Self {
        Self {
            client_id: id.to_owned(),
            user_name: format!("{SCOPE}/registrations/{id}/api-version=2021-06-01"),
            password: password.to_owned(),
        }
    }

    /// A device of the group `pumps` at its hub.
    pub fn at_hub(id: &str, hub: &str) -> Self {
        let key = derived(PRIMARY_KEY, id);
        Self {
            client_id: id.to_owned(),
            user_name: format!("{hub}/{id}/?api-version=2021-04-12"),
            password: hub_token(&key, hub, id),
        }
    }

    /// Its CONNECT.
    pub fn connect_packet(&self) -> Packet {
        let mut connect = Connect::new(&*self.client_id);
        connect.set_login(&*self.user_name, &*self.password);
        Packet::Connect(connect)
    }

    pub fn api_version(self, version: &str) -> Self {
        let user_name = self.user_name.replace("2021-06-01", version);
        Self { user_name, ..self }
    }

    pub fn user_name(self, user_name: &str) -> Self {
        Self { user_name: user_name.to_owned(), ..self }
    }
}

/// How a device behaves.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    pub clean_session: bool,
    pub keep_alive: u16,
    pub publish: QoS,
    pub subscribe: QoS,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            clean_session: true,
            keep_alive: 60,
            publish: QoS::AtLeastOnce,
            subscribe: QoS::AtLeastOnce,
        }
    }
}

/// What the service says to a request.
#[derive(Debug)]
pub struct Answer {
    pub topic: String,
    pub qos: QoS,
    pub retain: bool,
    pub packet_id: u16,
    pub text: String,
}

impl Answer {
    /// The status in the topic.
    pub fn status(&self) -> u16 {
        let rest = self.topic.strip_prefix("$dps/registrations/res/").expect("a response topic");
        let (status, _) = rest.split_once('/').expect("something behind the status");
        status.parse().expect("a number")
    }

    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).expect("an answer is always JSON (A-13)")
    }

    pub fn state(&self) -> Value {
        self.body()["registrationState"].clone()
    }

    pub fn operation_id(&self) -> String {
        let id = self.body()["operationId"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| panic!("no operationId (A-15): {}", self.text))
    }

    /// Status, code and message of an error, after the checks that hold for every error (H.1).
    pub fn error(&self) -> (u16, u64, String) {
        let body = self.body();
        let code = body["errorCode"].as_u64().expect("a number");
        assert_eq!(code / 1000, u64::from(self.status()), "the first three digits (H.1)");
        assert!(!self.topic.contains("retry-after"), "{}", self.topic);
        let message = body["message"].as_str().expect("a text").to_owned();
        let whole = format!(
            r#"{{"errorCode":{code},"trackingId":"<guid>","message":"{message}","timestampUtc":"<time>"}}"#
        );
        assert_eq!(normalised(&self.text), whole, "members in this order (H.1)");
        (self.status(), code, message)
    }

    /// `status`, `errorCode` and `errorMessage` of a registration that failed (F.4).
    pub fn failure(&self) -> (u64, String) {
        let state = self.state();
        assert_eq!((self.status(), &state["status"]), (200, &Value::from("failed")), "{state}");
        assert!(state["lastUpdatedDateTimeUtc"].is_string(), "A-14: {state}");
        let code = state["errorCode"].as_u64().expect("a number (A-14)");
        (code, state["errorMessage"].as_str().expect("a text (A-14)").to_owned())
    }
}

/// One MQTT connection.
pub struct Client {
    stream: TlsStream<TcpStream>,
    inbox: BytesMut,
    publish: QoS,
    next_id: u16,
}

impl Client {
    /// A TLS connection, nothing said yet.
    pub async fn dial(service: &TestService) -> Self {
        Self::dial_with(service, service.tls.clone()).await
    }

    pub async fn dial_with(service: &TestService, tls: Arc<ClientConfig>) -> Self {
        Self::try_dial(service, tls).await.expect("a handshake")
    }

    /// The same, where the service may refuse the handshake.
    pub async fn try_dial(service: &TestService, tls: Arc<ClientConfig>) -> io::Result<Self> {
        let tcp = TcpStream::connect(service.address()).await.expect("a connection");
        Self::try_over(tcp, "localhost", tls).await
    }

    /// Through what is open already, to a host of this name.
    pub async fn over(tcp: TcpStream, host: &str, tls: Arc<ClientConfig>) -> Self {
        Self::try_over(tcp, host, tls).await.expect("a handshake")
    }

    async fn try_over(tcp: TcpStream, host: &str, tls: Arc<ClientConfig>) -> io::Result<Self> {
        tcp.set_nodelay(true).expect("no delay");
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        let handshake = TlsConnector::from(tls).connect(name, tcp);
        let stream = within("the TLS handshake", handshake).await?;
        Ok(Self { stream, inbox: BytesMut::new(), publish: QoS::AtLeastOnce, next_id: 1 })
    }

    /// Connected and subscribed.
    pub async fn connect(service: &TestService, device: &Device) -> Self {
        Self::connect_with(service, device, Manners::default()).await
    }

    pub async fn connect_with(service: &TestService, device: &Device, manners: Manners) -> Self {
        let mut client = Self::dial(service).await;
        client.log_in(device, manners).await;
        client
    }

    /// CONNECT and SUBSCRIBE, both of which must succeed.
    pub async fn log_in(&mut self, device: &Device, manners: Manners) {
        let connack = self.say_hello(device, manners).await;
        let accepted = ConnAck { session_present: false, code: ConnectReturnCode::Success };
        assert_eq!(connack, Some(accepted), "{device:?}");
        let granted = self.subscribe(RESPONSES, manners.subscribe).await;
        assert!(matches!(granted, SubscribeReasonCode::Success(_)), "{granted:?}");
    }

    /// Sends CONNECT; `None` if the service closes without an answer.
    pub async fn say_hello(&mut self, device: &Device, manners: Manners) -> Option<ConnAck> {
        self.publish = manners.publish;
        let mut connect = Connect::new(&*device.client_id);
        connect.clean_session = manners.clean_session;
        connect.keep_alive = manners.keep_alive;
        if !device.user_name.is_empty() {
            connect.set_login(&*device.user_name, &*device.password);
        }
        self.send(Packet::Connect(connect)).await;
        match self.next().await {
            Some(Packet::ConnAck(connack)) => Some(connack),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// Connected to its hub, and subscribed to all that a twin needs.
    pub async fn at_hub(service: &TestService, id: &str, hub: &str) -> Self {
        let mut client = Self::dial(service).await;
        let connack = client.say_hello(&Device::at_hub(id, hub), Manners::default()).await;
        assert_eq!(connack.map(|it| it.code), Some(ConnectReturnCode::Success), "{id} at {hub}");
        for filter in ["$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"] {
            client.subscribe(filter, QoS::AtLeastOnce).await;
        }
        client
    }

    /// Its twin.
    pub async fn twin(&mut self) -> Value {
        let answer = self.request("$iothub/twin/GET/?$rid=t", b" ").await;
        assert_eq!(answer.topic, "$iothub/twin/res/200/?$rid=t");
        answer.body()
    }

    /// Reports properties; the topic of the answer.
    pub async fn report(&mut self, patch: &str) -> String {
        let topic = "$iothub/twin/PATCH/properties/reported/?$rid=r";
        self.request(topic, patch.as_bytes()).await.topic
    }

    pub async fn subscribe(&mut self, filter: &str, qos: QoS) -> SubscribeReasonCode {
        let mut subscribe = Subscribe::new(filter, qos);
        subscribe.pkid = self.packet_id();
        let sent = subscribe.pkid;
        self.send(Packet::Subscribe(subscribe)).await;
        match self.receive().await {
            Packet::SubAck(ack) if ack.pkid == sent => ack.return_codes[0],
            other => panic!("{other:?}"),
        }
    }

    pub async fn register(&mut self, body: &str) -> Answer {
        self.request("$dps/registrations/PUT/iotdps-register/?$rid=1", body.as_bytes()).await
    }

    pub async fn poll(&mut self, operation_id: &str) -> Answer {
        self.request(&poll_topic(operation_id), b" ").await
    }

    /// Registers and polls until the result is there.
    pub async fn provision(&mut self, body: &str) -> Answer {
        let accepted = self.register(body).await;
        assert_eq!(accepted.status(), 202, "{}", accepted.text);
        self.result_of(&accepted).await
    }

    /// Polls until the result of an accepted request is there.
    pub async fn result_of(&mut self, accepted: &Answer) -> Answer {
        let operation_id = accepted.operation_id();
        loop {
            let answer = self.poll(&operation_id).await;
            if answer.status() != 202 {
                return answer;
            }
        }
    }

    pub async fn request(&mut self, topic: &str, body: &[u8]) -> Answer {
        self.publish(topic, body, self.publish).await;
        self.answer().await
    }

    /// Sends PUBLISH; at QoS 1, waits for PUBACK, which must be the next packet (A-12).
    pub async fn publish(&mut self, topic: &str, body: &[u8], qos: QoS) {
        let mut publish = Publish::from_bytes(topic, qos, Bytes::copy_from_slice(body));
        if qos != QoS::AtMostOnce {
            publish.pkid = self.packet_id();
        }
        let expected = PubAck::new(publish.pkid);
        self.send(Packet::Publish(publish)).await;
        if qos == QoS::AtLeastOnce {
            assert_eq!(self.receive().await, Packet::PubAck(expected), "PUBACK first (A-12)");
        }
    }

    /// The next packet, which must be an answer; acknowledged if it asks for it.
    pub async fn answer(&mut self) -> Answer {
        let Packet::Publish(publish) = self.receive().await else { panic!("no PUBLISH") };
        if publish.qos == QoS::AtLeastOnce {
            self.send(Packet::PubAck(PubAck::new(publish.pkid))).await;
        }
        Answer {
            topic: publish.topic,
            qos: publish.qos,
            retain: publish.retain,
            packet_id: publish.pkid,
            text: String::from_utf8(publish.payload.to_vec()).expect("UTF-8"),
        }
    }

    pub async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, MAX_PACKET).expect("a packet");
        self.send_raw(&bytes).await;
    }

    /// The same where the service may have hung up already; what it said before that can still be read.
    pub async fn send_if_open(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, MAX_PACKET).expect("a packet");
        let sent = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        let _ = within("sending", sent).await;
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        within("sending", sent).await.expect("the service reads");
    }

    pub async fn receive(&mut self) -> Packet {
        self.next().await.expect("the service closed the connection")
    }

    /// Whether the service hangs up without another word.
    pub async fn is_closed(&mut self) -> bool {
        self.next().await.is_none()
    }

    /// The next packet; `None` if the service hung up.
    pub async fn next(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.inbox, MAX_PACKET) {
                Ok(packet) => return Some(packet),
                Err(CodecError::InsufficientBytes(_)) => {}
                Err(error) => panic!("the service sent what is no packet: {error}"),
            }
            match within("a packet", self.stream.read_buf(&mut self.inbox)).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The stream, for a test that does without packets.
    pub fn into_stream(self) -> TlsStream<TcpStream> {
        self.stream
    }

    fn packet_id(&mut self) -> u16 {
        self.next_id += 1;
        self.next_id
    }
}

pub fn poll_topic(operation_id: &str) -> String {
    format!("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation_id}")
}
