//! The device over AMQP, against servers that follow a script. Against the service of this house it is
//! in `transports`.

use std::time::{Duration, Instant};

use provision_sim::amqp::SaslCode;
use provision_sim::attestation::DeviceCertificate;
use provision_sim::device::{
    Breach, Class, Credential, Error, NetworkError, Notice, Ports, ProvisioningClient, Registered,
    SaslRefusal, Settings, Transport,
};
use provision_sim::net::{Trust, client_config};
use provision_sim::pki::TestCertificate;

use crate::support::IN_GOOD_TIME;
use crate::support::scripted::amqp::{AmqpServer, Reply, Script};

const SOON: Duration = Duration::from_millis(1500);
const ASSIGNING: Reply =
    Reply::Answer { retry_after: Some(0), body: r#"{"operationId":"5.one","status":"assigning"}"# };
const ASSIGNED: Reply = Reply::Answer {
    retry_after: None,
    body: r#"{"operationId":"5.one","status":"assigned","registrationState":{"assignedHub":"hub-west.azure-devices.net","deviceId":"pump-0042","status":"assigned"}}"#,
};
const THROTTLED: &str = r#"{"errorCode":429001,"trackingId":"","message":"Operations are being throttled for this tenant."}"#;
const UNAUTHORIZED: &str = r#"{"errorCode":401002,"trackingId":"t","message":"Unauthorized"}"#;

fn key() -> Credential {
    Credential::SymmetricKey("AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap())
}

fn certificate() -> Credential {
    let made = TestCertificate::self_signed("pump-0042").unwrap();
    let (pem, key_pem) = (made.pem().as_bytes(), made.key_pem());
    Credential::X509(DeviceCertificate::read(pem, Some(key_pem.as_bytes()), None).unwrap())
}

fn settings(server: &AmqpServer, credential: Credential) -> Settings {
    Settings {
        timeout: IN_GOOD_TIME,
        ports: Ports { mqtt: 1, https: 1, amqp: server.address().port() },
        transport: Transport::Amqp,
        ..Settings::new(
            "127.0.0.1".parse().unwrap(),
            "0ne00002193".parse().unwrap(),
            "pump-0042".parse().unwrap(),
            credential,
            client_config(&Trust::Pem(server.ca_pem().to_owned())).unwrap(),
        )
    }
}

async fn register(settings: Settings) -> (Result<Registered, Error>, Vec<Notice>) {
    let mut notices = Vec::new();
    let result =
        ProvisioningClient::new(settings).register(&mut |notice| notices.push(notice)).await;
    (result, notices)
}

/// How a device with a key fares against a server of this one script.
async fn fares(script: Script) -> Error {
    let server = AmqpServer::start([script]).await;
    register(settings(&server, key())).await.0.unwrap_err()
}

fn operations(server: &AmqpServer) -> Vec<(usize, String)> {
    let asked = server.asked().into_iter();
    asked
        .map(|(connection, operation, id)| {
            (connection, format!("{operation} {}", id.unwrap_or_default()).trim().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn throttling_and_errors_are_waited_out_with_either_proof() {
    for credential in [key(), certificate()] {
        let busy = |condition, description| Reply::Rejected {
            condition,
            retry_after: Some(0),
            description,
        };
        for reply in [
            busy("com.microsoft:device-container-throttled", THROTTLED),
            busy("amqp:internal-error", "not JSON"),
        ] {
            let server = AmqpServer::start([Script::of(vec![reply, ASSIGNED])]).await;

            let (result, notices) = register(settings(&server, credential.clone())).await;

            result.unwrap();
            assert!(notices.iter().any(|notice| matches!(notice, Notice::Busy { .. })));
            let register = || (0, "iotdps-register".to_owned());
            assert_eq!(operations(&server), [register(), register()]);
        }
    }
}

#[tokio::test]
async fn a_connection_lost_while_assigning_is_resumed_by_operation_id() {
    for credential in [key(), certificate()] {
        let server = AmqpServer::start([
            Script::of(vec![ASSIGNING, Reply::Close]),
            Script::of(vec![ASSIGNED]),
        ])
        .await;

        let (result, notices) = register(settings(&server, credential)).await;

        result.unwrap();
        assert!(notices.iter().any(|notice| matches!(notice, Notice::Lost { .. })), "{notices:?}");
        let poll = |connection| (connection, "iotdps-get-operationstatus 5.one".to_owned());
        assert_eq!(operations(&server), [(0, "iotdps-register".to_owned()), poll(0), poll(1)]);
    }
}

#[tokio::test]
async fn a_link_that_is_refused_ends_the_registration_with_what_the_service_says() {
    let unauthorized = ("amqp:unauthorized-access", UNAUTHORIZED);
    let error = fares(Script { refuses: Some(unauthorized), ..Script::default() }).await;
    assert!(matches!(&error, Error::Unauthorized(it) if it.error.is_some()), "{error}");
    assert_eq!((error.class(), error.kind()), (Class::Identity, "unauthorized"));

    let unknown = ("amqp:not-found", "no such node");
    let error = fares(Script { refuses: Some(unknown), ..Script::default() }).await;
    assert!(matches!(&error, Error::Rejected(it) if it.status == 404), "{error}");
    assert!(error.to_string().contains("no such node"), "{error}");
}

#[tokio::test]
async fn a_link_that_is_throttled_is_asked_for_again_on_a_new_connection() {
    let throttled = ("com.microsoft:device-container-throttled", THROTTLED);
    let server = AmqpServer::start([
        Script { refuses: Some(throttled), ..Script::default() },
        Script::of(vec![ASSIGNED]),
    ])
    .await;

    let (result, notices) = register(settings(&server, key())).await;

    result.unwrap();
    assert!(notices.iter().any(|notice| matches!(notice, Notice::Busy { .. })), "{notices:?}");
    assert_eq!(operations(&server), [(1, "iotdps-register".to_owned())]);
}

#[tokio::test]
async fn a_refused_request_is_the_rejection_that_its_description_is() {
    let reply = |description| {
        let condition = "amqp:unauthorized-access";
        Script::of(vec![Reply::Rejected { condition, retry_after: None, description }])
    };

    let error = fares(reply(UNAUTHORIZED)).await;
    assert_eq!(error.code().map(|code| code.0), Some(401_002));
    let error = fares(reply("go away")).await;
    assert!(matches!(&error, Error::Unauthorized(it) if it.says.as_deref() == Some("go away")));
}

#[tokio::test]
async fn j_357_a_released_request_is_sent_again() {
    let server = AmqpServer::start([Script::of(vec![Reply::Released, ASSIGNED])]).await;

    register(settings(&server, key())).await.0.unwrap();

    assert_eq!(operations(&server).len(), 2);
}

#[tokio::test]
async fn sasl_that_does_not_end_well_is_told_by_its_code_and_only_4_is_tried_again() {
    let refused = |outcome| Script { outcome: Some(outcome), ..Script::default() };
    let error = fares(refused(SaslCode::Auth)).await;
    assert!(matches!(error, Error::SaslRefused { code: SaslRefusal::Credentials }), "{error}");
    assert_eq!((error.class(), error.kind()), (Class::Identity, "sasl"));
    let error = fares(refused(SaslCode::System(3))).await;
    assert_eq!((error.class(), error.kind()), (Class::NotAssigned, "sasl"));

    let server =
        AmqpServer::start([refused(SaslCode::System(4)), Script::of(vec![ASSIGNED])]).await;
    register(settings(&server, key())).await.0.unwrap();
}

#[tokio::test]
async fn who_is_no_provisioning_service_is_told_by_what_it_says() {
    let http = Script { greeting: Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ..Script::default() };
    let error = fares(http).await;
    let says = "it does not speak AMQP 1.0; it sent \"HTTP/1.1 400 Bad Request\"";
    assert!(error.to_string().ends_with(says), "{error}");

    let older = Script { greeting: Some(b"AMQP\x00\x00\x09\x01"), ..Script::default() };
    let error = fares(older).await;
    assert!(matches!(error, Error::Breach(Breach::NotAmqp { .. })), "{error}");

    let other = Script { mechanism: Some("SCRAM-SHA-256"), ..Script::default() };
    let error = fares(other).await;
    assert!(error.to_string().contains("only SCRAM-SHA-256"), "{error}");

    let closes = Script { closes_at_open: true, ..Script::default() };
    let error = fares(closes).await;
    assert!(matches!(error, Error::Network(NetworkError::ClosedBeforeOpen(_))), "{error}");
    assert_eq!(error.kind(), "closed");
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_says_in_which_step() {
    let open = Script { is_silent_at_open: true, ..Script::default() };
    let attach = Script { is_silent_at_attach: true, ..Script::default() };
    for (script, says) in [
        (open, "the server did not answer AMQP's `open`"),
        (attach, "the service did not answer `attach`"),
        (Script::of(vec![Reply::Silence]), "the service did not answer the register request"),
    ] {
        let server = AmqpServer::start([script]).await;
        let start = Instant::now();

        let (result, _) = register(Settings { timeout: SOON, ..settings(&server, key()) }).await;

        let error = result.unwrap_err();
        assert_eq!(error.class(), Class::Deadline, "{error}");
        assert!(error.to_string().ends_with(says), "{error}");
        assert!(start.elapsed() >= SOON);
    }
}

#[tokio::test]
async fn the_lookup_goes_over_amqp_and_waits_while_the_service_is_busy() {
    const STATE: Reply = Reply::Answer {
        retry_after: None,
        body: r#"{"registrationId":"pump-0042","assignedHub":"hub-west.azure-devices.net","deviceId":"p-42","status":"assigned"}"#,
    };
    let busy = Reply::Rejected {
        condition: "com.microsoft:device-container-throttled",
        retry_after: Some(0),
        description: THROTTLED,
    };
    let server = AmqpServer::start([Script::of(vec![busy]), Script::of(vec![STATE])]).await;

    let looked =
        ProvisioningClient::new(settings(&server, key())).look_up(&mut |_| {}).await.unwrap();

    assert_eq!(looked.state.device_id.as_deref(), Some("p-42"));
    let question = |connection| (connection, "iotdps-get-registration".to_owned());
    assert_eq!(operations(&server), [question(0), question(1)]);
}

#[tokio::test]
async fn a_lookup_that_is_refused_or_hung_up_on_says_so() {
    const UNKNOWN: &str =
        r#"{"errorCode":404202,"trackingId":"t","message":"Registration not found."}"#;
    let look_up = async |script| {
        let server = AmqpServer::start([script]).await;
        ProvisioningClient::new(settings(&server, key())).look_up(&mut |_| {}).await.unwrap_err()
    };
    let unknown =
        Reply::Rejected { condition: "amqp:not-found", retry_after: None, description: UNKNOWN };

    let error = look_up(Script::of(vec![unknown])).await;
    assert_eq!(error.code().map(|code| code.0), Some(404_202));
    let error = look_up(Script::of(vec![Reply::Close])).await;
    assert!(matches!(error, Error::Network(NetworkError::Unanswered { tries: 3 })), "{error}");
}
