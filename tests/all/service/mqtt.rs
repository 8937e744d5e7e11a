//! The service over MQTT and TLS (A.1–A.7): which packets it takes, and how it answers them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::future::join_all;
use rumqttc::{
    ConnAck, ConnectReturnCode, LastWill, Packet, QoS, SubscribeReasonCode, Unsubscribe,
};
use rustls::pki_types::PrivateKeyDer;

use crate::support::service::client::{Client, Device, Manners, RESPONSES};
use crate::support::service::setup::{SCOPE, Setup, TestService};

// --- CONNECT ---

async fn connack(service: &TestService, device: &Device) -> Option<ConnectReturnCode> {
    let mut client = Client::dial(service).await;
    let connack = client.say_hello(device, Manners::default()).await;
    if let Some(ConnAck { session_present, code }) = &connack {
        assert!(!session_present, "A.2");
        assert!(*code == ConnectReturnCode::Success || client.is_closed().await);
    }
    connack.map(|connack| connack.code)
}

#[tokio::test]
async fn a_6_a_connect_that_names_the_wrong_things_is_refused_and_closed() {
    use ConnectReturnCode::{NotAuthorized, ServiceUnavailable, Success};
    let service = Setup::new().start().await;
    let device = || Device::new("pump-0042");

    for (user_name, code) in [
        ("0ne00002193/registrations/pump-0042/api-version=2019-03-31", Success),
        ("0NE00002193/registrations/PUMP-0042/api-version=2019-03-31", Success),
        ("0ne00002193/registrations/pump-0042/?x=1&api-version=2019-03-31&y", Success),
        ("0neFFFFFFFF/registrations/pump-0042/api-version=2019-03-31", ServiceUnavailable),
        ("0ne00002193/registrations/pump-0043/api-version=2019-03-31", NotAuthorized),
        ("0ne00002193/registrations/pump-0042", NotAuthorized),
        ("0ne00002193/registrations/pump-0042/", NotAuthorized),
        ("0ne00002193/devices/pump-0042/api-version=2019-03-31", NotAuthorized),
        ("hub.azure-devices.net/pump-0042/?api-version=2021-04-12", NotAuthorized),
        ("nonsense", NotAuthorized),
        ("", NotAuthorized),
    ] {
        let answered = connack(&service, &device().user_name(user_name)).await;

        assert_eq!(answered, Some(code), "{user_name:?}");
    }
}

#[tokio::test]
async fn a_10_no_credential_is_looked_at_before_the_register() {
    let service = Setup::new().start().await;

    for password in ["", "nonsense", "SharedAccessSignature sr=x&sig=AA==&se=1"] {
        let device = Device::with_password("pump-0042", password);

        assert_eq!(connack(&service, &device).await, Some(ConnectReturnCode::Success));
    }
}

#[tokio::test]
async fn a_2_neither_clean_session_nor_keep_alive_matters_and_no_session_is_ever_present() {
    let service = Setup::new().start().await;

    for (clean_session, keep_alive) in [(false, 60), (false, 0), (true, 0), (true, u16::MAX)] {
        let manners = Manners { clean_session, keep_alive, ..Manners::default() };
        for _ in 0..2 {
            let mut client =
                Client::connect_with(&service, &Device::new("pump-0042"), manners).await;

            assert_eq!(client.provision("").await.status(), 200);
        }
    }
}

#[tokio::test]
async fn a_2_another_protocol_level_gets_connack_1() {
    let service = Setup::new().start().await;

    for connect in [
        // MQTT 5, with its properties; MQTT 3.1.1's name with a level that never was.
        &b"\x10\x10\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x03dev"[..],
        b"\x10\x0f\x00\x04MQTT\x03\x02\x00\x00\x00\x03dev",
    ] {
        let mut client = Client::dial(&service).await;
        client.send_raw(connect).await;

        let code = ConnectReturnCode::RefusedProtocolVersion;
        assert_eq!(
            client.next().await,
            Some(Packet::ConnAck(ConnAck { session_present: false, code }))
        );
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn j_13_a_will_is_accepted_and_has_no_effect() {
    let service = Setup::new().start().await;
    let device = Device::new("pump-0042");
    let mut connect = rumqttc::Connect::new(&*device.client_id);
    connect.set_login(&*device.user_name, &*device.password);
    connect.last_will = Some(LastWill::new("last/words", "bye", QoS::AtLeastOnce, true));
    let mut client = Client::dial(&service).await;

    client.send(Packet::Connect(connect)).await;

    assert!(matches!(client.receive().await, Packet::ConnAck(_)));
    client.subscribe(RESPONSES, QoS::AtLeastOnce).await;
    assert_eq!(client.provision("").await.status(), 200);
}

#[tokio::test]
async fn whatever_comes_before_connect_or_a_second_connect_closes() {
    let service = Setup::new().start().await;
    let device = Device::new("pump-0042");
    let mut early = Client::dial(&service).await;
    let mut late = Client::connect(&service, &device).await;

    early.send(Packet::PingReq).await;
    let repeated = late.say_hello(&device, Manners::default()).await;

    assert!(early.is_closed().await);
    assert_eq!(repeated, None);
}

// --- SUBSCRIBE, PUBLISH and the rest ---

#[tokio::test]
async fn a_7_filters_of_answers_are_granted_with_at_most_qos_1_and_others_get_0x80() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for (filter, asked, granted) in [
        (RESPONSES, QoS::AtMostOnce, SubscribeReasonCode::Success(QoS::AtMostOnce)),
        (RESPONSES, QoS::AtLeastOnce, SubscribeReasonCode::Success(QoS::AtLeastOnce)),
        (RESPONSES, QoS::ExactlyOnce, SubscribeReasonCode::Success(QoS::AtLeastOnce)),
        ("$dps/registrations/PUT/#", QoS::AtLeastOnce, SubscribeReasonCode::Failure),
        ("$dps/+", QoS::AtLeastOnce, SubscribeReasonCode::Failure),
        ("#", QoS::AtLeastOnce, SubscribeReasonCode::Failure),
    ] {
        assert_eq!(client.subscribe(filter, asked).await, granted, "{filter}");
    }
    assert_eq!(client.provision("").await.status(), 200, "a refused filter changes nothing");
}

#[tokio::test]
async fn a_4_answers_come_on_whatever_filter_matches_them() {
    let service = Setup::new().start().await;
    for filter in ["$dps/registrations/res/202/#", "$dps/#", "$dps/registrations/res/+/+"] {
        let mut client = Client::dial(&service).await;
        client.say_hello(&Device::new("pump-0042"), Manners::default()).await;
        client.subscribe(filter, QoS::AtMostOnce).await;

        assert_eq!(client.register("").await.status(), 202, "{filter}");
    }
}

#[tokio::test]
async fn a_4_answers_come_at_the_granted_quality_and_are_not_retained() {
    let service = Setup::new().start().await;

    for (asked, granted) in [
        (QoS::AtMostOnce, QoS::AtMostOnce),
        (QoS::AtLeastOnce, QoS::AtLeastOnce),
        (QoS::ExactlyOnce, QoS::AtLeastOnce),
    ] {
        for publish in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            let manners = Manners { subscribe: asked, publish, ..Manners::default() };
            let mut client =
                Client::connect_with(&service, &Device::new("pump-0042"), manners).await;

            let first = client.register("").await;
            let second = client.poll(&first.operation_id()).await;

            assert_eq!((first.qos, second.qos), (granted, granted));
            assert!(!first.retain && !second.retain);
            let has_own_id = first.packet_id != 0 && first.packet_id != second.packet_id;
            assert_eq!(has_own_id, granted == QoS::AtLeastOnce, "a packet ID of its own");
        }
    }
}

#[tokio::test]
async fn a_12_puback_goes_out_before_the_answer_even_of_requests_sent_in_one_go() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;
    let mut both = BytesMut::new();
    for pkid in [11, 12] {
        let topic = format!("$dps/registrations/PUT/iotdps-register/?$rid={pkid}");
        let mut publish = rumqttc::Publish::new(topic, QoS::AtLeastOnce, "");
        publish.pkid = pkid;
        publish.write(&mut both).unwrap();
    }

    client.send_raw(&both).await;

    for pkid in [11, 12] {
        assert_eq!(client.receive().await, Packet::PubAck(rumqttc::PubAck::new(pkid)));
        let topic = client.answer().await.topic;
        assert_eq!(topic, format!("$dps/registrations/res/202/?$rid={pkid}&retry-after=3"));
    }
}

#[tokio::test]
async fn a_7_a_publish_with_qos_2_closes() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    client.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", b"", QoS::ExactlyOnce).await;

    assert!(client.is_closed().await);
}

#[tokio::test]
async fn j_12_a_foreign_topic_is_acknowledged_and_ignored() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for topic in [
        "devices/pump-0042/messages/events/",
        "$dps/registrations/res/200/?$rid=1",
        "$dps/registrations/PUT/iotdps-get-operationstatus/?$rid=1",
    ] {
        client.publish(topic, b"hello", QoS::AtLeastOnce).await;
    }

    assert_eq!(client.provision("").await.status(), 200);
}

#[tokio::test]
async fn a_7_ping_unsubscribe_and_disconnect_do_what_they_must() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;
    let mut unsubscribe = Unsubscribe::new(RESPONSES);
    unsubscribe.pkid = 77;

    client.send(Packet::PingReq).await;
    assert_eq!(client.receive().await, Packet::PingResp);
    client.send(Packet::Unsubscribe(unsubscribe)).await;
    assert!(matches!(client.receive().await, Packet::UnsubAck(ack) if ack.pkid == 77));

    client.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", b"", QoS::AtLeastOnce).await;
    client.send(Packet::PingReq).await;
    assert_eq!(client.receive().await, Packet::PingResp, "no answer without a subscription");
    client.send(Packet::Disconnect).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_7_silence_of_one_and_a_half_keep_alives_ends_the_connection() {
    let service = Setup::new().start().await;
    let manners = Manners { keep_alive: 1, ..Manners::default() };
    let started = std::time::Instant::now();
    let mut client = Client::connect_with(&service, &Device::new("pump-0042"), manners).await;

    assert!(client.is_closed().await);

    assert!(started.elapsed() >= Duration::from_millis(1500), "{:?}", started.elapsed());
}

// --- TLS ---

#[tokio::test]
async fn a_1_a_device_that_only_speaks_tls_1_2_is_served() {
    let service = Setup::new().start().await;
    let tls = service.client_tls(&rustls::version::TLS12).with_no_client_auth();
    let mut client = Client::dial_with(&service, Arc::new(tls)).await;

    client.log_in(&Device::new("pump-0042"), Manners::default()).await;

    assert_eq!(client.provision("").await.status(), 200);
}

#[tokio::test]
async fn a_3_any_client_certificate_is_taken_and_judged_at_the_register() {
    let service = Setup::new().start().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();

    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = service
            .client_tls(version)
            .with_client_auth_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let mut client = Client::dial_with(&service, Arc::new(tls)).await;

        client.log_in(&Device::with_password("pump-0042", ""), Manners::default()).await;

        assert_eq!(client.register("").await.status(), 401);
    }
}

// --- Clients that are not ready yet ---

/// How long azure-iot-sdk-java needs from the beginning of its PUBLISH until somebody waits for the
/// answer.
const NOT_YET_WAITING: Duration = Duration::from_millis(2);

/// A client that publishes first and waits only then, as azure-iot-sdk-java does: how many of its
/// answers came when nobody waited for them.
async fn lost_answers(service: &TestService, id: &str, registrations: usize) -> usize {
    let user_name =
        format!("{SCOPE}/registrations/{id}/api-version=2019-03-31&ClientVersion=2019-03-31");
    let mut client = Client::connect(service, &Device::new(id).user_name(&user_name)).await;
    let mut lost = 0;
    for _ in 0..registrations {
        // Before the first byte is sent: so a machine under load can only make an answer later.
        let begun = Instant::now();
        let accepted = client.register("").await;
        lost += usize::from(begun.elapsed() < NOT_YET_WAITING);
        let begun = Instant::now();
        client.poll(&accepted.operation_id()).await;
        lost += usize::from(begun.elapsed() < NOT_YET_WAITING);
    }
    lost
}

#[tokio::test]
async fn j_200_a_client_that_waits_only_after_it_has_published_loses_no_answer() {
    let service = Setup::at_once().start().await;
    let ids: Vec<_> = (0..48).map(|number| format!("pump-{number}")).collect();

    // 2,000 registrations: first alone, where answers come soonest, then many at once.
    let alone = lost_answers(&service, "pump-0042", 80).await;
    let together = join_all(ids.iter().map(|id| lost_answers(&service, id, 40))).await;

    assert_eq!((alone, together.iter().sum::<usize>()), (0, 0));
}

#[tokio::test]
async fn j_200_refusals_wait_as_well() {
    let service = Setup::new().start().await;
    let mut client =
        Client::connect(&service, &Device::with_password("pump-0042", "nonsense")).await;

    let begun = Instant::now();
    let refused = client.register("").await;

    assert_eq!(refused.status(), 401);
    assert!(begun.elapsed() >= NOT_YET_WAITING);
}
