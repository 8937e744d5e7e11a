//! Provisioned devices at their hubs over AMQP (I.3): signing in, the twin, messages both ways, methods, and
//! many devices on one connection.

use std::time::Duration;

use provision_sim::amqp::{
    Attach, Begin, Body, Disposition, End, Frame, Message, Outcome, Performative, Properties, Role,
    SaslCode, Transfer, Value,
};
use provision_sim::pki::TestCertificate;
use provision_sim::service::{HubKey, TwinChange, TwinVerb};
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::amqp::client::{Client, attach, begin};
use crate::support::amqp::hub::{HubClient, text, version};
use crate::support::service::back_end::BackEnd;
use crate::support::service::client::{self as mqtt, Device};
use crate::support::service::setup::{HUB_EAST, HUB_WEST, PRIMARY_KEY, Setup, TestService};
use crate::support::service::token::{derived, hub_token, hub_token_until, now};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::x509::{Identity, individual};

const PUMP: &str = "pump-0042";
const EVENTS: &str = "/devices/pump-0042/messages/events";
const DEVICEBOUND: &str = "/devices/pump-0042/messages/devicebound";

async fn register(service: &TestService, id: &str) {
    mqtt::Client::connect(service, &Device::new(id)).await.provision("{}").await;
}

/// A service with a device that is provisioned to the western hub.
async fn with_pump() -> TestService {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    register(&service, PUMP).await;
    service
}

fn key_of(id: &str) -> HubKey {
    HubKey::new(&HUB_WEST.parse().unwrap(), &id.parse().unwrap())
}

fn name_of(id: &str) -> String {
    format!("{HUB_WEST}/devices/{id}")
}

/// A connection on which the device has signed in.
async fn signed_in(service: &TestService) -> HubClient {
    let mut device = HubClient::dial(service).await;
    device.sign_in(PUMP, HUB_WEST).await;
    device
}

/// To the AMQP port, by this name.
async fn dial(service: &TestService, host: &str) -> HubClient {
    let tcp = TcpStream::connect(service.amqp_address()).await.unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let stream = TlsConnector::from(service.tls.clone()).connect(name, tcp).await.unwrap();
    HubClient::over(Client::over(stream)).await
}

async fn change_desired(service: &TestService, id: &str, change: &str) {
    let change = TwinChange::read(change.as_bytes()).expect("a change");
    let key = key_of(id);
    let changed = service.hubs().change_twin(&key, &change, TwinVerb::Patch, |_| Ok(())).await;
    changed.expect("the device is there");
}

fn telemetry() -> Message {
    Message { body: Body::Data(br#"{"message_index":1}"#.to_vec()), ..Message::default() }
}

const DESIRED: &str = "/notifications/twin/properties/desired";

#[tokio::test]
async fn i_a_device_signs_in_by_token_however_it_begins_and_reads_its_twin() {
    let service = with_pump().await;
    for mechanism in [None, Some("MSSBCBS"), Some("ANONYMOUS")] {
        let mut client = Client::dial(&service).await;
        if let Some(mechanism) = mechanism {
            assert_eq!(client.sign_in(mechanism, None).await, SaslCode::Ok, "{mechanism}");
        }
        let mut device = HubClient::over(client).await;

        device.sign_in(PUMP, HUB_WEST).await;
        let channel = device.channel(PUMP, "twin").await;

        let twin = json!({ "desired": { "$version": 1 }, "reported": { "$version": 1 } });
        assert_eq!(device.twin(channel).await, twin);
        assert!(service.hubs().is_online(&key_of(PUMP)));
        device.client.close().await;
    }
    let upgrade = ("/$iothub/websocket", "");
    let client = Client::upgrade(&service, service.tls.clone(), upgrade).await;
    let mut device = HubClient::over(client).await;
    device.sign_in(PUMP, HUB_WEST).await;
    let channel = device.channel(PUMP, "twin").await;
    assert_eq!(device.twin(channel).await["reported"], json!({ "$version": 1 }));
}

#[tokio::test]
async fn i_whoever_is_not_the_device_is_refused_with_what_is_wrong() {
    let service = with_pump().await;
    let own_key = derived(PRIMARY_KEY, PUMP);
    let other_key = derived(PRIMARY_KEY, "other");
    let mut client = HubClient::dial(&service).await;

    for (name, token, status, told) in [
        (name_of(PUMP), hub_token(&other_key, HUB_WEST, PUMP), 401, "not signed with a key"),
        (name_of(PUMP), hub_token(&own_key, HUB_EAST, PUMP), 401, "is for"),
        (name_of(PUMP), hub_token_until(&own_key, HUB_WEST, PUMP, now() - 9), 401, "expired"),
        (name_of(PUMP), Device::new(PUMP).password, 401, "is for"),
        (name_of(PUMP), "nonsense".to_owned(), 401, "malformed"),
        (name_of("pump-0043"), hub_token(&own_key, HUB_WEST, "pump-0043"), 404, "no device"),
        (
            format!("elsewhere.azure-devices.net/devices/{PUMP}"),
            hub_token(&own_key, "elsewhere.azure-devices.net", PUMP),
            404,
            "not linked",
        ),
        ("nobody".to_owned(), hub_token(&own_key, HUB_WEST, PUMP), 400, "name"),
    ] {
        let (seen, why) = client.show(&name, &token).await;
        assert!(seen == status && why.contains(told), "{name}: {seen} {why}");
    }
    let refused = client.attach(Role::Sender, EVENTS, None, false).await.unwrap_err();
    assert_eq!(refused.condition.as_str(), "amqp:unauthorized-access");
    assert!(refused.description.unwrap().contains("$cbs"), "it is told what to do");
    assert!(!service.hubs().is_online(&key_of(PUMP)));

    // The connection is as good as before.
    client.sign_in(PUMP, HUB_WEST).await;
    client.attach(Role::Sender, EVENTS, None, false).await.expect("a link");
    let refused =
        client.attach(Role::Sender, "/devices/pump-0043/messages/events", None, false).await;
    assert_eq!(refused.unwrap_err().condition.as_str(), "amqp:not-found");
}

#[tokio::test]
async fn j_468_no_certificates_are_issued_over_amqp() {
    let service = with_pump().await;
    let mut client = HubClient::dial(&service).await;
    client.sign_in(PUMP, HUB_WEST).await;

    for role in [Role::Sender, Role::Receiver] {
        let address = "$iothub/credentials/POST/issueCertificate/";
        let refused = client.attach(role, address, None, false).await.unwrap_err();
        assert_eq!(refused.condition.as_str(), "amqp:not-found");
    }
    client.attach(Role::Sender, EVENTS, None, false).await.expect("a link");
}

#[tokio::test]
async fn i_a_certificate_signs_in_without_sasl_and_without_a_token() {
    let made = || TestCertificate::self_signed(PUMP).unwrap();
    let (own, other) = (made(), made());
    let service = Setup::enrollments(&individual(PUMP, "", own.pem(), other.pem()))
        .retry_after(Duration::ZERO)
        .start()
        .await;
    let tls = Identity::of(&own).tls(&service);
    let mut by_mqtt = mqtt::Client::dial_with(&service, tls.clone()).await;
    by_mqtt.log_in(&Device::with_password(PUMP, ""), mqtt::Manners::default()).await;
    by_mqtt.provision("{}").await;

    let mut device = HubClient::over(Client::dial_with(&service, tls).await).await;
    let channel = device.channel(PUMP, "twin").await;
    assert_eq!(device.twin(channel).await["reported"], json!({ "$version": 1 }));

    for (tls, told) in [
        (Identity::of(&other).tls(&service), "thumbprint"),
        (service.tls.clone(), "no certificate"),
    ] {
        let mut client = HubClient::over(Client::dial_with(&service, tls).await).await;
        let refused = client.attach(Role::Sender, EVENTS, None, false).await.unwrap_err();
        assert_eq!(refused.condition.as_str(), "amqp:unauthorized-access");
        let why = refused.description.unwrap();
        assert!(why.contains(told), "{why}");
    }
}

#[tokio::test]
async fn i_reported_properties_are_kept_and_what_is_no_patch_is_400() {
    let service = with_pump().await;
    let mut device = signed_in(&service).await;
    let twin = device.channel(PUMP, "twin").await;
    let patch = ("PATCH", "/properties/reported");

    let first = device.ask_twin(twin, patch, r#"{"fw":"1.0","old":true}"#).await;
    let second = device.ask_twin(twin, patch, r#"{"old":null}"#).await;
    let refused = device.ask_twin(twin, patch, "nonsense").await;

    assert_eq!(first, (200, Some(2), String::new()));
    assert_eq!(second, (200, Some(3), String::new()));
    assert_eq!(refused, (400, None, "{}".to_owned()));
    assert_eq!(device.twin(twin).await["reported"], json!({ "fw": "1.0", "$version": 3 }));
}

#[tokio::test]
async fn i_a_device_is_told_of_new_desired_properties_while_it_wants_to_be() {
    let service = with_pump().await;
    let mut device = signed_in(&service).await;
    let twin = device.channel(PUMP, "twin").await;
    change_desired(&service, PUMP, r#"{"properties":{"desired":{"interval":1}}}"#).await;

    assert_eq!(device.ask_twin(twin, ("PUT", DESIRED), " ").await.0, 200);
    change_desired(&service, PUMP, r#"{"properties":{"desired":{"interval":9}}}"#).await;
    let (handle, told) = device.client.message().await;
    assert_eq!((handle, told.properties.correlation_id.clone()), (twin.down, None));
    assert_eq!((text(&told).as_str(), version(&told)), (r#"{"interval":9,"$version":3}"#, Some(3)));

    assert_eq!(device.ask_twin(twin, ("DELETE", DESIRED), " ").await.0, 200);
    change_desired(&service, PUMP, r#"{"properties":{"desired":{"interval":null}}}"#).await;
    // Had it been told, that would be in the place of the answer.
    assert_eq!(device.twin(twin).await["desired"], json!({ "$version": 4 }));
}

#[tokio::test]
async fn i_messages_are_counted_and_a_batch_as_what_it_stands_for() {
    let service = with_pump().await;
    let mut device = signed_in(&service).await;
    let address = format!("amqps://{HUB_WEST}/devices/{PUMP}/messages/events");
    let (up, _) = device.attach(Role::Sender, &address, None, false).await.unwrap();

    for _ in 0..3 {
        device.send(up, telemetry()).await;
    }
    assert_eq!(service.hubs().messages(&key_of(PUMP)), 3);
    device.send_batch(up, 4).await;
    assert_eq!(service.hubs().messages(&key_of(PUMP)), 7);
}

#[tokio::test]
async fn i_messages_wait_for_the_device_and_go_when_it_has_accepted_them() {
    let service = with_pump().await;
    let mut west = BackEnd::of_hub(&service, HUB_WEST).await;
    let path = "/devices/pump-0042/messages/devicebound?api-version=2021-04-12";
    let waiting = || service.hubs().presence(&key_of(PUMP)).waiting;
    for n in ["1", "2", "3"] {
        let headers = [("iothub-app-n", n), ("iothub-messageid", "m")];
        assert_eq!(west.send_with("POST", path, &headers, n).await.status, 204);
    }

    let mut device = signed_in(&service).await;
    let (down, _) = device.attach(Role::Receiver, DEVICEBOUND, None, false).await.unwrap();
    let mut numbers = Vec::new();
    for n in ["1", "2", "3"] {
        let (delivery, _, message) = device.client.message_unsettled().await;
        assert_eq!(text(&message), n);
        assert_eq!(message.properties.message_id, Some(Value::text("m")));
        assert_eq!(
            message.properties.to.as_deref(),
            Some("/devices/pump-0042/messages/deviceBound")
        );
        assert_eq!(message.application("n"), Some(&Value::text(n)));
        numbers.push(delivery);
    }
    assert_eq!(waiting(), 3, "none is done with");
    for (delivery, state) in [
        (numbers[0], Outcome::Accepted),
        (numbers[1], Outcome::Rejected(None)),
        (numbers[2], Outcome::Released),
    ] {
        device.settle(delivery, state).await;
    }
    let (again, _, message) = device.client.message_unsettled().await;
    assert_eq!((text(&message).as_str(), waiting()), ("3", 1), "J-349");

    // It comes once more to whoever listens next, as long as it is not taken.
    device.client.detach(down).await;
    assert_ne!(again, numbers[2]);
    device.attach(Role::Receiver, DEVICEBOUND, None, false).await.unwrap();
    let (_, message) = device.client.message().await;
    assert_eq!(text(&message), "3");
    // An answer comes after what was said before it.
    let twin = device.channel(PUMP, "twin").await;
    device.twin(twin).await;
    assert_eq!(waiting(), 0);

    west.send_with("POST", path, &[], "live").await;
    assert_eq!(text(&device.client.message().await.1), "live");
}

#[tokio::test]
async fn i_a_method_goes_to_the_device_and_its_answer_back() {
    let service = with_pump().await;
    let mut west = BackEnd::of_hub(&service, HUB_WEST).await;
    let mut device = signed_in(&service).await;
    let methods = device.channel(PUMP, "methods/devicebound").await;
    let path = "/twins/pump-0042/methods";
    let call = r#"{"methodName":"reboot","payload":{"delay":1.5},"responseTimeoutInSeconds":30}"#;

    let answering = async {
        let (handle, called) = device.client.message().await;
        assert_eq!(handle, methods.down);
        assert_eq!(called.application("IoThub-methodname"), Some(&Value::text("reboot")));
        let correlation_id = called.properties.correlation_id.clone();
        assert!(matches!(correlation_id, Some(Value::Uuid(_))), "J-348: C takes nothing else");
        let answer = Message {
            properties: Properties { correlation_id, ..Properties::default() },
            application: vec![(Value::text("IoThub-status"), Value::Int(207))],
            body: Body::Data(br#"{"done":true}"#.to_vec()),
            ..Message::default()
        };
        device.send(methods.up, answer).await;
        text(&called)
    };
    let (told, payload) = tokio::join!(west.ask("POST", path, None, call), answering);

    assert_eq!(payload, r#"{"delay":1.5}"#);
    assert_eq!(told.ok(), json!({ "status": 207, "payload": { "done": true } }));
}

#[tokio::test]
async fn i_many_devices_share_a_connection_and_each_hears_what_is_its_own() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let ids: Vec<String> = (0..12).map(|n| format!("pump-{n}")).collect();
    let mut gateway = HubClient::dial(&service).await;
    let mut twins = Vec::new();
    for id in &ids {
        register(&service, id).await;
        gateway.sign_in(id, HUB_WEST).await;
        let twin = gateway.channel(id, "twin").await;
        gateway.ask_twin(twin, ("PUT", DESIRED), " ").await;
        let address = format!("/devices/{id}/messages/events");
        let (events, _) = gateway.attach(Role::Sender, &address, None, false).await.unwrap();
        twins.push((twin, events));
    }
    assert_eq!(service.hubs().online().len(), ids.len());

    for (n, (id, (twin, events))) in ids.iter().zip(&twins).enumerate() {
        gateway.send(*events, telemetry()).await;
        change_desired(&service, id, &format!(r#"{{"properties":{{"desired":{{"n":{n}}}}}}}"#))
            .await;
        let (handle, told) = gateway.client.message().await;
        assert_eq!((handle, text(&told)), (twin.down, format!(r#"{{"n":{n},"$version":2}}"#)));
        assert_eq!(service.hubs().messages(&key_of(id)), 1);
    }

    // One is disabled, and one comes elsewhere: their links end, and nobody else's.
    service.hubs().interrupt(&key_of("pump-3"), "it was disabled on its hub");
    for _ in 0..3 {
        let (_, condition, why) = gateway.ended().await;
        assert_eq!(condition, "amqp:unauthorized-access", "{why}");
    }
    mqtt::Client::at_hub(&service, "pump-5", HUB_WEST).await;
    for _ in 0..3 {
        assert_eq!(gateway.ended().await.1, "amqp:link:stolen", "J-346");
    }
    assert_eq!(gateway.twin(twins[4].0).await["desired"], json!({ "n": 4, "$version": 2 }));

    gateway.client.close().await;
    assert!(!service.hubs().is_online(&key_of("pump-4")));
}

/// Java and .NET have a session for each of the devices that share a connection.
#[tokio::test]
async fn i_each_device_of_a_connection_may_have_a_session_of_its_own() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let mut gateway = HubClient::dial(&service).await;
    let ids: Vec<String> = (1..=20).map(|n| format!("pump-{n}")).collect();
    for id in &ids {
        register(&service, id).await;
        gateway.sign_in(id, HUB_WEST).await;
    }

    for (id, channel) in ids.iter().zip(1..) {
        let attach = attach(0, Role::Sender, "events", &format!("/devices/{id}/messages/events"));
        let transfer = Transfer {
            delivery_id: Some(0),
            delivery_tag: Some(vec![0]),
            message_format: Some(0),
            payload: telemetry().write(),
            ..Transfer::default()
        };
        let said = [Performative::Begin(begin()), Performative::Attach(attach)];
        gateway.client.send(said.map(|it| Frame::Amqp(channel, it))).await;
        // The answers come on the channel that the service has for it.
        let mut heard = Vec::new();
        while !matches!(heard.last(), Some(Performative::Flow(flow)) if flow.handle.is_some()) {
            match gateway.client.next().await {
                Some(Frame::Amqp(_, performative)) => heard.push(performative),
                other => panic!("{id}: {other:?}"),
            }
        }
        assert!(
            matches!(&heard[..], [
                Performative::Begin(Begin { remote_channel, .. }),
                Performative::Attach(Attach { target: Some(_), .. }),
                Performative::Flow(_),
            ] if *remote_channel == Some(channel)),
            "{id}: {heard:?}"
        );
        gateway.client.send([Frame::Amqp(channel, Performative::Transfer(transfer))]).await;
        match gateway.client.next().await {
            Some(Frame::Amqp(_, Performative::Disposition(Disposition { state, .. }))) => {
                assert_eq!(state, Some(Outcome::Accepted));
            }
            other => panic!("{id}: {other:?}"),
        }
    }
    assert!(ids.iter().all(|id| service.hubs().messages(&key_of(id)) == 1));

    // A device leaves with its session.
    gateway.client.send([Frame::Amqp(7, Performative::End(End::default()))]).await;
    assert!(matches!(gateway.client.next().await, Some(Frame::Amqp(_, Performative::End(_)))));
    let online = service.hubs().online().len();
    assert_eq!((online, service.hubs().is_online(&key_of("pump-7"))), (19, false));
}

#[tokio::test]
async fn i_links_end_with_the_token_unless_another_comes_in_time() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    for id in ["pump-1", "pump-2"] {
        register(&service, id).await;
    }
    let mut gateway = HubClient::dial(&service).await;
    let mut links = Vec::new();
    for id in ["pump-1", "pump-2"] {
        let key = derived(PRIMARY_KEY, id);
        let token = hub_token_until(&key, HUB_WEST, id, now() + 2);
        assert_eq!(gateway.show(&name_of(id), &token).await.0, 200);
        let address = format!("/devices/{id}/messages/events");
        links.push(gateway.attach(Role::Sender, &address, None, false).await.unwrap());
    }
    gateway.sign_in("pump-2", HUB_WEST).await;

    let (handle, condition, why) = gateway.ended().await;
    assert_eq!((handle, condition.as_str()), (links[0].1, "amqp:unauthorized-access"));
    assert!(why.contains("expired"), "{why}");
    assert!(!service.hubs().is_online(&key_of("pump-1")));
    gateway.send(links[1].0, telemetry()).await;
    assert!(service.hubs().is_online(&key_of("pump-2")));
    let address = "/devices/pump-1/messages/events";
    assert!(gateway.attach(Role::Sender, address, None, false).await.is_err());
}

#[tokio::test]
async fn i_a_device_has_one_connection_whatever_it_speaks() {
    let service = with_pump().await;
    let mut older = signed_in(&service).await;
    older.attach(Role::Sender, EVENTS, None, false).await.unwrap();

    let mut newer = signed_in(&service).await;
    assert!(service.hubs().is_online(&key_of(PUMP)));
    let (events, _) = newer.attach(Role::Sender, EVENTS, None, false).await.unwrap();

    assert_eq!(older.ended().await.1, "amqp:link:stolen");
    drop(older);
    newer.send(events, telemetry()).await;
    assert!(service.hubs().is_online(&key_of(PUMP)));
    let mut by_mqtt = mqtt::Client::at_hub(&service, PUMP, HUB_WEST).await;
    assert_eq!(newer.ended().await.1, "amqp:link:stolen");
    by_mqtt.twin().await;
    // It comes back on the connection that it has.
    newer.attach(Role::Sender, EVENTS, None, false).await.unwrap();
    assert!(by_mqtt.is_closed().await);
}

#[tokio::test]
async fn f_7_a_deleted_identity_is_sent_away_and_its_token_counts_no_more() {
    let service = with_pump().await;
    let mut device = signed_in(&service).await;
    device.attach(Role::Sender, EVENTS, None, false).await.unwrap();

    service.hubs().remove(&key_of(PUMP), |_| Ok(())).await.unwrap();

    assert_eq!(device.ended().await.1, "amqp:not-found");
    let refused = device.attach(Role::Sender, EVENTS, None, false).await.unwrap_err();
    assert_eq!(refused.condition.as_str(), "amqp:not-found");
    register(&service, PUMP).await;
    device.sign_in(PUMP, HUB_WEST).await;
    device.attach(Role::Sender, EVENTS, None, false).await.expect("a link");
}

#[tokio::test]
async fn j_345_which_hub_is_meant_says_the_address_the_name_that_was_dialled_or_the_token() {
    let webhook = Webhook::start([Reaction::hub(HUB_EAST), Reaction::hub(HUB_WEST)]).await;
    let service = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO).start().await;
    register(&service, "at-east").await;
    register(&service, "at-west").await;
    let there = |id: &str| format!("/devices/{id}/messages/events");
    let at = |hub: &str, id: &str| format!("amqps://{hub}{}", there(id));

    // Dialled by name, only that hub is meant, unless the address names another.
    let mut device = dial(&service, HUB_EAST).await;
    device.sign_in("at-east", HUB_EAST).await;
    device.sign_in("at-west", HUB_WEST).await;
    device.attach(Role::Sender, &there("at-east"), None, false).await.expect("a link");
    let refused = device.attach(Role::Sender, &there("at-west"), None, false).await.unwrap_err();
    assert_eq!(refused.condition.as_str(), "amqp:not-found");
    device.attach(Role::Sender, &at(HUB_WEST, "at-west"), None, false).await.expect("a link");
    device.client.close().await;

    // By another name, the token says it.
    let mut device = HubClient::dial(&service).await;
    device.sign_in("at-west", HUB_WEST).await;
    device.attach(Role::Sender, &there("at-west"), None, false).await.expect("a link");
    // Without any, the hub that has the device, which wants a token.
    let refused = device.attach(Role::Sender, &there("at-east"), None, false).await.unwrap_err();
    assert_eq!(refused.condition.as_str(), "amqp:unauthorized-access");
    let refused = device.attach(Role::Sender, &there("nowhere"), None, false).await.unwrap_err();
    assert_eq!(refused.condition.as_str(), "amqp:not-found");
}
