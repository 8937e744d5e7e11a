//! The device on every transport: against the service of this house, and against servers that are
//! worse.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use provision_sim::attestation::{DeviceCertificate, GroupKey};
use provision_sim::device::{
    AmqpFrame, Class, ConnectPhase, Credential, Error, Notice, Ports, ProvisioningClient, Received,
    Registered, Sent, Settings, Transport,
};
use provision_sim::net::{Route, Trust, client_config};
use provision_sim::pki::TestCertificate;
use rumqttc::{ConnectReturnCode, Packet};

use crate::support::IN_GOOD_TIME;
use crate::support::proxy::{ConnectProxy, Manner};
use crate::support::scripted::http::{Asked, HttpServer, Reply, answer, chunked};
use crate::support::scripted::{Script, Server};
use crate::support::service::setup::{
    HUB_WEST, PRIMARY_KEY, RETIRED_KEY, SCOPE, Setup, TestService,
};
use crate::support::service::webhook::{Reaction, Webhook};

const ID: &str = "pump-0042";
const SOON: Duration = Duration::from_millis(1500);

const ALL: [Transport; 5] =
    [Transport::Mqtt, Transport::MqttWs, Transport::Https, Transport::Amqp, Transport::AmqpWs];

const ASSIGNING: &str = r#"{"operationId":"5.one","status":"assigning"}"#;
const ASSIGNED: &str = r#"{"operationId":"5.one","status":"assigned","registrationState":{"assignedHub":"hub-west.azure-devices.net","deviceId":"pump-0042","status":"assigned"}}"#;
const THROTTLED: &str = r#"{"errorCode":429001,"trackingId":"","message":"Operations are being throttled for this tenant."}"#;
const BROKEN: &str = r#"{"errorCode":500000,"trackingId":"t","message":"Internal error"}"#;

/// A device of the group with this key.
fn device(tls: std::sync::Arc<rustls::ClientConfig>, group_key: &str) -> Settings {
    let registration_id = ID.parse().unwrap();
    let key = group_key.parse::<GroupKey>().unwrap().derive(&registration_id);
    Settings {
        timeout: IN_GOOD_TIME,
        client_version: "provision-sim%2Ftest".to_owned(),
        ..Settings::new(
            "127.0.0.1".parse().unwrap(),
            SCOPE.parse().unwrap(),
            registration_id,
            Credential::SymmetricKey(key),
            tls,
        )
    }
}

fn device_of(service: &TestService, transport: Transport) -> Settings {
    let ports = Ports {
        mqtt: service.address().port(),
        https: service.https_address().port(),
        amqp: service.amqp_address().port(),
    };
    Settings { ports, transport, ..device(service.tls.clone(), PRIMARY_KEY) }
}

/// A device whose every port is that of a scripted server.
fn device_at(address: SocketAddr, ca_pem: &str, transport: Transport) -> Settings {
    let tls = client_config(&Trust::Pem(ca_pem.to_owned())).unwrap();
    let ports = Ports { mqtt: address.port(), https: address.port(), amqp: address.port() };
    Settings { ports, transport, ..device(tls, PRIMARY_KEY) }
}

fn https_device(server: &HttpServer) -> Settings {
    device_at(server.address(), server.ca_pem(), Transport::Https)
}

/// Both ways in which the device may prove itself.
fn proofs() -> [Credential; 2] {
    let key = PRIMARY_KEY.parse::<GroupKey>().unwrap().derive(&ID.parse().unwrap());
    let made = TestCertificate::self_signed(ID).unwrap();
    let (pem, key_pem) = (made.pem().as_bytes(), made.key_pem());
    let certificate = DeviceCertificate::read(pem, Some(key_pem.as_bytes()), None).unwrap();
    [Credential::SymmetricKey(key), Credential::X509(certificate)]
}

/// Scripts of an MQTT server, for either way of speaking MQTT.
fn over<const N: usize>(transport: Transport, scripts: [Script; N]) -> [Script; N] {
    scripts.map(|script| match transport {
        Transport::MqttWs => script.over_web_socket(),
        _ => script,
    })
}

fn through(proxy: &ConnectProxy, user_info: &str) -> Route {
    Route::default().through(format!("http://{user_info}{}", proxy.address()).parse().unwrap())
}

async fn register(settings: Settings) -> (Result<Registered, Error>, Vec<Notice>) {
    let mut notices = Vec::new();
    let result =
        ProvisioningClient::new(settings).register(&mut |notice| notices.push(notice)).await;
    (result, notices)
}

fn phases(notices: &[Notice]) -> Vec<ConnectPhase> {
    let phases = notices.iter().filter_map(|notice| match notice {
        Notice::Reached { phase, .. } => Some(*phase),
        _ => None,
    });
    phases.collect()
}

/// A port of this machine at which nothing listens.
async fn closed_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

// Against the service

#[tokio::test]
async fn every_transport_gets_the_same_hub_and_tells_its_phases() {
    use ConnectPhase::{Attach, Connack, Dns, Open, Sasl, Suback, Tcp, Tls, Upgrade};
    let service = Setup::new().retry_after(Duration::ZERO).assigning_polls(1).start().await;

    for transport in ALL {
        let (result, notices) = register(device_of(&service, transport)).await;

        let registered = result.unwrap_or_else(|error| panic!("{transport}: {error}"));
        assert_eq!(registered.assigned_hub, HUB_WEST, "{transport}");
        assert_eq!(registered.device_id, ID, "{transport}");
        let expected: &[_] = match transport {
            Transport::MqttWs => &[Dns, Tcp, Tls, Upgrade, Connack, Suback],
            Transport::Https => &[Dns, Tcp, Tls],
            Transport::Amqp => &[Dns, Tcp, Tls, Sasl, Open, Attach],
            Transport::AmqpWs => &[Dns, Tcp, Tls, Upgrade, Sasl, Open, Attach],
            _ => &[Dns, Tcp, Tls, Connack, Suback],
        };
        assert_eq!(phases(&notices), expected, "{transport}");
        let assigning = notices.iter().filter(|notice| matches!(notice, Notice::Assigning { .. }));
        assert_eq!(assigning.count(), 2, "{transport}: {notices:?}");
        assert!(notices.contains(&Notice::Connected), "{transport}");
    }
    service.stop().await;
}

#[tokio::test]
async fn j_151_every_transport_tells_what_it_sends_and_receives_and_no_secret() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;

    for transport in ALL {
        let settings = device_of(&service, transport);
        let Credential::SymmetricKey(key) = settings.credential.clone() else { unreachable!() };
        let (result, notices) = register(settings).await;

        result.unwrap();
        let told: Vec<_> =
            notices.iter().filter_map(packet).filter(|told| *told != CREDIT).collect();
        let mqtt = [
            ">CONNECT",
            "<CONNACK",
            ">SUBSCRIBE",
            "<SUBACK",
            ">PUBLISH",
            "<PUBACK",
            "<PUBLISH",
            ">PUBACK",
            ">PUBLISH",
            "<PUBACK",
            "<PUBLISH",
            ">PUBACK",
        ];
        let amqp = [
            ">header",
            "<header",
            "<mechanisms",
            ">init",
            "<outcome",
            ">header",
            ">open",
            "<header",
            "<open",
            ">begin",
            "<begin",
            ">attach",
            "<attach",
            ">flow",
            ">attach",
            "<attach",
            ">transfer",
            "<disposition",
            "<transfer",
            ">disposition",
            ">transfer",
            "<disposition",
            "<transfer",
            ">disposition",
        ];
        let expected = match transport {
            Transport::Amqp => amqp.to_vec(),
            Transport::AmqpWs => [&[">upgrade", "<101"][..], &amqp].concat(),
            Transport::Https => vec![">PUT", "<202", ">GET", "<200"],
            Transport::MqttWs => [&[">upgrade", "<101"][..], &mqtt].concat(),
            _ => mqtt.to_vec(),
        };
        assert_eq!(told, expected, "{transport}");
        assert!(notices.iter().any(|notice| matches!(notice, Notice::Secured(_))), "{transport}");
        let output = format!("{notices:?}");
        let signed = notices.iter().filter_map(|notice| match notice {
            Notice::Signed(signed) => Some(key.sign(signed.text.as_bytes())),
            _ => None,
        });
        let signatures: Vec<_> = signed.map(|signature| STANDARD.encode(signature)).collect();
        assert_eq!(signatures.len(), if transport == Transport::Https { 2 } else { 1 });
        for secret in signatures.iter().chain([&*key.to_base64()]) {
            // Without what is written in another way where it is URL-encoded.
            let part = secret.split(['+', '/', '=']).max_by_key(|part| part.len()).unwrap();
            assert!(!output.contains(part), "{transport}: {output}");
        }
    }
}

/// A word for each packet that is told.
fn packet(notice: &Notice) -> Option<&'static str> {
    Some(match notice {
        Notice::Sent(sent) => match sent {
            Sent::Upgrade { .. } => ">upgrade",
            Sent::Connect { .. } => ">CONNECT",
            Sent::Subscribe { .. } => ">SUBSCRIBE",
            Sent::Publish { .. } => ">PUBLISH",
            Sent::Puback { .. } => ">PUBACK",
            Sent::Request { method, .. } if method == "PUT" => ">PUT",
            Sent::Request { .. } => ">GET",
            Sent::Amqp(frame) => amqp(frame, true),
            _ => ">something else",
        },
        Notice::Received(received) => match received {
            Received::Upgraded => "<101",
            Received::Connack { .. } => "<CONNACK",
            Received::Suback { .. } => "<SUBACK",
            Received::Puback { .. } => "<PUBACK",
            Received::Publish { .. } => "<PUBLISH",
            Received::Amqp(frame) => amqp(frame, false),
            Received::Response { status: 202, .. } => "<202",
            Received::Response { status: 200, .. } => "<200",
            _ => "<something else",
        },
        _ => return None,
    })
}

/// Comes whenever it likes, before or after the first request.
const CREDIT: &str = "<flow";

/// A word for each frame that is told.
fn amqp(frame: &AmqpFrame, is_sent: bool) -> &'static str {
    let (sent, received) = match frame {
        AmqpFrame::Header { .. } => (">header", "<header"),
        AmqpFrame::Mechanisms(_) => (">mechanisms", "<mechanisms"),
        AmqpFrame::Init { .. } => (">init", "<init"),
        AmqpFrame::Outcome { .. } => (">outcome", "<outcome"),
        AmqpFrame::Open { .. } => (">open", "<open"),
        AmqpFrame::Begin => (">begin", "<begin"),
        AmqpFrame::Attach { .. } => (">attach", "<attach"),
        AmqpFrame::Flow { .. } => (">flow", CREDIT),
        AmqpFrame::Transfer(_) => (">transfer", "<transfer"),
        AmqpFrame::Disposition { .. } => (">disposition", "<disposition"),
        AmqpFrame::Detach { .. } => (">detach", "<detach"),
        _ => (">something else", "<something else"),
    };
    if is_sent { sent } else { received }
}

#[tokio::test]
async fn f_4_what_the_webhook_refuses_is_failed_with_400207_on_every_transport() {
    let webhook = Webhook::start([Reaction::Answer(400, String::new())]).await;
    let service = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO).start().await;

    for transport in ALL {
        let (result, _) = register(device_of(&service, transport)).await;

        let error = result.unwrap_err();
        assert_eq!(error.code().map(|code| code.0), Some(400_207), "{transport}: {error}");
        assert!(error.operation_id().is_some(), "{transport}");
        assert_eq!(error.class(), Class::NotAssigned, "{transport}");
    }
}

#[tokio::test]
async fn f_4_a_disabled_enrollment_is_disabled_on_every_transport() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;

    for transport in ALL {
        let Settings { ports, tls, .. } = device_of(&service, transport);
        let settings = Settings { ports, transport, ..device(tls, RETIRED_KEY) };
        let (result, _) = register(settings).await;

        assert!(matches!(result, Err(Error::Disabled { .. })), "{transport}: {result:?}");
    }
}

#[tokio::test]
async fn a_6_b_4_a_wrong_key_is_401_on_every_transport() {
    const OTHER_KEY: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    let service = Setup::new().start().await;

    for transport in ALL {
        let Settings { ports, tls, .. } = device_of(&service, transport);
        let settings = Settings { ports, transport, ..device(tls, OTHER_KEY) };
        let (result, notices) = register(settings).await;

        let error = result.unwrap_err();
        assert!(matches!(&error, Error::Unauthorized(refused) if refused.status == 401), "{error}");
        assert_eq!(error.class(), Class::Identity, "{transport}");
        assert!(notices.contains(&Notice::Connected), "it fails at register, not before");
    }
}

#[tokio::test]
async fn a_6_b_4_an_unknown_scope_is_not_assigned_on_every_transport() {
    let service = Setup::new().start().await;

    join_all(ALL.map(async |transport| {
        let id_scope = "0neFFFFFFFF".parse().unwrap();
        let (result, _) = register(Settings { id_scope, ..device_of(&service, transport) }).await;

        let error = result.unwrap_err();
        match transport {
            Transport::Https | Transport::Amqp | Transport::AmqpWs => {
                assert!(matches!(&error, Error::Rejected(refused) if refused.status == 404));
            }
            _ => assert!(matches!(error, Error::ConnectRefused { .. }), "{transport}: {error}"),
        }
        assert_eq!(error.class(), Class::NotAssigned, "{transport}");
    }))
    .await;
}

// HTTPS

#[tokio::test]
async fn b_1_b_2_register_and_poll_are_as_dps_has_them_over_one_connection() {
    let replies = vec![
        chunked(202, &["Retry-After: 0", "Content-Type: application/json"], ASSIGNING),
        chunked(200, &[], ASSIGNED),
    ];
    let server = HttpServer::start([replies]).await;
    let payload = Some(r#"{"fw":1.50}"#.parse().unwrap());

    let (result, _) = register(Settings { payload, ..https_device(&server) }).await;

    assert_eq!(result.unwrap().assigned_hub, HUB_WEST);
    let asked = server.asked();
    let [register, poll] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((register.connection, poll.connection), (0, 0));
    assert_eq!(
        register.line,
        "PUT /0ne00002193/registrations/pump-0042/register?api-version=2021-06-01"
    );
    assert_eq!(register.body, r#"{"registrationId":"pump-0042","payload":{"fw":1.50}}"#);
    assert_eq!(register.header("content-type"), Some("application/json"));
    assert_eq!(
        poll.line,
        "GET /0ne00002193/registrations/pump-0042/operations/5.one?api-version=2021-06-01"
    );
    assert_eq!(poll.body, "");
    for request in [register, poll] {
        let authorization = request.header("authorization").unwrap();
        assert!(
            authorization.starts_with(
                "SharedAccessSignature sr=0ne00002193%2Fregistrations%2Fpump-0042&sig="
            ),
            "{authorization}"
        );
        assert_eq!(request.header("host"), Some(server.address().to_string().as_str()));
        assert_eq!(request.header("user-agent"), Some("provision-sim/test"));
    }
}

/// The waits that the device was asked for, and how it ended.
async fn waits(replies: Vec<Reply>) -> (Result<Registered, Error>, Vec<Duration>) {
    let server = HttpServer::start([replies]).await;
    let (result, notices) = register(https_device(&server)).await;
    let waits = notices.iter().filter_map(|notice| match notice {
        Notice::Assigning { wait, .. } | Notice::Busy { wait, .. } => Some(*wait),
        _ => None,
    });
    (result, waits.collect())
}

/// J-100.
#[tokio::test]
async fn retry_after_is_seconds_or_a_date_by_the_servers_clock() {
    let (result, waits) = waits(vec![
        answer(202, &["Retry-After: 0.02"], ASSIGNING),
        answer(
            202,
            &["Date: Sun, 06 Nov 1994 12:00:00 GMT", "Retry-After: Sun, 06 Nov 1994 12:00:01 GMT"],
            ASSIGNING,
        ),
        answer(
            202,
            &["Date: Sun, 06 Nov 1994 12:00:00 GMT", "Retry-After: Sun, 06 Nov 1994 11:00:00 GMT"],
            ASSIGNING,
        ),
        answer(200, &[], ASSIGNED),
    ])
    .await;

    result.unwrap();
    assert_eq!(waits, [Duration::from_millis(20), Duration::from_secs(1), Duration::ZERO]);
}

#[tokio::test]
async fn a_16_throttling_and_errors_of_the_service_are_waited_out() {
    for (status, body) in [(429, THROTTLED), (500, BROKEN), (503, "down for maintenance")] {
        let (result, waits) =
            waits(vec![answer(status, &["Retry-After: 0"], body), answer(200, &[], ASSIGNED)])
                .await;

        assert_eq!(result.unwrap().assigned_hub, HUB_WEST, "{status}");
        assert_eq!(waits.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn throttling_and_errors_are_waited_out_on_every_transport_with_either_proof() {
    for credential in proofs() {
        for (status, body) in [(429, THROTTLED), (500, BROKEN)] {
            let replies =
                vec![answer(status, &["Retry-After: 0"], body), answer(200, &[], ASSIGNED)];
            let server = HttpServer::start([replies]).await;
            let settings = Settings { credential: credential.clone(), ..https_device(&server) };
            let (result, _) = register(settings).await;
            assert_eq!(result.unwrap().assigned_hub, HUB_WEST, "{status}");

            for transport in [Transport::Mqtt, Transport::MqttWs] {
                let script = Script::subscribed()
                    .answer(status, Some("0"), body)
                    .answer(200, None, ASSIGNED);
                let server = Server::start(over(transport, [script])).await;
                let device = device_at(server.address(), server.ca_pem(), transport);
                let (result, notices) =
                    register(Settings { credential: credential.clone(), ..device }).await;
                assert_eq!(result.unwrap().assigned_hub, HUB_WEST, "{status} over {transport}");
                let is_busy = |notice: &Notice| matches!(notice, Notice::Busy { .. });
                assert!(notices.iter().any(is_busy), "{status} over {transport}: {notices:?}");
            }
        }
    }
}

fn lines(asked: &[Asked]) -> Vec<(usize, &str)> {
    let method = |asked: &Asked| asked.line.split(' ').next().unwrap_or_default().len();
    asked.iter().map(|asked| (asked.connection, &asked.line[..method(asked)])).collect()
}

/// J-100.
#[tokio::test]
async fn a_connection_that_is_closed_while_idle_is_opened_again_without_ado() {
    let server = HttpServer::start([
        vec![answer(202, &["Retry-After: 0", "Connection: close"], ASSIGNING)],
        vec![answer(200, &[], ASSIGNED)],
    ])
    .await;

    let (result, notices) = register(https_device(&server)).await;

    result.unwrap();
    assert_eq!(lines(&server.asked()), [(0, "PUT"), (1, "GET")]);
    assert!(!notices.iter().any(|notice| matches!(notice, Notice::Lost { .. })), "{notices:?}");
}

/// J-100.
#[tokio::test]
async fn a_request_that_meets_the_closing_of_an_idle_connection_is_sent_once_more() {
    let server = HttpServer::start([
        vec![answer(202, &["Retry-After: 0"], ASSIGNING), Reply::Close],
        vec![answer(200, &[], ASSIGNED)],
    ])
    .await;

    let (result, notices) = register(https_device(&server)).await;

    result.unwrap();
    assert_eq!(lines(&server.asked()), [(0, "PUT"), (0, "GET"), (1, "GET")]);
    assert!(!notices.iter().any(|notice| matches!(notice, Notice::Lost { .. })), "{notices:?}");
}

#[tokio::test]
async fn a_connection_lost_while_assigning_is_resumed_by_operation_id_on_every_transport() {
    for credential in proofs() {
        let server = HttpServer::start([
            vec![answer(202, &["Retry-After: 0"], ASSIGNING), Reply::Close],
            vec![Reply::Close],
            vec![answer(200, &[], ASSIGNED)],
        ])
        .await;
        let settings = Settings { credential: credential.clone(), ..https_device(&server) };
        let (result, notices) = register(settings).await;
        result.unwrap();
        assert_eq!(lines(&server.asked()), [(0, "PUT"), (0, "GET"), (1, "GET"), (2, "GET")]);
        assert!(notices.iter().any(|notice| matches!(notice, Notice::Lost { .. })), "{notices:?}");

        for transport in [Transport::Mqtt, Transport::MqttWs] {
            let scripts = [
                Script::subscribed().answer(202, Some("0"), ASSIGNING).puback().close(),
                Script::subscribed().answer(200, None, ASSIGNED),
            ];
            let server = Server::start(over(transport, scripts)).await;
            let device = device_at(server.address(), server.ca_pem(), transport);

            let (result, _) = register(Settings { credential: credential.clone(), ..device }).await;

            result.unwrap_or_else(|error| panic!("{transport}: {error}"));
            let heard = server.heard().await;
            let resumed = heard[1].iter().find_map(|packet| match packet {
                Packet::Publish(publish) => Some(publish.topic.clone()),
                _ => None,
            });
            assert!(resumed.unwrap().ends_with("&operationId=5.one"), "{transport}");
        }
    }
}

#[tokio::test]
async fn j_107_a_peer_that_only_hangs_up_is_not_tried_until_the_deadline() {
    let server = HttpServer::start([vec![Reply::Close]]).await;

    let (result, _) = register(https_device(&server)).await;

    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.class()), ("closed", Class::Network));
    assert_eq!(lines(&server.asked()), [(0, "PUT"), (1, "PUT"), (2, "PUT")]);
}

#[tokio::test]
async fn a_first_request_that_is_lost_twice_may_still_be_answered() {
    let server = HttpServer::start([
        vec![Reply::Close],
        vec![Reply::Close],
        vec![answer(200, &[], ASSIGNED)],
    ])
    .await;

    let (result, _) = register(https_device(&server)).await;

    assert_eq!(result.unwrap().assigned_hub, HUB_WEST);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let server = HttpServer::start([vec![Reply::Silence]]).await;
    let start = Instant::now();

    let (result, _) = register(Settings { timeout: SOON, ..https_device(&server) }).await;

    let error = result.unwrap_err();
    assert_eq!(error.class(), Class::Deadline);
    let text = error.to_string();
    assert!(text.ends_with("the service did not answer the register request"), "{text}");
    assert!(start.elapsed() >= SOON);
}

/// J-101, J-102.
#[tokio::test]
async fn what_is_no_http_or_no_answer_of_dps_is_said_so() {
    let long = "x".repeat(300 * 1024);
    for (reply, class, text) in [
        (Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()), Class::Network, "is not HTTP"),
        (answer(200, &[], "<html>Log in</html>"), Class::Network, "HTML page that says \"Log in\""),
        (answer(200, &[], "nonsense"), Class::NotAssigned, "is not JSON: \"nonsense\""),
        (answer(302, &["Location: http://portal/"], ""), Class::Network, "to \"http://portal/\""),
        (answer(200, &[], &long), Class::NotAssigned, "is longer than 196608 bytes"),
        (chunked(200, &[], &long), Class::NotAssigned, "is longer than 196608 bytes"),
    ] {
        let server = HttpServer::start([vec![reply]]).await;

        let (result, _) = register(https_device(&server)).await;

        let error = result.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.class(), class, "{error}");
    }
}

// MQTT over WebSocket

/// J-102.
#[tokio::test]
async fn whatever_answers_the_upgrade_in_the_services_place_is_named() {
    for (reply, text) in [
        (answer(403, &[], ""), "it answered with status 403 instead of 101"),
        (
            answer(302, &["Location: http://portal/login"], ""),
            "it answered with status 302 instead of 101, to \"http://portal/login\"",
        ),
        (answer(200, &[], "<html>Log in</html>"), "it answered with status 200 instead of 101"),
        (Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()), "is not HTTP"),
        (Reply::Close, "it closed the connection instead of answering"),
    ] {
        let server = HttpServer::start([vec![reply]]).await;

        let settings = device_at(server.address(), server.ca_pem(), Transport::MqttWs);
        let (result, _) = register(settings).await;

        let error = result.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.class(), Class::Network, "{error}");
    }
}

#[tokio::test]
async fn a_connection_closed_before_connack_is_the_networks_on_a_websocket_too() {
    let server = Server::start([Script::web_socket().connect().close()]).await;

    let (result, _) =
        register(device_at(server.address(), server.ca_pem(), Transport::MqttWs)).await;

    assert_eq!(result.unwrap_err().kind(), "closed");
}

// auto

fn detours(notices: &[Notice]) -> (Vec<Transport>, Option<Transport>) {
    let blocked = notices.iter().filter_map(|notice| match notice {
        Notice::Blocked { transport, .. } => Some(*transport),
        _ => None,
    });
    let through = notices.iter().find_map(|notice| match notice {
        Notice::Through { transport } => Some(*transport),
        _ => None,
    });
    (blocked.collect(), through)
}

#[tokio::test]
async fn auto_takes_mqtt_where_it_gets_through_and_else_the_websocket() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let open = device_of(&service, Transport::Auto);
    let closed = Ports { mqtt: closed_port().await, ..open.ports };

    let (direct, direct_notices) = register(open.clone()).await;
    let (detour, notices) = register(Settings { ports: closed, ..open }).await;

    assert_eq!(direct.unwrap().assigned_hub, HUB_WEST);
    assert_eq!(detours(&direct_notices), (vec![], Some(Transport::Mqtt)));
    assert_eq!(detour.unwrap().assigned_hub, HUB_WEST);
    assert_eq!(detours(&notices), (vec![Transport::Mqtt], Some(Transport::MqttWs)));
}

#[tokio::test]
async fn auto_takes_https_where_neither_mqtt_nor_the_websocket_gets_through() {
    let server = HttpServer::start([
        vec![answer(403, &[], "no WebSockets here")],
        vec![answer(200, &[], ASSIGNED)],
    ])
    .await;
    let settings = device_at(server.address(), server.ca_pem(), Transport::Auto);
    let ports = Ports { mqtt: closed_port().await, ..settings.ports };

    let (result, notices) = register(Settings { ports, ..settings }).await;

    assert_eq!(result.unwrap().assigned_hub, HUB_WEST);
    assert_eq!(
        detours(&notices),
        (vec![Transport::Mqtt, Transport::MqttWs], Some(Transport::Https))
    );
}

#[tokio::test]
async fn auto_takes_amqp_where_nothing_else_gets_through() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let open = device_of(&service, Transport::Auto);
    let closed = closed_port().await;
    let ports = Ports { mqtt: closed, https: closed, ..open.ports };

    let (result, notices) = register(Settings { ports, ..open }).await;

    assert_eq!(result.unwrap().assigned_hub, HUB_WEST);
    assert_eq!(detours(&notices), (ALL[..3].to_vec(), Some(Transport::Amqp)));
}

#[tokio::test]
async fn auto_does_not_wait_for_a_silent_transport_to_the_end() {
    let silent = Server::start([Script::new()]).await;
    let server =
        HttpServer::start([vec![answer(403, &[], "")], vec![answer(200, &[], ASSIGNED)]]).await;
    let both = [silent.ca_pem(), server.ca_pem()].concat();
    let settings = device_at(server.address(), &both, Transport::Auto);
    let ports = Ports { mqtt: silent.address().port(), ..settings.ports };

    let timeout = Duration::from_secs(3);
    let (result, notices) = register(Settings { ports, timeout, ..settings }).await;

    assert_eq!(result.unwrap().assigned_hub, HUB_WEST);
    let why = notices.iter().find_map(|notice| match notice {
        Notice::Blocked { transport: Transport::Mqtt, why } => Some(why.as_str()),
        _ => None,
    });
    assert!(why.unwrap().starts_with("the server did not answer CONNECT within "), "{why:?}");
}

#[tokio::test]
async fn auto_believes_a_refusal_by_the_service() {
    let refusing = Server::start([Script::new().connack(ConnectReturnCode::NotAuthorized)]).await;
    let settings = device_at(refusing.address(), refusing.ca_pem(), Transport::Auto);

    let (result, notices) = register(settings).await;

    assert_eq!(result.unwrap_err().class(), Class::Identity);
    assert_eq!(detours(&notices), (vec![], None));
}

#[tokio::test]
async fn auto_lists_every_transport_where_none_gets_through() {
    let service = Setup::new().start().await;
    let port = closed_port().await;
    let ports = Ports { mqtt: port, https: port, amqp: port };

    let (result, _) = register(Settings { ports, ..device_of(&service, Transport::Auto) }).await;

    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.class()), ("transport", Class::Network));
    let refused =
        format!("cannot connect to 127.0.0.1:{port} (127.0.0.1:{port}): connection refused");
    assert_eq!(
        error.to_string(),
        format!(
            "no transport gets through: mqtt: {refused}; mqtt-ws: {refused}; https: {refused}; \
             amqp: {refused}; amqp-ws: {refused}"
        )
    );
}

#[tokio::test]
async fn auto_ends_at_the_deadline_where_every_transport_is_silent() {
    let silent = Server::start([Script::plain()]).await;
    let settings = device_at(silent.address(), silent.ca_pem(), Transport::Auto);

    let (result, notices) = register(Settings { timeout: SOON, ..settings }).await;

    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.class()), ("transport", Class::Deadline));
    assert_eq!(detours(&notices), (ALL.to_vec(), None));
}

// The way through the network

#[tokio::test]
async fn every_transport_goes_through_a_proxy_with_its_credentials() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let proxy = ConnectProxy::start(Manner::Open(Some("Basic dTpw"))).await;

    for transport in ALL {
        let route = through(&proxy, "u:p@");
        let (result, notices) =
            register(Settings { route, ..device_of(&service, transport) }).await;

        assert_eq!(result.unwrap().assigned_hub, HUB_WEST, "{transport}");
        assert_eq!(
            phases(&notices)[..3],
            [ConnectPhase::Dns, ConnectPhase::Tcp, ConnectPhase::Proxy]
        );
    }
    let targets: Vec<_> =
        proxy.asked().iter().map(|head| head.lines().next().unwrap().to_owned()).collect();
    let connect = |address: SocketAddr| format!("CONNECT {address} HTTP/1.1");
    let (mqtt, https) = (connect(service.address()), connect(service.https_address()));
    let amqp = connect(service.amqp_address());
    assert_eq!(targets, [mqtt, https.clone(), https.clone(), amqp, https]);
}

#[tokio::test]
async fn what_is_wrong_with_a_proxy_is_said_with_its_name_and_without_its_password() {
    let service = Setup::new().start().await;
    for (manner, user_info, text) in [
        (Manner::Open(Some("Basic x")), "", "it wants a user name and password (407)"),
        (Manner::Open(Some("Basic x")), "u:secret@", "it refused the user name and password (407)"),
        (Manner::OnlyTo(1), "u:secret@", "status 403 (Forbidden)"),
        (Manner::Say("SSH-2.0-x\r\n"), "u:secret@", "is not HTTP"),
        (Manner::Say(""), "", "it closed the connection instead of answering CONNECT"),
    ] {
        let proxy = ConnectProxy::start(manner).await;
        let route = through(&proxy, user_info);
        assert!(!format!("{route:?}").contains("secret"));

        let (result, _) =
            register(Settings { route, ..device_of(&service, Transport::Mqtt) }).await;

        let error = result.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.starts_with(&format!("the proxy {}: ", proxy.address())), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!((error.kind(), error.class()), ("proxy", Class::Network));
    }
}

#[tokio::test]
async fn a_silent_proxy_ends_at_the_deadline_and_one_that_is_not_there_at_once() {
    let service = Setup::new().start().await;
    let silent = ConnectProxy::start(Manner::Silent).await;
    let nobody = format!("http://127.0.0.1:{}", closed_port().await);

    let settings = Settings { timeout: SOON, ..device_of(&service, Transport::Https) };
    let route = through(&silent, "");
    let (silence, _) = register(Settings { route, ..settings.clone() }).await;
    let route = Route::default().through(nobody.parse().unwrap());
    let (refused, _) = register(Settings { route, ..settings }).await;

    let text = silence.unwrap_err().to_string();
    assert!(text.ends_with("the proxy did not answer CONNECT"), "{text}");
    assert_eq!(refused.unwrap_err().kind(), "proxy");
}

#[tokio::test]
async fn auto_finds_what_a_proxy_lets_through() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let proxy = ConnectProxy::start(Manner::OnlyTo(service.https_address().port())).await;
    let route = through(&proxy, "");

    let (result, notices) =
        register(Settings { route, ..device_of(&service, Transport::Auto) }).await;

    assert_eq!(result.unwrap().assigned_hub, HUB_WEST);
    assert_eq!(detours(&notices), (vec![Transport::Mqtt], Some(Transport::MqttWs)));
}

#[tokio::test]
async fn connect_to_changes_who_is_dialled_and_not_who_is_verified() {
    let server = HttpServer::start([vec![answer(200, &[], ASSIGNED)]]).await;
    let to = |host: &str| {
        let rule = format!("{host}:443:127.0.0.1:{}", server.address().port());
        Route::default().with_connect_to(vec![rule.parse().unwrap()])
    };
    let settings = |host: &str| Settings {
        endpoint: host.parse().unwrap(),
        ports: Ports::default(),
        route: to(host),
        ..https_device(&server)
    };

    let (right, _) = register(settings("localhost")).await;
    let (wrong, _) = register(settings("dps.invalid")).await;

    right.unwrap();
    assert_eq!(server.asked()[0].header("host"), Some("localhost"));
    let error = wrong.unwrap_err();
    assert!(error.to_string().contains("is not for dps.invalid"), "{error}");
}

/// J-105.
#[tokio::test]
async fn through_a_proxy_connect_to_names_the_tunnels_end() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let proxy = ConnectProxy::start(Manner::Open(None)).await;
    let rule = format!("localhost:8883:{}", service.address());
    let route = through(&proxy, "").with_connect_to(vec![rule.parse().unwrap()]);
    let settings = Settings {
        endpoint: "localhost".parse().unwrap(),
        ports: Ports::default(),
        route,
        ..device_of(&service, Transport::Mqtt)
    };

    let (result, _) = register(settings).await;

    result.unwrap();
    assert!(proxy.asked()[0].starts_with(&format!("CONNECT {} ", service.address())));
}
