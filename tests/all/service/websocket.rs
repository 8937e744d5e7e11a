//! MQTT over WebSocket: any path, any spelling of the subprotocol, any cutting into messages.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Login, Packet, Publish, Subscribe};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::PATIENCE;
use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::service::token::of_device;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// How a packet is cut into messages.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// As Python and C have it.
    Whole,
    /// Worse than Node, which has a message for every field.
    Bytes,
    /// One message in several frames, an empty one among them.
    Fragments,
}

struct Device {
    socket: Socket,
    cut: Cut,
    inbox: BytesMut,
}

async fn open(
    service: &TestService,
    target: &str,
    subprotocol: Option<&str>,
) -> Result<(Socket, Response), Error> {
    let mut request = format!("wss://localhost{target}").into_client_request().unwrap();
    if let Some(subprotocol) = subprotocol {
        request.headers_mut().insert("Sec-WebSocket-Protocol", subprotocol.parse().unwrap());
    }
    timeout(PATIENCE, client_async(request, service.https().await)).await.unwrap()
}

impl Device {
    async fn open(service: &TestService, target: &str, subprotocol: &str, cut: Cut) -> Self {
        let (socket, response) = open(service, target, Some(subprotocol)).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], subprotocol);
        Self { socket, cut, inbox: BytesMut::new() }
    }

    async fn say(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, 1 << 16).unwrap();
        let frame = |bytes: &[u8], code, is_final| {
            Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(code), is_final))
        };
        let messages: Vec<_> = match self.cut {
            Cut::Whole => vec![Message::Binary(bytes.freeze())],
            Cut::Bytes => {
                bytes.chunks(1).map(|byte| Message::Binary(byte.to_vec().into())).collect()
            }
            Cut::Fragments => vec![
                frame(&bytes[..1], Data::Binary, false),
                frame(&[], Data::Continue, false),
                Message::Ping("still there?".into()),
                frame(&bytes[1..], Data::Continue, true),
            ],
        };
        for message in messages {
            self.socket.send(message).await.unwrap();
        }
    }

    async fn hear(&mut self) -> Packet {
        loop {
            if let Ok(packet) = Packet::read(&mut self.inbox, 1 << 16) {
                return packet;
            }
            match timeout(PATIENCE, self.socket.next()).await.unwrap().unwrap().unwrap() {
                Message::Binary(bytes) => self.inbox.extend_from_slice(&bytes),
                Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn connect(&mut self, registration_id: &str) {
        let mut connect = Connect::new(registration_id);
        let user = format!("{SCOPE}/registrations/{registration_id}/api-version=2019-03-31");
        connect.login = Some(Login::new(user, of_device(registration_id)));
        self.say(Packet::Connect(connect)).await;
        let Packet::ConnAck(answer) = self.hear().await else { panic!() };
        assert_eq!(answer.code, ConnectReturnCode::Success);
    }

    /// The JSON of the answer to a request.
    async fn ask(&mut self, topic: String, body: &str) -> Value {
        serde_json::from_slice(&self.request(topic, body).await.payload).unwrap()
    }

    /// The answer to a request.
    async fn request(&mut self, topic: String, body: &str) -> Publish {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, body);
        publish.pkid = 7;
        self.say(Packet::Publish(publish)).await;
        assert!(matches!(self.hear().await, Packet::PubAck(_)), "first (A-12)");
        let Packet::Publish(answer) = self.hear().await else { panic!() };
        answer
    }

    /// A whole registration, to the hub.
    async fn register(&mut self, registration_id: &str) -> String {
        self.connect(registration_id).await;
        let mut subscribe = Subscribe::new("$dps/registrations/res/#", QoS::AtLeastOnce);
        subscribe.pkid = 1;
        self.say(Packet::Subscribe(subscribe)).await;
        assert!(matches!(self.hear().await, Packet::SubAck(_)));
        let topic = "$dps/registrations/PUT/iotdps-register/?$rid=1";
        let accepted = loop {
            let answer = self.request(topic.to_owned(), "").await;
            let throttled = "$dps/registrations/res/429/?$rid=1&retry-after=";
            let Some(seconds) = answer.topic.strip_prefix(throttled) else { break answer };
            tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
        };
        let accepted: Value = serde_json::from_slice(&accepted.payload).unwrap();
        let operation = accepted["operationId"].as_str().unwrap();
        let topic = format!(
            "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation}"
        );
        let done = self.ask(topic, " ").await;
        done["registrationState"]["assignedHub"].as_str().unwrap().to_owned()
    }

    /// The code with which the service closes.
    async fn closed(mut self) -> u16 {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) => return code.into(),
                Some(Ok(_)) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_2_a_device_registers_on_any_path_with_any_spelling() {
    let service = Setup::at_once().start().await;
    for (target, subprotocol) in [
        ("/$iothub/websocket", "mqtt"),
        ("/%24iothub/websocket", "mqtt"),
        ("/$iothub/websocket?iothub-no-client-cert=true", "MQTT"),
        ("/", "mqtt"),
        ("/mqtt", "Mqtt"),
        ("/registrations/x", "mqtt"),
    ] {
        let mut device = Device::open(&service, target, subprotocol, Cut::Whole).await;

        assert_eq!(device.register("pump-0042").await, HUB_WEST, "{target}");
    }
}

#[tokio::test]
async fn p4_messages_are_a_byte_stream_however_they_are_cut() {
    let service = Setup::at_once().start().await;
    for cut in [Cut::Bytes, Cut::Fragments] {
        let mut device = Device::open(&service, "/$iothub/websocket", "mqtt", cut).await;

        assert_eq!(device.register("pump-0042").await, HUB_WEST, "{cut:?}");
    }
}

#[tokio::test]
async fn h_3_thirty_devices_that_wait_as_told_are_all_assigned_ten_a_second() {
    let service = Setup::at_once().quotas("registrations = \"10/1s\"").start().await;
    let mut devices = JoinSet::new();
    let start = Instant::now();

    for n in 0..30 {
        let mut device = Device::open(&service, "/$iothub/websocket", "mqtt", Cut::Whole).await;
        devices.spawn(async move { device.register(&format!("pump-{n}")).await });
    }
    while let Some(hub) = timeout(PATIENCE, devices.join_next()).await.unwrap() {
        assert_eq!(hub.unwrap(), HUB_WEST);
    }

    // However slow the machine: the 11th and the 21st come a second after the tenth before them.
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_7_disconnect_ends_it_with_a_close_frame() {
    let service = Setup::at_once().start().await;
    let mut device = Device::open(&service, "/", "mqtt", Cut::Whole).await;
    device.connect("pump-0042").await;

    device.say(Packet::Disconnect).await;

    assert_eq!(device.closed().await, 1000);
}

#[tokio::test]
async fn the_clients_own_close_frame_is_answered() {
    let service = Setup::at_once().start().await;
    let mut device = Device::open(&service, "/", "mqtt", Cut::Whole).await;
    device.connect("pump-0042").await;

    let closing = async {
        device.socket.close(None).await.unwrap();
        while let Some(message) = device.socket.next().await {
            assert!(matches!(message, Ok(Message::Close(_))), "{message:?}");
        }
    };

    timeout(PATIENCE, closing).await.unwrap();
}

#[tokio::test]
async fn a_6_what_is_wrong_in_mqtt_is_told_in_mqtt() {
    let service = Setup::at_once().start().await;
    let mut device = Device::open(&service, "/", "mqtt", Cut::Whole).await;
    let mut connect = Connect::new("a");
    connect.login = Some(Login::new("0neFFFFFFFF/registrations/a/api-version=2019-03-31", ""));

    device.say(Packet::Connect(connect)).await;

    let Packet::ConnAck(answer) = device.hear().await else { panic!() };
    assert_eq!(answer.code, ConnectReturnCode::ServiceUnavailable);
    assert_eq!(device.closed().await, 1000);
}

/// J-62.
#[tokio::test]
async fn mqtt_6_0_0_1_text_frames_end_it() {
    let service = Setup::at_once().start().await;
    let mut device = Device::open(&service, "/", "mqtt", Cut::Whole).await;
    device.connect("pump-0042").await;

    device.socket.send(Message::text("hello")).await.unwrap();

    assert_eq!(device.closed().await, 1003);
}

/// J-42, J-62.
#[tokio::test]
async fn h_3_a_message_longer_than_any_packet_ends_it() {
    let service = Setup::at_once().start().await;
    let mut device = Device::open(&service, "/", "mqtt", Cut::Whole).await;
    device.connect("pump-0042").await;

    device.socket.send(Message::binary(vec![0x30; 300_000])).await.unwrap();

    assert_eq!(device.closed().await, 1009);
}

/// J-62.
#[tokio::test]
async fn a_frame_out_of_order_ends_it() {
    let service = Setup::at_once().start().await;
    let mut device = Device::open(&service, "/", "mqtt", Cut::Whole).await;
    let orphan = Frame::message(vec![0x10], OpCode::Data(Data::Continue), true);

    device.socket.send(Message::Frame(orphan)).await.unwrap();

    assert_eq!(device.closed().await, 1002);
}

/// J-62.
#[tokio::test]
async fn a_2_without_a_subprotocol_that_is_spoken_it_is_400() {
    let service = Setup::at_once().start().await;
    for subprotocol in [None, Some("wamp")] {
        let Err(Error::Http(answer)) = open(&service, "/$iothub/websocket", subprotocol).await
        else {
            panic!()
        };

        assert_eq!(answer.status(), 400, "{subprotocol:?}");
        assert_eq!(answer.headers()["x-ms-error-code"], "400004");
    }
}

#[tokio::test]
async fn j_260_faults_strike_over_a_web_socket_too_and_can_be_for_it_alone() {
    let service = Setup::at_once()
        .fault("connect connack=3 nth=1 transport=mqtt-ws")
        .fault("register status=429 retry-after=0 nth=1 transport=mqtt-ws")
        .fault("poll close nth=2 transport=mqtt-ws")
        .start()
        .await;
    let mut refused = Device::open(&service, "/$iothub/websocket", "mqtt", Cut::Whole).await;
    let mut connect = Connect::new("pump-0042");
    let user = format!("{SCOPE}/registrations/pump-0042/api-version=2019-03-31");
    connect.login = Some(Login::new(user, of_device("pump-0042")));
    refused.say(Packet::Connect(connect)).await;
    let Packet::ConnAck(answer) = refused.hear().await else { panic!() };
    assert_eq!(answer.code, ConnectReturnCode::ServiceUnavailable);

    let mut device = Device::open(&service, "/$iothub/websocket", "mqtt", Cut::Whole).await;
    // It waits as long as the 429 tells it to, and asks again.
    assert_eq!(device.register("pump-0042").await, HUB_WEST);
    let topic = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=3&operationId=x";
    let mut publish = Publish::new(topic, QoS::AtLeastOnce, "");
    publish.pkid = 9;
    device.say(Packet::Publish(publish)).await;
    assert!(matches!(device.hear().await, Packet::PubAck(_)));
    assert_eq!(device.closed().await, 1000);
    let struck: Vec<_> = service.inside().faults().list().iter().map(|it| it.struck).collect();
    assert_eq!(struck, [1, 1, 1]);
}
