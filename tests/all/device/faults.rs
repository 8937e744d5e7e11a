//! The device over real sockets: what it sends, and what it says of every way in which a service,
//! or what stands in its place, can fail it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use provision_sim::attestation::{DeviceKey, SasToken};
use provision_sim::device::{
    Class, Credential, Error, Notice, ProvisioningClient, Registered, Settings,
};
use provision_sim::net::{Trust, client_config};
use provision_sim::wire::{RESPONSE_FILTER, RequestTopic};
use rumqttc::{ConnectReturnCode, Packet, Publish, QoS};
use tokio::net::TcpSocket;

use crate::support::IN_GOOD_TIME;
use crate::support::certificate::Issue;
use crate::support::scripted::{Script, Server};

const ID_SCOPE: &str = "0ne00000000";
const REGISTRATION_ID: &str = "contoso-toaster-007";
/// Made up; the same as in the vectors of D.4.
const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

/// Enough for every script on a loaded machine, and what the silent ones cost.
const SOON: Duration = Duration::from_millis(1500);
/// After CONNACK 3 the device waits for a second.
const TOO_SHORT_FOR_A_SECOND_TRY: Duration = Duration::from_millis(900);
/// What a loaded machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

const ASSIGNING: &str = r#"{"operationId":"5.one","status":"assigning"}"#;
const ASSIGNED: &str = r#"{"operationId":"5.one","status":"assigned","registrationState":{"assignedHub":"hub-west.azure-devices.net","deviceId":"contoso-toaster-007","status":"assigned"}}"#;
const FORGOTTEN: &str = r#"{"errorCode":404203,"trackingId":"","message":"Operation not found."}"#;
const UNAUTHORIZED: &str = r#"{"errorCode":401000,"trackingId":"","message":"Unauthorized"}"#;
const BAD_REQUEST: &str = r#"{"errorCode":400004,"trackingId":"","message":"BadRequest"}"#;
const THROTTLED: &str = r#"{"errorCode":429001,"trackingId":"","message":"Operations are being throttled for this tenant."}"#;

fn device_key() -> DeviceKey {
    KEY.parse().unwrap()
}

fn settings(host_and_port: &str, ca_pem: &str, timeout: Duration) -> Settings {
    Settings {
        timeout,
        client_version: "provision-sim".to_owned(),
        ..Settings::new(
            host_and_port.parse().unwrap(),
            ID_SCOPE.parse().unwrap(),
            REGISTRATION_ID.parse().unwrap(),
            Credential::SymmetricKey(device_key()),
            client_config(&Trust::Pem(ca_pem.to_owned())).unwrap(),
        )
    }
}

fn settings_for(server: &Server, timeout: Duration) -> Settings {
    settings(&server.address().to_string(), server.ca_pem(), timeout)
}

async fn register(settings: Settings) -> (Result<Registered, Error>, Vec<Notice>) {
    let mut notices = Vec::new();
    let result =
        ProvisioningClient::new(settings).register(&mut |notice| notices.push(notice)).await;
    // How long each phase took is another matter.
    notices.retain(|notice| !matches!(notice, Notice::Reached { .. }));
    (result, notices)
}

fn publishes(packets: &[Packet]) -> Vec<&Publish> {
    let published = packets.iter().filter_map(|packet| match packet {
        Packet::Publish(publish) => Some(publish),
        _ => None,
    });
    published.collect()
}

fn requests(packets: &[Packet]) -> Vec<RequestTopic> {
    publishes(packets).into_iter().map(|publish| publish.topic.parse().unwrap()).collect()
}

fn register_topic(rid: &str) -> RequestTopic {
    RequestTopic::Register { rid: rid.to_owned() }
}

fn poll_topic(rid: &str, operation_id: &str) -> RequestTopic {
    RequestTopic::OperationStatus { rid: rid.to_owned(), operation_id: operation_id.to_owned() }
}

// What the device sends

#[tokio::test]
async fn a_5_the_device_sends_what_dps_expects_and_nothing_else() {
    let script = Script::subscribed().answer(202, Some("0"), ASSIGNING).answer(200, None, ASSIGNED);
    let server = Server::start([script]).await;
    let payload = r#"{ "model": "toaster", "slots": 2.50 }"#.parse().unwrap();

    let (result, _) =
        register(Settings { payload: Some(payload), ..settings_for(&server, IN_GOOD_TIME) }).await;

    assert_eq!(result.unwrap().assigned_hub, "hub-west.azure-devices.net");
    let heard = server.heard().await;
    let [packets] = heard.as_slice() else { panic!("more than one connection: {heard:?}") };
    let [
        Packet::Connect(_),
        Packet::Subscribe(subscribe),
        Packet::Publish(register),
        Packet::PubAck(first),
        Packet::Publish(poll),
        Packet::PubAck(second),
        Packet::Disconnect,
    ] = packets.as_slice()
    else {
        panic!("other packets, or another order: {packets:?}")
    };
    let [filter] = subscribe.filters.as_slice() else { panic!("{subscribe:?}") };
    assert_eq!((filter.path.as_str(), filter.qos), (RESPONSE_FILTER, QoS::AtLeastOnce));
    assert_eq!(register.topic, "$dps/registrations/PUT/iotdps-register/?$rid=1");
    assert_eq!(
        register.payload,
        r#"{"registrationId":"contoso-toaster-007","payload":{"model":"toaster","slots":2.50}}"#
    );
    assert_eq!(
        poll.topic,
        "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=5.one"
    );
    for publish in [register, poll] {
        assert_eq!((publish.qos, publish.retain, publish.dup), (QoS::AtLeastOnce, false, false));
    }
    assert_eq!((first.pkid, second.pkid), (100, 101), "the packet IDs of the answers");
}

#[tokio::test]
async fn a_2_the_connect_packet_is_that_of_a_dps_device() {
    let server = Server::start([Script::subscribed().answer(200, None, ASSIGNED)]).await;
    let before = SystemTime::now();

    register(settings_for(&server, IN_GOOD_TIME)).await.0.unwrap();

    let heard = server.heard().await;
    let Packet::Connect(connect) = &heard[0][0] else { panic!("{heard:?}") };
    assert_eq!(connect.client_id, REGISTRATION_ID);
    assert!(connect.clean_session, "DPS keeps no sessions");
    assert_eq!(connect.keep_alive, 60);
    assert_eq!(connect.last_will, None);
    let login = connect.login.as_ref().unwrap();
    assert_eq!(
        login.username,
        "0ne00000000/registrations/contoso-toaster-007/api-version=2021-06-01&ClientVersion=provision-sim"
    );
    let token = SasToken::from_text(login.password.clone());
    let claims = token.claims().unwrap();
    assert!(claims.is_signed_with(&device_key()));
    assert_eq!(claims.key_name(), Some("registration"));
    let names = (ID_SCOPE.parse().unwrap(), REGISTRATION_ID.parse().unwrap());
    assert_eq!(claims.check_names(&names.0, &names.1), Ok(()));
    let lifetime = claims.expires().duration_since(before).unwrap();
    assert!(lifetime > Duration::from_secs(3590), "an hour, {lifetime:?}");
    assert!(lifetime < Duration::from_secs(3600) + IN_GOOD_TIME, "an hour, {lifetime:?}");
}

#[tokio::test]
async fn a_5_a_register_without_payload_has_no_such_member() {
    let server = Server::start([Script::subscribed().answer(200, None, ASSIGNED)]).await;

    register(settings_for(&server, IN_GOOD_TIME)).await.0.unwrap();

    let heard = server.heard().await;
    assert_eq!(publishes(&heard[0])[0].payload, r#"{"registrationId":"contoso-toaster-007"}"#);
}

#[tokio::test]
async fn h_3_a_payload_that_is_too_large_is_the_services_to_refuse() {
    let server = Server::start([Script::subscribed().answer(400, None, BAD_REQUEST)]).await;
    let payload = format!("{:?}", "x".repeat(300 * 1024)).parse().unwrap();

    let (result, _) =
        register(Settings { payload: Some(payload), ..settings_for(&server, IN_GOOD_TIME) }).await;

    assert!(matches!(result, Err(Error::Rejected(_))), "{result:?}");
}

#[tokio::test]
async fn no_deadline_and_no_lifetime_is_too_long_for_the_clock() {
    let server = Server::start([Script::subscribed().answer(200, None, ASSIGNED)]).await;
    let forever =
        Settings { token_lifetime: Duration::MAX, ..settings_for(&server, Duration::MAX) };

    let (result, _) = register(forever).await;

    assert!(result.is_ok(), "{result:?}");
}

// What the device does when it is not over yet

#[tokio::test]
async fn a_9_a_connection_lost_while_assigning_is_opened_again_and_the_operation_resumed() {
    let server = Server::start([
        Script::subscribed().answer(202, Some("0.05"), ASSIGNING).close(),
        Script::subscribed().answer(200, None, ASSIGNED),
    ])
    .await;

    let (result, notices) = register(settings_for(&server, IN_GOOD_TIME)).await;

    assert_eq!(result.unwrap().assigned_hub, "hub-west.azure-devices.net");
    assert!(notices.iter().any(|notice| matches!(notice, Notice::Lost { .. })), "{notices:?}");
    let heard = server.heard().await;
    assert_eq!(heard.len(), 2);
    let resumed = requests(&heard[1]);
    let [RequestTopic::OperationStatus { operation_id, .. }] = resumed.as_slice() else {
        panic!("not one poll: {resumed:?}")
    };
    assert_eq!(operation_id, "5.one");
}

#[tokio::test]
async fn a_connection_lost_before_the_register_is_answered_registers_again() {
    let server = Server::start([
        Script::subscribed().puback().close(),
        Script::subscribed().answer(200, None, ASSIGNED),
    ])
    .await;

    register(settings_for(&server, IN_GOOD_TIME)).await.0.unwrap();

    let heard = server.heard().await;
    assert_eq!(requests(&heard[0]), [register_topic("1")]);
    assert_eq!(requests(&heard[1]), [register_topic("2")], "no `$rid` is used twice");
}

#[tokio::test]
async fn a_6_an_unknown_id_scope_is_tried_three_times_in_all() {
    let server =
        Server::start([Script::new().connack(ConnectReturnCode::ServiceUnavailable)]).await;

    let (result, _) = register(settings_for(&server, IN_GOOD_TIME)).await;

    assert!(matches!(result, Err(Error::ConnectRefused { tries: 3, .. })), "{result:?}");
    assert_eq!(server.heard().await.len(), 3);
}

#[tokio::test]
async fn every_lost_connection_is_lost_once() {
    let accepted = Script::new().connack(ConnectReturnCode::Success);
    for script in [accepted.subscribe().close(), Script::subscribed().request().close()] {
        let server = Server::start([script]).await;

        let (_, notices) = register(settings_for(&server, SOON)).await;

        let losses = notices.iter().filter(|notice| matches!(notice, Notice::Lost { .. })).count();
        assert_eq!(losses, server.heard().await.len());
    }
}

#[tokio::test]
async fn a_6_an_operation_that_the_service_forgot_is_registered_anew() {
    let second = ASSIGNING.replace("5.one", "5.two");
    let server = Server::start([Script::subscribed()
        .answer(202, Some("0"), ASSIGNING)
        .answer(404, None, FORGOTTEN)
        .answer(202, Some("0"), &second)
        .answer(200, None, ASSIGNED)])
    .await;

    let (result, notices) = register(settings_for(&server, IN_GOOD_TIME)).await;

    assert_eq!(result.unwrap().operation_id.unwrap().as_str(), "5.two");
    assert!(notices.contains(&Notice::Forgotten));
    let heard = server.heard().await;
    assert_eq!(
        requests(&heard[0]),
        [
            register_topic("1"),
            poll_topic("2", "5.one"),
            register_topic("3"),
            poll_topic("4", "5.two")
        ]
    );
}

#[tokio::test]
async fn an_answer_to_the_connection_before_may_come_before_suback() {
    let mut late = Publish::new("$dps/registrations/res/200/?$rid=1", QoS::AtLeastOnce, ASSIGNED);
    late.pkid = 7;
    let script = Script::new()
        .connack(ConnectReturnCode::Success)
        .subscribe()
        .packet(Packet::Publish(late))
        .grant()
        .answer(200, None, ASSIGNED);
    let server = Server::start([script]).await;

    let (result, _) = register(settings_for(&server, IN_GOOD_TIME)).await;

    assert!(result.is_ok(), "{result:?}");
    let heard = server.heard().await;
    assert!(matches!(&heard[0][2], Packet::PubAck(puback) if puback.pkid == 7), "{heard:?}");
}

// Every way to fail

/// One way in which a registration ends without a hub.
struct Case {
    name: &'static str,
    settings: Settings,
    /// Kept for as long as the device talks to it.
    _peer: Peer,
    class: Class,
    kind: &'static str,
    /// The whole text, or how it begins; `SERVER` stands for the server's address.
    says: &'static str,
}

enum Peer {
    Nobody,
    Server(#[expect(dead_code, reason = "it serves until it is dropped")] Server),
    /// Holds a port on which nobody listens, so that no other test gets it.
    Unheard(#[expect(dead_code, reason = "it holds its port until it is dropped")] TcpSocket),
}

impl Case {
    async fn of(
        name: &'static str,
        script: Script,
        (class, kind): (Class, &'static str),
        says: &'static str,
    ) -> Self {
        let server = Server::start([script]).await;
        let settings = settings_for(&server, SOON);
        Self { name, settings, _peer: Peer::Server(server), class, kind, says }
    }

    /// A server with the certificate of `issued` before a device that trusts the CA of `trusted`,
    /// or else the right one.
    async fn of_certificate(
        name: &'static str,
        issued: Issue,
        trusted: Option<Issue>,
        says: &'static str,
    ) -> Self {
        let server = Server::start_as(issued.make(), [Script::new()]).await;
        let other = trusted.map(Issue::make);
        let ca_pem = other.as_ref().map_or(server.ca_pem(), |other| other.ca_pem());
        let settings = settings(&server.address().to_string(), ca_pem, SOON);
        Self {
            name,
            settings,
            _peer: Peer::Server(server),
            class: Class::Network,
            kind: "tls",
            says,
        }
    }

    fn within(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    fn of_refused_port() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap().to_string();
        Self {
            name: "refused port",
            settings: settings(&address, Issue::default().make().ca_pem(), SOON),
            _peer: Peer::Unheard(socket),
            class: Class::Network,
            kind: "connect",
            says: "cannot connect to SERVER (SERVER): connection refused",
        }
    }

    fn of_unknown_host() -> Self {
        Self {
            name: "unknown host",
            // A resolver without a network may take its time to give up.
            settings: settings(
                "no-such-host.invalid",
                Issue::default().make().ca_pem(),
                IN_GOOD_TIME,
            ),
            _peer: Peer::Nobody,
            class: Class::Network,
            kind: "dns",
            says: "cannot find the address of SERVER: ",
        }
    }

    /// Runs it and gives its error's text, checked against what is expected.
    async fn run(self) -> String {
        let Self { name, settings, _peer, class, kind, says } = self;
        let (address, timeout) = (settings.endpoint.to_string(), settings.timeout);
        let started = Instant::now();

        let (result, _) = register(settings).await;

        let took = started.elapsed();
        let error = result.expect_err(name);
        let text = error.to_string().replace(&address, "SERVER");
        assert_eq!((error.class(), error.kind()), (class, kind), "{name}: {text}");
        assert!(text.starts_with(says), "{name}: {text}");
        assert!(took < timeout + SLACK, "{name} took {took:?}");
        text
    }
}

const DEADLINE: (Class, &str) = (Class::Deadline, "deadline");
const BREACH: (Class, &str) = (Class::NotAssigned, "protocol");
const NETWORK_TLS: (Class, &str) = (Class::Network, "tls");
const CLOSED: (Class, &str) = (Class::Network, "closed");
const NOT_ASSIGNED_CONNACK: (Class, &str) = (Class::NotAssigned, "connack");
const IDENTITY_CONNACK: (Class, &str) = (Class::Identity, "connack");

async fn certificate_cases() -> Vec<Case> {
    let (issue, name) = (Issue::default, "the authority that everybody has");
    vec![
        Case::of_certificate(
            "untrusted authority",
            issue(),
            Some(Issue { ca_name: name, ..issue() }),
            "no TLS connection to SERVER: the server's certificate is not signed by a trusted authority",
        )
        .await,
        Case::of_certificate(
            "wrong name",
            Issue { names: vec!["hub-west.azure-devices.net", "10.0.0.1"], ..issue() },
            None,
            "no TLS connection to SERVER: the server's certificate is not for 127.0.0.1; it is for hub-west.azure-devices.net, 10.0.0.1",
        )
        .await,
        Case::of_certificate(
            "expired certificate",
            Issue { not_after: 2020, ..issue() },
            None,
            "no TLS connection to SERVER: the server's certificate expired ",
        )
        .await,
    ]
}

async fn handshake_cases() -> Vec<Case> {
    let http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    vec![
        Case::of_refused_port(),
        Case::of_unknown_host(),
        Case::of(
            "silent after TCP",
            Script::plain(),
            DEADLINE,
            "no result within 1.5 s: the TCP connection was taken, but the server did not answer the TLS handshake",
        )
        .await,
        Case::of(
            "closes after TCP",
            Script::plain().close(),
            NETWORK_TLS,
            "no TLS connection to SERVER: the server closed the connection during the TLS handshake",
        )
        .await,
        Case::of(
            "no TLS",
            Script::plain().bytes(http),
            NETWORK_TLS,
            "no TLS connection to SERVER: the server does not speak TLS on this port",
        )
        .await,
        Case::of(
            "HTTP over TLS",
            Script::new().bytes(http),
            BREACH,
            "the service's answer breaks the protocol: it does not speak MQTT; it sent \"HTTP/1.1 400 Bad Request\"",
        )
        .await,
    ]
}

async fn connect_cases() -> Vec<Case> {
    use ConnectReturnCode::{
        BadClientId, BadUserNamePassword, NotAuthorized, RefusedProtocolVersion, ServiceUnavailable,
    };
    let mut cases = vec![
        Case::of(
            "silent after TLS",
            Script::new(),
            DEADLINE,
            "no result within 1.5 s: the server did not answer CONNECT",
        )
        .await,
        Case::of(
            "silent after CONNECT",
            Script::new().connect(),
            DEADLINE,
            "no result within 1.5 s: the server did not answer CONNECT",
        )
        .await,
        Case::of(
            "closes after TLS",
            Script::new().close(),
            CLOSED,
            "the server closed the connection instead of answering CONNECT",
        )
        .await,
        Case::of(
            "closes after CONNECT",
            Script::new().connect().close(),
            CLOSED,
            "the server closed the connection instead of answering CONNECT",
        )
        .await,
        Case::of(
            "unknown CONNACK code",
            Script::new().connect().bytes([0x20, 2, 0, 77]),
            BREACH,
            "the service's answer breaks the protocol: its CONNACK has the unknown code 77",
        )
        .await,
        Case::of(
            "wrong ID scope",
            Script::new().connack(ServiceUnavailable),
            NOT_ASSIGNED_CONNACK,
            "the service refused the connection: CONNACK 3 (server unavailable)",
        )
        .await
        .within(TOO_SHORT_FOR_A_SECOND_TRY),
        Case::of(
            "garbage instead of CONNACK",
            Script::new().connect().bytes([0xff; 16]),
            BREACH,
            "the service's answer breaks the protocol: its first packet is no CONNACK",
        )
        .await,
    ];
    for (name, code, expected, says) in [
        (
            "CONNACK 1",
            RefusedProtocolVersion,
            NOT_ASSIGNED_CONNACK,
            "the service refused the connection: CONNACK 1 (unacceptable protocol version)",
        ),
        (
            "CONNACK 2",
            BadClientId,
            NOT_ASSIGNED_CONNACK,
            "the service refused the connection: CONNACK 2 (identifier rejected)",
        ),
        (
            "CONNACK 4",
            BadUserNamePassword,
            IDENTITY_CONNACK,
            "the service refused the connection: CONNACK 4 (bad user name or password)",
        ),
        (
            "CONNACK 5",
            NotAuthorized,
            IDENTITY_CONNACK,
            "the service refused the connection: CONNACK 5 (not authorized)",
        ),
    ] {
        cases.push(Case::of(name, Script::new().connack(code), expected, says).await);
    }
    cases
}

async fn subscribe_cases() -> Vec<Case> {
    let connected = || Script::new().connack(ConnectReturnCode::Success);
    vec![
        Case::of(
            "silent after SUBSCRIBE",
            connected().subscribe(),
            DEADLINE,
            "no result within 1.5 s: the service did not answer SUBSCRIBE",
        )
        .await,
        Case::of(
            "closes after SUBSCRIBE",
            connected().subscribe().close(),
            DEADLINE,
            "no result within 1.5 s: the connection was lost and could not be resumed: the service closed the connection before it answered SUBSCRIBE",
        )
        .await,
        Case::of(
            "SUBACK 0x80",
            connected().suback_refused(),
            BREACH,
            "the service's answer breaks the protocol: it refused the subscription to $dps/registrations/res/#",
        )
        .await,
    ]
}

async fn request_cases() -> Vec<Case> {
    let subscribed = Script::subscribed;
    vec![
        Case::of(
            "silent after register",
            subscribed().request(),
            DEADLINE,
            "no result within 1.5 s: the service did not answer the register request",
        )
        .await,
        Case::of(
            "PUBACK without answer",
            subscribed().puback(),
            DEADLINE,
            "no result within 1.5 s: the service acknowledged the register request but did not answer it",
        )
        .await,
        Case::of(
            "silent after poll",
            subscribed().answer(202, Some("0"), ASSIGNING).request(),
            DEADLINE,
            "no result within 1.5 s: the service did not answer the poll request",
        )
        .await,
        Case::of(
            "closes after register",
            subscribed().request().close(),
            DEADLINE,
            "no result within 1.5 s: the connection was lost and could not be resumed: the service closed the connection before it answered the register request",
        )
        .await,
        Case::of(
            "foreign $rid",
            subscribed().answer_to("another", 200, ASSIGNED),
            DEADLINE,
            "no result within 1.5 s: the service acknowledged the register request but did not answer it (1 answer bore a $rid that was never sent)",
        )
        .await,
        Case::of(
            "endless 202",
            subscribed().forever(Script::new().answer(202, Some("0"), ASSIGNING)),
            DEADLINE,
            "no result within 1.5 s: the registration is still being assigned after ",
        )
        .await,
        Case::of(
            "endless 429",
            subscribed().forever(Script::new().answer(429, Some("0"), THROTTLED)),
            DEADLINE,
            "no result within 1.5 s: the service was busy to the end: Operations are being throttled for this tenant. (429001)",
        )
        .await,
        Case::of(
            "endless 503 without a body",
            subscribed().forever(Script::new().answer(503, Some("0"), "")),
            DEADLINE,
            "no result within 1.5 s: the service was busy to the end: status 503",
        )
        .await,
    ]
}

async fn answer_cases() -> Vec<Case> {
    let answered = |status, body| Script::subscribed().answer(status, None, body);
    vec![
        Case::of(
            "401",
            answered(401, UNAUTHORIZED),
            (Class::Identity, "unauthorized"),
            "the service refused the device's identity: Unauthorized (401000)",
        )
        .await,
        Case::of(
            "400",
            answered(400, BAD_REQUEST),
            (Class::NotAssigned, "rejected"),
            "the service refused the request: BadRequest (400004)",
        )
        .await,
        Case::of(
            "failed",
            answered(200, r#"{"operationId":"5.one","status":"failed","registrationState":{"errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400","lastUpdatedDateTimeUtc":"2026-03-02T08:15:31Z"}}"#),
            (Class::NotAssigned, "failed"),
            "Provisioning Failure: OperationId: 5.one - Date: 2026-03-02T08:15:31Z - Msg: Custom allocation failed with status code: 400",
        )
        .await,
        Case::of(
            "disabled",
            answered(200, r#"{"operationId":"5.one","status":"disabled"}"#),
            (Class::NotAssigned, "disabled"),
            "the device's enrollment is disabled",
        )
        .await,
        Case::of(
            "forgotten twice",
            Script::subscribed().forever(
                Script::new()
                    .answer(202, Some("0"), ASSIGNING)
                    .answer(404, None, FORGOTTEN),
            ),
            BREACH,
            "the service's answer breaks the protocol: it forgot the operation twice (404203)",
        )
        .await,
        Case::of(
            "not JSON",
            answered(200, "<html>Bad gateway</html>"),
            BREACH,
            "the service's answer breaks the protocol: the body of its 200 answer is not JSON: \"<html>Bad gateway</html>\"",
        )
        .await,
        Case::of(
            "JSON that does not fit",
            answered(200, r#"{"state":"assigned"}"#),
            BREACH,
            "the service's answer breaks the protocol: the body of its 200 answer cannot be used: missing field `status`",
        )
        .await,
        Case::of(
            "assigned without a hub",
            answered(200, r#"{"status":"assigned"}"#),
            BREACH,
            "the service's answer breaks the protocol: its `assigned` answer has no `registrationState.assignedHub`",
        )
        .await,
        Case::of(
            "unknown status",
            answered(200, r#"{"status":"blacklisted"}"#),
            BREACH,
            "the service's answer breaks the protocol: the registration's status is \"blacklisted\"",
        )
        .await,
        Case::of(
            "topic status 302",
            answered(302, "{}"),
            BREACH,
            "the service's answer breaks the protocol: the answer's status is 302",
        )
        .await,
        Case::of(
            "foreign topic",
            Script::subscribed().packet(Packet::Publish(Publish::new("news", QoS::AtMostOnce, ""))),
            BREACH,
            "the service's answer breaks the protocol: it published on \"news\", which is no topic of the device API",
        )
        .await,
        Case::of(
            "oversize packet",
            Script::subscribed().request().bytes([0x30, 0xff, 0xff, 0xff, 0x7f]),
            BREACH,
            "the service's answer breaks the protocol: it sent a packet of 268435455 bytes; at most 262144 are read",
        )
        .await,
        Case::of(
            "packet out of place",
            Script::subscribed().request().packet(Packet::PingReq),
            BREACH,
            "the service's answer breaks the protocol: it sent PINGREQ where an answer was expected",
        )
        .await,
    ]
}

#[tokio::test]
async fn a_service_that_talks_without_listening_cannot_hold_the_device_beyond_its_deadline() {
    // It reads no PUBACK, so that the device cannot write any more, and then cannot end either.
    let mut noise = Publish::new("$dps/registrations/res/200/?$rid=x", QoS::AtLeastOnce, "{}");
    noise.pkid = 1;
    let noise = Script::new().packet(Packet::Publish(noise));
    let case = Case::of(
        "talks without listening",
        Script::subscribed().forever(noise),
        DEADLINE,
        "no result within 1.5 s: the service did not answer the register request",
    )
    .await;

    case.run().await;
}

/// The device sends CONNECT as soon as TLS stands, so it cannot see whether the server has read
/// it. All other cases can be told apart, and must be.
const ALIKE: [[&str; 2]; 2] =
    [["closes after CONNECT", "closes after TLS"], ["silent after CONNECT", "silent after TLS"]];

#[tokio::test]
async fn every_failure_ends_in_time_with_its_own_class_and_a_text_of_its_own() {
    let mut cases = certificate_cases().await;
    cases.extend(handshake_cases().await);
    cases.extend(connect_cases().await);
    cases.extend(subscribe_cases().await);
    cases.extend(request_cases().await);
    cases.extend(answer_cases().await);

    let running: Vec<_> =
        cases.into_iter().map(|case| (case.name, tokio::spawn(case.run()))).collect();

    let mut names_by_text: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, case) in running {
        names_by_text.entry(case.await.unwrap()).or_default().push(name);
    }
    let mut alike: Vec<_> = names_by_text.into_values().filter(|names| names.len() > 1).collect();
    alike.iter_mut().for_each(|names| names.sort_unstable());
    alike.sort();
    assert_eq!(alike, ALIKE);
}

#[tokio::test]
async fn a_new_authority_of_the_old_name_is_told_as_an_untrusted_one() {
    // What a device sees that still trusts the CA file of a service which has made a new CA.
    let case = Case::of_certificate(
        "new authority of the old name",
        Issue::default(),
        Some(Issue::default()),
        "no TLS connection to SERVER: the server's certificate is not signed by a trusted authority",
    )
    .await;

    case.run().await;
}
