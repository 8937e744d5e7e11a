//! Devices that register over AMQP as the SDKs for Node, C, .NET and Java do, frame by frame: what each
//! of them sends, waits for and reads, down to the spelling of a name.

use std::sync::Arc;

use provision_sim::amqp::{
    Attach, Begin, Body, End, Failure, Flow, Frame, Message, Open, Outcome, Performative,
    Properties, Protocol, Role, SaslCode, Terminus, Transfer, Value,
};
use provision_sim::pki::TestPki;
use provision_sim::service::RegistrationEvent;
use rustls::ClientConfig;
use serde_json::Value as Json;

use crate::support::amqp::client::{Client, credit_of};
use crate::support::amqp::sdk::Sdk;
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, Setup, TestService};
use crate::support::service::token::{derived, hub_token};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::x509::{Identity, group, signed_by};

const ID: &str = "pump-0042";
/// The key of no group.
const STRANGE_KEY: &str = "c3RyYW5nZS1ncm91cC1rZXktMDEyMzQ1Njc=";

/// Registers a device with a payload by key, which is told to wait twice.
async fn assigned(sdk: Sdk, open: impl AsyncFnOnce(&TestService) -> Client) {
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let mut service = Setup::custom(&webhook.url(), "").assigning_polls(1).start().await;
    let client = open(&service).await;
    let mut device = sdk.connect(client, ID).await.with_payload(r#"{"name":"Küche"}"#);

    let accepted = device.register().await.unwrap();
    let operation_id = accepted.operation_id();
    let waiting = device.poll(&operation_id).await.unwrap();
    service.event().await;
    let result = device.poll(&operation_id).await.unwrap();
    device.end().await;

    assert_eq!((accepted.status(), accepted.retry_after), ("assigning", Some(3)));
    assert_eq!((waiting.status(), waiting.retry_after), ("assigning", Some(3)));
    assert_eq!(waiting.operation_id(), operation_id);
    assert_eq!(result.status(), "assigned");
    assert_assigned(&result.body, ID);
    let asked = webhook.call().await;
    let body: Json = serde_json::from_str(&asked.body).unwrap();
    let context = &body["deviceRuntimeContext"];
    assert_eq!(context["payload"], serde_json::json!({ "name": "Küche" }), "{context}");
    assert_eq!(context["registrationId"], ID);
}

fn assert_assigned(body: &Json, id: &str) {
    let state = &body["registrationState"];
    assert_eq!((&state["assignedHub"], &state["deviceId"]), (&HUB_WEST.into(), &id.into()));
    assert_eq!((&state["status"], &state["registrationId"]), (&"assigned".into(), &id.into()));
}

async fn over_tls(service: &TestService) -> Client {
    Client::dial(service).await
}

async fn over_websocket(service: &TestService, sdk: Sdk) -> Client {
    Client::upgrade(service, service.tls.clone(), sdk.upgrade()).await
}

#[tokio::test]
async fn node_is_assigned_over_tls() {
    assigned(Sdk::Node, over_tls).await;
}

#[tokio::test]
async fn node_is_assigned_over_a_websocket() {
    assigned(Sdk::Node, async |service| over_websocket(service, Sdk::Node).await).await;
}

#[tokio::test]
async fn c_is_assigned_over_tls() {
    assigned(Sdk::C, over_tls).await;
}

#[tokio::test]
async fn c_is_assigned_over_a_websocket() {
    assigned(Sdk::C, async |service| over_websocket(service, Sdk::C).await).await;
}

#[tokio::test]
async fn dot_net_is_assigned_over_tls() {
    assigned(Sdk::DotNet, over_tls).await;
}

#[tokio::test]
async fn dot_net_is_assigned_over_a_websocket_at_the_root() {
    assigned(Sdk::DotNet, async |service| over_websocket(service, Sdk::DotNet).await).await;
}

#[tokio::test]
async fn java_is_assigned_over_tls() {
    assigned(Sdk::Java, over_tls).await;
}

#[tokio::test]
async fn java_is_assigned_over_a_websocket_with_its_query() {
    assigned(Sdk::Java, async |service| over_websocket(service, Sdk::Java).await).await;
}

/// Without a payload, .NET sends an empty data section, and none of them a registration ID that counts.
async fn assigned_without_a_payload(sdk: Sdk) {
    let service = Setup::at_once().start().await;
    let mut device = sdk.connect(Client::dial(&service).await, ID).await;
    let result = device.provision().await;
    device.end().await;
    assert_assigned(&result.body, ID);
    service.stop().await;
}

#[tokio::test]
async fn c_is_assigned_without_a_payload() {
    assigned_without_a_payload(Sdk::C).await;
}

#[tokio::test]
async fn dot_net_is_assigned_with_an_empty_data_section() {
    assigned_without_a_payload(Sdk::DotNet).await;
}

#[tokio::test]
async fn java_is_assigned_without_a_payload() {
    assigned_without_a_payload(Sdk::Java).await;
}

/// With a certificate, none of them speaks SASL: the first bytes are AMQP's header.
async fn assigned_by_certificate(sdk: Sdk, websocket: bool) {
    let pki = TestPki::new().unwrap();
    let leaf = pki.device(&ID.parse().unwrap()).unwrap();
    let hubs = format!("iotHubs = [\"{HUB_WEST}\"]\nallocationPolicy = \"static\"\n");
    let group = group("x509", &format!("{hubs}{}", signed_by(pki.root().pem())));
    let service = Setup::enrollments(&group).start().await;
    let tls: Arc<ClientConfig> = Identity::of(&leaf).tls(&service);
    let client = if websocket {
        Client::upgrade(&service, tls, sdk.upgrade()).await
    } else {
        Client::dial_with(&service, tls).await
    };
    let mut device = sdk.open_links(client, ID).await.unwrap();
    let result = device.provision().await;
    device.end().await;
    assert_assigned(&result.body, ID);
    service.stop().await;
}

#[tokio::test]
async fn node_has_no_sasl_with_a_certificate() {
    assigned_by_certificate(Sdk::Node, false).await;
}

#[tokio::test]
async fn c_has_no_sasl_with_a_certificate() {
    assigned_by_certificate(Sdk::C, false).await;
}

#[tokio::test]
async fn dot_net_has_no_sasl_with_a_certificate() {
    assigned_by_certificate(Sdk::DotNet, false).await;
    assigned_by_certificate(Sdk::DotNet, true).await;
}

#[tokio::test]
async fn java_has_no_sasl_with_a_certificate() {
    assigned_by_certificate(Sdk::Java, false).await;
    assigned_by_certificate(Sdk::Java, true).await;
}

/// Where a request was refused: at a link, or as a message.
async fn refusal(sdk: Sdk, service: &TestService, group_key: &str) -> Failure {
    match sdk.try_connect(Client::dial(service).await, ID, group_key).await {
        Err(failure) => failure,
        Ok(mut device) => device.register().await.expect_err("refused"),
    }
}

/// The JSON of an error in its description, which .NET parses and Node shows.
fn described(failure: &Failure) -> (u64, Json) {
    let description = failure.description.as_deref().expect("a description");
    let json: Json = serde_json::from_str(description).expect("JSON, or .NET calls it malformed");
    let code = json["errorCode"].as_u64().expect("a number");
    for member in ["trackingId", "message", "timestampUtc"] {
        assert!(json[member].is_string(), "{member}: {json}");
    }
    (code, json)
}

async fn wrong_key(sdk: Sdk) {
    let mut service = Setup::new().start().await;
    let failure = refusal(sdk, &service, STRANGE_KEY).await;
    assert_eq!(failure.condition.as_str(), "amqp:unauthorized-access");
    assert_eq!(described(&failure).0 / 1000, 401);
    let RegistrationEvent { registration_id, .. } = service.event().await;
    assert_eq!(registration_id.as_str(), ID);
}

#[tokio::test]
async fn node_is_told_of_a_wrong_key() {
    wrong_key(Sdk::Node).await;
}

#[tokio::test]
async fn c_is_told_of_a_wrong_key() {
    wrong_key(Sdk::C).await;
}

#[tokio::test]
async fn dot_net_is_told_of_a_wrong_key() {
    wrong_key(Sdk::DotNet).await;
}

#[tokio::test]
async fn java_is_told_of_a_wrong_key() {
    wrong_key(Sdk::Java).await;
}

/// A payload that is no JSON: the request is refused, and the links stay.
async fn refused(sdk: Sdk) {
    let service = Setup::at_once().start().await;
    let mut device = sdk.connect(Client::dial(&service).await, ID).await.with_payload("{");
    let failure = device.register().await.expect_err("refused");
    assert_eq!(described(&failure).0 / 1000, 400, "{failure:?}");
    assert!(failure.info.is_empty(), "nothing is to be tried again: {failure:?}");

    let mut device = device.with_payload("{}");
    assert_assigned(&device.provision().await.body, ID);
    device.end().await;
}

#[tokio::test]
async fn node_is_refused_a_request() {
    refused(Sdk::Node).await;
}

#[tokio::test]
async fn c_is_refused_a_request() {
    refused(Sdk::C).await;
}

#[tokio::test]
async fn dot_net_is_refused_a_request() {
    refused(Sdk::DotNet).await;
}

#[tokio::test]
async fn java_is_refused_a_request() {
    refused(Sdk::Java).await;
}

/// What proton-j says of a session.
fn java_session() -> Begin {
    Begin {
        remote_channel: None,
        next_outgoing_id: 1,
        incoming_window: i32::MAX.unsigned_abs(),
        outgoing_window: i32::MAX.unsigned_abs(),
        handle_max: Some(u16::MAX.into()),
    }
}

/// What Java says of a link of its hub's, and the credit that it gives in the same breath.
fn java_link(channel: u16, handle: u32, role: Role, name: &str, address: &str) -> Vec<Frame> {
    let other_end = Some(Terminus::at(address));
    let (snd_settle_mode, source, target) = match role {
        Role::Receiver => (Some(2), other_end, None),
        Role::Sender => (Some(0), None, other_end),
    };
    let property = |name, value: &str| (Value::symbol(name), Value::text(value));
    let mut properties = vec![property("com.microsoft:api-version", "2020-09-30")];
    if address != "$cbs" {
        let kind = if address.ends_with("/twin") { "twin:" } else { "" };
        let pair = format!("{kind}b87a7393-c160-404e-b403-{channel:012}");
        properties.push(property("com.microsoft:channel-correlation-id", &pair));
        properties.push(property("com.microsoft:client-version", "com.microsoft.azure.sdk.iot"));
    }
    let attach = Attach {
        name: name.to_owned(),
        handle,
        role,
        snd_settle_mode,
        rcv_settle_mode: Some(0),
        source,
        target,
        initial_delivery_count: (role == Role::Sender).then_some(0),
        max_message_size: None,
        properties,
    };
    let mut frames = vec![Frame::Amqp(channel, Performative::Attach(attach))];
    if role == Role::Receiver {
        let flow = Flow { next_incoming_id: None, ..credit_of(handle, 1024) };
        let flow = Flow { delivery_count: None, next_outgoing_id: 1, ..flow };
        frames.push(Frame::Amqp(channel, Performative::Flow(flow)));
    }
    frames
}

/// A message of Java's: nothing of it is settled, and its tag is a number in ASCII that begins anew on
/// each link.
fn java_transfer(channel: u16, handle: u32, delivery: u32, tag: u32, message: Message) -> Frame {
    Frame::Amqp(
        channel,
        Performative::Transfer(Transfer {
            handle,
            delivery_id: Some(delivery),
            delivery_tag: Some(tag.to_string().into_bytes()),
            message_format: Some(0),
            settled: Some(false),
            payload: message.write(),
            ..Transfer::default()
        }),
    )
}

/// What is heard on a channel next: that a message is accepted, and then the answer to it.
async fn java_answer(client: &mut Client, channel: u16, delivery: u32) -> Message {
    let (on, Performative::Disposition(disposition)) = client.heard_on_any().await else {
        panic!("no disposition")
    };
    assert_eq!((on, disposition.first, disposition.settled), (channel, delivery, true));
    assert_eq!(disposition.state, Some(Outcome::Accepted));
    let (on, Performative::Transfer(transfer)) = client.heard_on_any().await else {
        panic!("no transfer")
    };
    assert_eq!((on, transfer.more), (channel, false));
    Message::read(&transfer.payload).expect("a message")
}

/// Its multiplexing client: one connection, a session for `$cbs` and one for each device, all of them
/// begun before anything is heard; IDs are UUIDs, of that type, or it fails in casting them.
#[tokio::test]
async fn java_has_many_devices_on_one_connection_at_their_hub() {
    let service = Setup::at_once().start().await;
    let ids = ["pump-0001", "pump-0002", "pump-0003"];
    for id in ids {
        let mut device = Sdk::Java.connect(Client::dial(&service).await, id).await;
        assert_assigned(&device.provision().await.body, id);
        device.end().await;
    }

    let mut client = Client::dial(&service).await;
    assert_eq!(client.sign_in("ANONYMOUS", None).await, SaslCode::Ok);
    let open = Open {
        hostname: Some(HUB_WEST.to_owned()),
        max_frame_size: Some(4096),
        channel_max: Some(u16::MAX),
        idle_time_out: Some(115_000),
        ..Open::default()
    };
    let mut bytes = Protocol::Amqp.bytes().to_vec();
    Frame::Amqp(0, Performative::Open(open)).write(&mut bytes);
    for channel in 0..=3 {
        Frame::Amqp(channel, Performative::Begin(java_session())).write(&mut bytes);
    }
    let links = [(0, Role::Sender, "cbs-sender"), (1, Role::Receiver, "cbs-receiver")];
    for (handle, role, name) in links {
        let frames = java_link(0, handle, role, name, "$cbs");
        frames.into_iter().for_each(|frame| frame.write(&mut bytes));
    }
    client.send_raw(&bytes).await;
    client.hear_header(Protocol::Amqp).await;
    let mut heard = Vec::new();
    for _ in 0..7 {
        let (channel, performative) = client.heard_on_any().await;
        heard.push((channel, performative.name()));
    }
    let sessions = (0..=3).map(|channel| (channel, "begin"));
    let expected = [(0, "open")].into_iter().chain(sessions).chain([(0, "attach"); 2]);
    assert_eq!(heard, expected.collect::<Vec<_>>());

    // The tokens, one after the other on the one link.
    for (nth, id) in (0..).zip(ids) {
        let text = |text: &str| Value::text(text);
        let token = hub_token(&derived(PRIMARY_KEY, id), HUB_WEST, id);
        let message_id = Value::Uuid([nth as u8; 16]);
        let message = Message {
            properties: Properties {
                message_id: Some(message_id.clone()),
                to: Some("$cbs".to_owned()),
                reply_to: Some("cbs".to_owned()),
                ..Properties::default()
            },
            application: vec![
                (text("type"), text("servicebus.windows.net:sastoken")),
                (text("name"), Value::String(format!("{HUB_WEST}/devices/{id}"))),
                (text("operation"), text("put-token")),
            ],
            body: Body::Value(Value::String(token)),
            ..Message::default()
        };
        client.send([java_transfer(0, 0, nth, nth + 1, message)]).await;
        let answer = java_answer(&mut client, 0, nth).await;
        assert_eq!(answer.properties.correlation_id, Some(message_id), "a UUID, as it was");
        assert_eq!(answer.application("status-code"), Some(&Value::Int(200)), "{id}");
    }

    // Each device has links in its own session, reads its twin and sends a message.
    for (channel, id) in (1..).zip(ids) {
        let [events, bound, twin] = ["messages/events", "messages/devicebound", "twin"]
            .map(|node| format!("/devices/{id}/{node}"));
        let frames = [
            java_link(channel, 0, Role::Sender, &format!("sender_link_telemetry-{id}"), &events),
            java_link(channel, 1, Role::Receiver, &format!("receiver_link_telemetry-{id}"), &bound),
            java_link(channel, 2, Role::Sender, &format!("sender_link_devicetwin-{id}"), &twin),
            java_link(channel, 3, Role::Receiver, &format!("receiver_link_devicetwin-{id}"), &twin),
        ];
        client.send(frames.into_iter().flatten()).await;
        for _ in 0..4 {
            let (on, Performative::Attach(attach)) = client.heard_on_any().await else {
                panic!("no attach")
            };
            assert_eq!(on, channel);
            assert!(attach.source.is_some() || attach.target.is_some(), "{attach:?}");
        }

        let correlation_id = Value::Uuid([0xc0; 16]);
        let get = Message {
            annotations: vec![(Value::symbol("operation"), Value::text("GET"))],
            properties: Properties {
                message_id: Some(Value::text("c50133b3-8883-4288-b390-55708cb25455")),
                correlation_id: Some(correlation_id.clone()),
                ..Properties::default()
            },
            body: Body::Data(Vec::new()),
            ..Message::default()
        };
        client.send([java_transfer(channel, 2, 0, 1, get)]).await;
        let answer = java_answer(&mut client, channel, 0).await;
        assert_eq!(answer.properties.correlation_id, Some(correlation_id), "a UUID, as it was");
        assert_eq!(answer.annotation("status"), Some(&Value::Int(200)));
        let Body::Data(twin) = &answer.body else { panic!("Java casts it to data: {answer:?}") };
        let twin: Json = serde_json::from_slice(twin).unwrap();
        assert_eq!(twin["desired"]["$version"], 1, "{twin}");

        let body = Body::Data(br#"{"temperature": 21.5}"#.to_vec());
        let event = Message { body, ..Message::default() };
        client.send([java_transfer(channel, 0, 1, 1, event)]).await;
        let (on, Performative::Disposition(disposition)) = client.heard_on_any().await else {
            panic!("no disposition")
        };
        assert_eq!((on, disposition.first), (channel, 1));
        assert_eq!(disposition.state, Some(Outcome::Accepted));
    }

    // A device that goes takes its session along, and no other.
    client.send([Frame::Amqp(1, Performative::End(End::default()))]).await;
    assert_eq!(client.heard_on_any().await, (1, Performative::End(End::default())));
    let event = Message { body: Body::Data(b"{}".to_vec()), ..Message::default() };
    client.send([java_transfer(2, 0, 2, 2, event)]).await;
    let (on, disposition) = client.heard_on_any().await;
    assert_eq!((on, disposition.name()), (2, "disposition"));
}

/// Whoever comes too often, or at a bad time, is told when to come again, in the spelling that its SDK
/// reads, and is let in then: the links stay.
async fn throttled(sdk: Sdk, retry_after_name: &str) {
    let setup = Setup::at_once().fault("register status=429 retry-after=7 times=1");
    let service = setup.fault("poll status=503 retry-after=4 times=1").start().await;
    let wait = |failure: &Failure| {
        let named = |(key, _): &&(Value, Value)| key.as_text() == Some(retry_after_name);
        failure.info.iter().find(named).expect("when to come again").1.clone()
    };
    let mut device = sdk.connect(Client::dial(&service).await, ID).await;

    let failure = device.register().await.expect_err("throttled");
    assert_eq!(failure.condition.as_str(), "com.microsoft:device-container-throttled");
    // By this .NET knows that it may come again.
    assert_eq!(described(&failure).0 / 1000, 429);
    assert_eq!(wait(&failure), Value::Int(7));

    let accepted = device.register().await.expect("let in");
    let failure = device.poll(&accepted.operation_id()).await.expect_err("a bad time");
    assert_eq!(failure.condition.as_str(), "amqp:internal-error");
    assert_eq!(described(&failure).0 / 1000, 503);
    assert_eq!(wait(&failure), Value::Int(4));

    assert_assigned(&device.result_of(accepted).await.body, ID);
    device.end().await;
}

#[tokio::test]
async fn node_is_throttled_and_then_assigned() {
    throttled(Sdk::Node, "retry-after").await;
}

#[tokio::test]
async fn c_is_throttled_and_then_assigned() {
    throttled(Sdk::C, "retry-after").await;
}

#[tokio::test]
async fn java_is_throttled_and_then_assigned() {
    throttled(Sdk::Java, "retry-after").await;
}

#[tokio::test]
async fn dot_net_is_throttled_and_then_assigned() {
    throttled(Sdk::DotNet, "Retry-After").await;
}
