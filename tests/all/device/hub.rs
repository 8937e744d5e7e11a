//! The device at its hub (I): against our own service, and against servers that fail it.

use std::time::Duration;

use futures_util::future::join_all;
use provision_sim::amqp::{Attach, Close, Failure, Frame, Open, Performative, Protocol, Role};
use provision_sim::attestation::DeviceCertificate;
use provision_sim::device::{
    Class, Credential, HubClient, HubError, HubSettings, ProvisioningClient, Registered, Settings,
    Transport,
};
use provision_sim::net::{Trust, client_config};
use provision_sim::pki::TestCertificate;
use provision_sim::service::{HubKey, TwinChange, TwinVerb};
use provision_sim::wire::Payload;
use rumqttc::{ConnectReturnCode, Packet, QoS};
use serde_json::{Map, Value, json};

use crate::support::IN_GOOD_TIME;
use crate::support::scripted::{Script, Server};
use crate::support::service::device;
use crate::support::service::setup::{HUB_EAST, HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::derived;
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::service::within;

const PUMP: &str = "pump-0042";
/// What the silent ones cost.
const SOON: Duration = Duration::from_millis(1500);

fn credential() -> Credential {
    use base64::Engine;
    let key = derived(PRIMARY_KEY, PUMP);
    let key = base64::engine::general_purpose::STANDARD.encode(key);
    Credential::SymmetricKey(key.parse().unwrap())
}

fn settings(service: &TestService, transport: Transport, credential: Credential) -> Settings {
    device::settings(service, PUMP, transport, credential)
}

async fn register(settings: &Settings) -> Registered {
    ProvisioningClient::new(settings.clone()).register(&mut |_| {}).await.unwrap()
}

fn hub(settings: &Settings, registered: &Registered) -> HubSettings {
    device::hub(settings, registered, settings.transport)
}

/// J-446.
#[tokio::test]
async fn j_496_a_device_does_not_dial_a_hub_that_it_is_told_to_speak_to_otherwise() {
    for (word, expected) in
        [("classic", None), ("mqttV5", Some("mqttV5")), ("unknown", Some("carrierPigeon"))]
    {
        let fault = format!("poll connection-profile={word}");
        let service = Setup::new().retry_after(Duration::ZERO).fault(&fault).start().await;
        let settings = settings(&service, Transport::Mqtt, credential());
        let registered = register(&settings).await;

        let result = HubClient::connect(&hub(&settings, &registered)).await;

        match (result, expected) {
            (Ok(client), None) => client.close().await,
            (Err(error @ HubError::Profile(_)), Some(word)) => {
                assert!(error.to_string().contains(&format!("\"{word}\"")), "{error}");
                assert_eq!((error.class(), error.kind()), (Class::NotAssigned, "hub-profile"));
            }
            (result, _) => panic!("{word}: {:?}", result.map(|_| ())),
        }
    }
}

async fn sign_in(service: &TestService) -> HubClient {
    sign_in_over(Transport::Mqtt, service).await
}

async fn sign_in_over(transport: Transport, service: &TestService) -> HubClient {
    let settings = settings(service, transport, credential());
    let registered = register(&settings).await;
    HubClient::connect(&hub(&settings, &registered)).await.unwrap()
}

fn key() -> HubKey {
    HubKey::new(&HUB_WEST.parse().unwrap(), &PUMP.parse().unwrap())
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn change_desired(service: &TestService, patch: Value) {
    let change = json!({ "properties": { "desired": patch } }).to_string();
    let change = TwinChange::read(change.as_bytes()).unwrap();
    service.hubs().change_twin(&key(), &change, TwinVerb::Patch, |_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn i_every_transport_reads_the_initial_twin_reports_and_sends() {
    let twin = r#"{"tags":{"site":"b1"},"properties":{"desired":{"interval":30}}}"#;
    let answer = format!(r#"{{"iotHubHostName":"{HUB_EAST}","initialTwin":{twin}}}"#);
    for (transport, taken) in [
        (Transport::Mqtt, Transport::Mqtt),
        (Transport::MqttWs, Transport::MqttWs),
        (Transport::Https, Transport::MqttWs),
        (Transport::Amqp, Transport::Amqp),
        (Transport::AmqpWs, Transport::AmqpWs),
        (Transport::Auto, Transport::Mqtt),
    ] {
        let webhook = Webhook::start([Reaction::Answer(200, answer.clone())]).await;
        let service = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO).start().await;
        let settings = settings(&service, transport, credential());
        let registered = register(&settings).await;

        let hub = HubClient::connect(&hub(&settings, &registered)).await.unwrap();
        let twin = hub.twin().await.unwrap();
        let version = hub.report(&object(json!({ "fw": "1.0" }))).await.unwrap();
        for n in 0..3 {
            hub.send(json!({ "n": n }).to_string().into_bytes()).await.unwrap();
        }
        let reported = hub.twin().await.unwrap().reported;

        assert_eq!(hub.transport(), taken);
        assert_eq!(Value::from(twin.desired), json!({ "interval": 30, "$version": 1 }));
        assert_eq!(Value::from(twin.reported), json!({ "$version": 1 }));
        assert_eq!(version, Some(2));
        assert_eq!(Value::from(reported), json!({ "fw": "1.0", "$version": 2 }));
        assert_eq!(
            service
                .hubs()
                .messages(&HubKey::new(&HUB_EAST.parse().unwrap(), &PUMP.parse().unwrap())),
            3,
            "{transport}"
        );
        hub.close().await;
    }
}

#[tokio::test]
async fn i_a_device_with_a_certificate_shows_the_same_one_to_its_hub() {
    let made = TestCertificate::self_signed(PUMP).unwrap();
    let certificate =
        DeviceCertificate::read(made.pem().as_bytes(), Some(made.key_pem().as_bytes()), None)
            .unwrap();
    let service =
        Setup::individual_x509(PUMP, made.pem()).retry_after(Duration::ZERO).start().await;
    for transport in [Transport::Mqtt, Transport::MqttWs, Transport::Amqp, Transport::AmqpWs] {
        let settings = settings(&service, transport, Credential::X509(certificate.clone()));
        let registered = register(&settings).await;

        let hub = HubClient::connect(&hub(&settings, &registered)).await.unwrap();

        assert_eq!(hub.twin().await.unwrap().desired_version(), Some(1), "{transport}");
    }
}

/// A port on which nothing listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn j_362_the_first_way_that_gets_through_is_taken_and_amqp_is_tried_last() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let mut settings = settings(&service, Transport::Auto, credential());
    let registered = register(&settings).await;
    for (mqtt, https, amqp, taken) in [
        (true, true, true, Transport::Mqtt),
        (false, true, true, Transport::MqttWs),
        (false, false, true, Transport::Amqp),
    ] {
        let port = |is_open, port: u16| if is_open { port } else { closed_port() };
        settings.ports.mqtt = port(mqtt, service.address().port());
        settings.ports.https = port(https, service.https_address().port());
        settings.ports.amqp = port(amqp, service.amqp_address().port());

        let hub = HubClient::connect(&hub(&settings, &registered)).await.unwrap();

        assert_eq!(hub.transport(), taken);
        hub.close().await;
    }
    let mut nowhere = hub(&settings, &registered);
    nowhere.ports.amqp = closed_port();
    let error = HubClient::connect(&nowhere).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), ("hub-connect", Class::Network), "{error}");
}

#[tokio::test]
async fn i_changes_of_desired_properties_come_in_their_order() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    for (transport, version) in [(Transport::Mqtt, 2), (Transport::Amqp, 4)] {
        let hub = sign_in_over(transport, &service).await;
        let mut changes = hub.desired_changes();

        change_desired(&service, json!({ "interval": 9 })).await;
        change_desired(&service, json!({ "interval": null })).await;
        let first = within("a change", changes.next()).await.unwrap();
        let second = within("a change", changes.next()).await.unwrap();

        assert_eq!((first.version, &first.patch["interval"]), (version, &json!(9)));
        assert_eq!((second.version, &second.patch["interval"]), (version + 1, &Value::Null));
        hub.close().await;
    }
}

#[tokio::test]
async fn j_149_changes_that_are_not_taken_are_missed_and_the_session_goes_on() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let hub = sign_in(&service).await;
    let mut changes = hub.desired_changes();
    let mut witness = hub.desired_changes();

    for n in 0..70 {
        change_desired(&service, json!({ "n": n })).await;
        // The session has it; a hub dismisses a device that does not read.
        assert_eq!(within("a change", witness.next()).await.unwrap().patch["n"], n);
    }

    let error = within("an error", changes.next()).await.unwrap_err();
    assert!(matches!(error, HubError::Missed(6)), "{error:?}");
    assert_eq!(within("a change", changes.next()).await.unwrap().patch["n"], 6);
}

#[tokio::test]
async fn f_7_a_device_that_is_removed_is_sent_away_and_then_refused() {
    for transport in [Transport::Mqtt, Transport::Amqp, Transport::AmqpWs] {
        let service = Setup::new().retry_after(Duration::ZERO).start().await;
        let settings = settings(&service, transport, credential());
        let hub_settings = hub(&settings, &register(&settings).await);
        let hub = HubClient::connect(&hub_settings).await.unwrap();
        let mut changes = hub.desired_changes();

        service.hubs().remove(&key(), |_| Ok(())).await.unwrap();
        let told = within("the end", changes.next()).await.unwrap_err();
        let asked = hub.twin().await.unwrap_err();
        let refused = HubClient::connect(&hub_settings).await.unwrap_err();

        let is_lost = matches!((&told, &asked), (HubError::Lost(_), HubError::Lost(_)));
        assert!(is_lost, "{transport}: {told}, {asked}");
        let is_refused = match transport {
            Transport::Mqtt => matches!(refused, HubError::Refused { .. }),
            _ => matches!(refused, HubError::Token { .. } | HubError::Denied { .. }),
        };
        assert!(is_refused, "{transport}: {refused}");
        assert_eq!(refused.class(), Class::Identity, "{transport}: {refused}");
        assert!(refused.calls_for_provisioning());
        let again = hub_settings_of(&settings).await;
        HubClient::connect(&again).await.unwrap();
    }
}

async fn hub_settings_of(settings: &Settings) -> HubSettings {
    hub(settings, &register(settings).await)
}

#[tokio::test]
async fn i_a_report_that_is_no_twin_is_refused_and_the_session_goes_on() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    for transport in [Transport::Mqtt, Transport::Amqp] {
        let hub = sign_in_over(transport, &service).await;

        let error = hub.report(&object(json!({ "a.b": 1 }))).await.unwrap_err();

        assert_eq!(error.to_string(), "the hub answered the report with status 400");
        hub.twin().await.unwrap();
        hub.close().await;
    }
}

#[tokio::test]
async fn k_7_what_is_reported_is_sent_as_it_is_written() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let hub = sign_in(&service).await;

    hub.report(&r#"{"n": 1e3, "m": 1.50}"#.parse::<Payload>().unwrap()).await.unwrap();

    let twin = &service.hubs().device(&key()).unwrap().twin;
    assert_eq!(twin.reported.values.as_json(), r#"{"n":1e3,"m":1.50}"#);
}

#[tokio::test]
async fn i_many_may_ask_at_once() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    for (transport, messages) in [(Transport::Mqtt, 100), (Transport::Amqp, 200)] {
        let hub = std::sync::Arc::new(sign_in_over(transport, &service).await);

        let mut asking = tokio::task::JoinSet::new();
        for n in 0..100 {
            let hub = hub.clone();
            asking.spawn(async move {
                hub.send(vec![n]).await.unwrap();
                hub.twin().await.unwrap();
            });
        }
        within("all answers", asking.join_all()).await;

        assert_eq!(service.hubs().messages(&key()), messages);
    }
}

/// Settings for a hub that a script stands for.
fn scripted(server: &Server, timeout: Duration) -> HubSettings {
    let mut settings = Settings::new(
        "127.0.0.1".parse().unwrap(),
        SCOPE.parse().unwrap(),
        PUMP.parse().unwrap(),
        credential(),
        client_config(&Trust::Pem(server.ca_pem().to_owned())).unwrap(),
    );
    settings.timeout = timeout;
    HubSettings::new(&settings, &"localhost".parse().unwrap(), &PUMP.parse().unwrap())
        .unwrap()
        .through(&server.address().to_string().parse().unwrap())
}

async fn failure(script: Script, timeout: Duration) -> HubError {
    let server = Server::start([script]).await;
    HubClient::connect(&scripted(&server, timeout)).await.unwrap_err()
}

#[tokio::test]
async fn i_connack_codes_are_told_apart() {
    use ConnectReturnCode::{
        BadClientId, BadUserNamePassword, NotAuthorized, RefusedProtocolVersion, ServiceUnavailable,
    };
    for (code, number, class) in [
        (RefusedProtocolVersion, 1, Class::NotAssigned),
        (BadClientId, 2, Class::NotAssigned),
        (ServiceUnavailable, 3, Class::NotAssigned),
        (BadUserNamePassword, 4, Class::Identity),
        (NotAuthorized, 5, Class::Identity),
    ] {
        let error = failure(Script::new().connack(code), IN_GOOD_TIME).await;

        let text = format!("the hub refused the connection: CONNACK {number} ");
        assert!(error.to_string().starts_with(&text), "{error}");
        assert_eq!((error.kind(), error.class()), ("hub-connack", class), "{error}");
    }
}

#[tokio::test]
async fn i_a_hub_that_hangs_up_or_speaks_something_else_is_told() {
    let accepted = || Script::new().connack(ConnectReturnCode::Success);
    for (script, kind, text) in [
        (Script::new().connect().close(), "hub-connect", "closed the connection instead"),
        (Script::new().connect().bytes("HTTP/1.1 400 Bad"), "hub-protocol", "does not speak MQTT"),
        (accepted().subscribe().close(), "hub-lost", "the hub closed the connection"),
        (accepted().suback_refused(), "hub-protocol", "refused the subscription to its topics"),
        (Script::plain().bytes("SSH-2.0-x\r\n"), "hub-tls", "does not speak TLS"),
    ] {
        let error = failure(script, IN_GOOD_TIME).await;

        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(!error.calls_for_provisioning(), "{error}");
    }
}

#[tokio::test]
async fn i_silence_ends_at_the_deadline_and_says_where() {
    let accepted = || Script::new().connack(ConnectReturnCode::Success);
    let silences = [
        (Script::plain(), "the server did not answer the TLS handshake in time"),
        (Script::new(), "the server did not answer CONNECT in time"),
        (accepted(), "the hub did not answer SUBSCRIBE in time"),
    ];

    join_all(silences.map(async |(script, text)| {
        let error = failure(script, SOON).await;

        assert!(error.to_string().ends_with(text), "{error}");
        assert_eq!((error.kind(), error.class()), ("hub-deadline", Class::Deadline));
    }))
    .await;
}

/// What a hub says that takes the connection, and then this.
fn amqp_open(rest: Option<Performative>) -> Vec<u8> {
    let open = Performative::Open(Open { container_id: "hub".to_owned(), ..Open::default() });
    let mut bytes = Protocol::Amqp.bytes().to_vec();
    Frame::Amqp(0, open).write(&mut bytes);
    rest.into_iter().for_each(|performative| Frame::Amqp(0, performative).write(&mut bytes));
    bytes
}

async fn failure_over_amqp(script: Script, timeout: Duration) -> HubError {
    let server = Server::start([script]).await;
    let mut settings = scripted(&server, timeout);
    settings.transport = Transport::Amqp;
    HubClient::connect(&settings).await.unwrap_err()
}

#[tokio::test]
async fn i_a_hub_that_hangs_up_or_refuses_over_amqp_is_told() {
    let refusal = Failure::new("amqp:resource-limit-exceeded", "too many connections");
    let close = Performative::Close(Close { error: Some(refusal) });
    let no_session = Performative::Attach(Attach {
        name: "a".to_owned(),
        handle: 0,
        role: Role::Sender,
        snd_settle_mode: None,
        rcv_settle_mode: None,
        source: None,
        target: None,
        initial_delivery_count: Some(0),
        max_message_size: None,
        properties: Vec::new(),
    });
    for (script, kind, text) in [
        (Script::new().close(), "hub-connect", "closed the connection instead of answering AMQP's"),
        (Script::new().bytes("HTTP/1.1 400 Bad"), "hub-protocol", "does not speak AMQP 1.0"),
        (Script::new().bytes(amqp_open(None)).close(), "hub-lost", "the hub closed the connection"),
        (
            Script::new().bytes(amqp_open(Some(close))),
            "hub-denied",
            "the hub refused the connection: amqp:resource-limit-exceeded (too many connections)",
        ),
        (Script::new().bytes(amqp_open(Some(no_session))), "hub-protocol", "part 2, 2.5"),
        (Script::plain().bytes("SSH-2.0-x\r\n"), "hub-tls", "does not speak TLS"),
    ] {
        let error = failure_over_amqp(script, IN_GOOD_TIME).await;

        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(!error.calls_for_provisioning(), "{error}");
    }
}

#[tokio::test]
async fn i_silence_over_amqp_ends_at_the_deadline_and_says_where() {
    let silences = [
        (Script::plain(), "the server did not answer the TLS handshake in time"),
        (Script::new(), "the server did not answer AMQP's `open` in time"),
        (
            Script::new().bytes(amqp_open(None)),
            "the hub did not answer the token or `attach` in time",
        ),
    ];

    join_all(silences.map(async |(script, text)| {
        let error = failure_over_amqp(script, SOON).await;

        assert!(error.to_string().ends_with(text), "{error}");
        assert_eq!((error.kind(), error.class()), ("hub-deadline", Class::Deadline));
    }))
    .await;
}

/// Takes both subscriptions.
fn subscribed() -> Script {
    Script::new().connack(ConnectReturnCode::Success).subscribe().grant_all()
}

#[tokio::test]
async fn i_a_request_without_an_answer_ends_at_its_deadline_and_not_the_session() {
    let server = Server::start([subscribed().puback()]).await;
    let mut hub = HubClient::connect(&scripted(&server, IN_GOOD_TIME)).await.unwrap();
    hub.set_timeout(SOON);

    let error = hub.twin().await.unwrap_err();
    hub.close().await;

    assert_eq!(error.to_string(), "the hub did not answer the twin request in time");
    let heard = server.heard().await;
    assert_eq!(heard[0].last(), Some(&Packet::Disconnect), "it says goodbye");
}

#[tokio::test]
async fn i_a_connection_that_is_lost_ends_what_waits_and_is_not_opened_again() {
    let server = Server::start([subscribed().puback().close()]).await;
    let hub = HubClient::connect(&scripted(&server, IN_GOOD_TIME)).await.unwrap();

    let error = hub.twin().await.unwrap_err();
    let next = hub.send(b"1".to_vec()).await.unwrap_err();

    assert_eq!(error.to_string(), "the hub closed the connection");
    assert_eq!(next.to_string(), error.to_string());
    assert_eq!(
        within("the end", hub.desired_changes().next()).await.unwrap_err().kind(),
        "hub-lost"
    );
    drop(hub);
    assert_eq!(server.heard().await.len(), 1);
}

#[tokio::test]
async fn i_what_is_sent_has_qos_1_and_the_names_are_the_hubs() {
    let server = Server::start([subscribed().puback()]).await;
    let hub = HubClient::connect(&scripted(&server, IN_GOOD_TIME)).await.unwrap();
    hub.send(b"hello".to_vec()).await.unwrap();
    hub.close().await;

    let heard = server.heard().await;

    let [Packet::Connect(connect), Packet::Subscribe(subscribe), Packet::Publish(message), _] =
        &heard[0][..]
    else {
        panic!("{heard:?}");
    };
    let login = connect.login.as_ref().unwrap();
    assert!(login.username.starts_with("localhost/pump-0042/?api-version=2021-04-12&"));
    assert!(login.password.starts_with("SharedAccessSignature sr=localhost%2Fdevices%2Fpump-0042"));
    assert!(!login.password.contains("skn="));
    assert!(connect.clean_session, "J-140");
    let filters: Vec<_> = subscribe.filters.iter().map(|filter| &*filter.path).collect();
    assert_eq!(filters, ["$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"]);
    assert_eq!(
        (&*message.topic, message.qos),
        ("devices/pump-0042/messages/events/", QoS::AtLeastOnce)
    );
}
