//! A device gets another certificate from its hub (I.4): from hubs that follow a script.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::attestation::DeviceCertificate;
use provision_sim::device::{
    Class, Credential, Csr, HubError, HubSettings, HubWaiting, Renewal, RenewalNotice, Renewed,
    Transport, renew_certificate,
};
use provision_sim::net::{Trust, client_config};
use provision_sim::pki::{CertificateRequest, IssuingAuthority, TestCertificate, new_request};
use provision_sim::sources::Sources;
use provision_sim::wire::{IssueMembers, Replace};
use rumqttc::{ConnectReturnCode, Packet, Publish, QoS};
use serde_json::json;

use crate::support::IN_GOOD_TIME;
use crate::support::scripted::{Script, Server};

const PUMP: &str = "pump-0042";
const RID: &str = "0c2f-4a";
/// What the silent ones cost.
const SOON: Duration = Duration::from_millis(1500);
const ACCEPTED: &str =
    r#"{"correlationId":"c-1","operationExpires":"2026-01-31T12:52:20.565000000Z"}"#;

/// A request, and the body with which a hub grants it.
struct Asked {
    renewal: Renewal,
    granted: String,
}

fn asked() -> Asked {
    let made = new_request(PUMP).unwrap();
    let sources = Sources::default();
    let authority = IssuingAuthority::make("line-1", &sources).unwrap();
    let request = CertificateRequest::from_der(made.der()).unwrap();
    let chain = authority.issue(&request, Duration::from_secs(3600), &sources).unwrap();
    let chain: Vec<_> = chain.iter().map(|der| STANDARD.encode(der)).collect();
    let renewal = Renewal::new(Csr::from_der(made.der()).unwrap()).unwrap().named(RID).unwrap();
    let granted = json!({ "correlationId": "c-1", "certificates": chain }).to_string();
    Asked { renewal, granted }
}

/// A hub that lets the device in and takes its subscription.
fn subscribed() -> Script {
    Script::new().connack(ConnectReturnCode::Success).subscribe().grant_all()
}

/// What the hub publishes without being asked.
fn published(status: u16, body: &str) -> Packet {
    let topic = format!("$iothub/credentials/res/{status}/?$rid={RID}");
    let mut publish = Publish::new(topic, QoS::AtLeastOnce, body.as_bytes());
    publish.pkid = 7;
    Packet::Publish(publish)
}

fn failure(code: u32, info: serde_json::Value) -> String {
    json!({ "errorCode": code, "message": "no", "trackingId": "t", "timestampUtc": "",
        "info": info })
    .to_string()
}

fn settings(server: &Server, timeout: Duration) -> HubSettings {
    let made = TestCertificate::self_signed(PUMP).unwrap();
    let certificate =
        DeviceCertificate::read(made.pem().as_bytes(), Some(made.key_pem().as_bytes()), None);
    let mut settings = HubSettings::with_credential(
        &"localhost".parse().unwrap(),
        &PUMP.parse().unwrap(),
        Credential::X509(certificate.unwrap()),
        &client_config(&Trust::Pem(server.ca_pem().to_owned())).unwrap(),
    )
    .unwrap()
    .through(&server.address().to_string().parse().unwrap());
    settings.timeout = timeout;
    settings
}

/// Renews at a server whose connections follow these scripts; what came of it, what the device told, and what
/// the server heard.
async fn renew(
    scripts: impl IntoIterator<Item = Script>,
    renewal: &Renewal,
    timeout: Duration,
) -> (Result<Renewed, HubError>, Vec<String>, Vec<Vec<Packet>>) {
    let server = Server::start(scripts).await;
    let mut told = Vec::new();
    let mut notify = |notice: RenewalNotice<'_>| {
        told.push(match notice {
            RenewalNotice::SignedIn { .. } => "in".to_owned(),
            RenewalNotice::Asked { request_id } => format!("asked as {request_id}"),
            RenewalNotice::Accepted(accepted) => format!("until {}", accepted.operation_expires),
            RenewalNotice::Busy { failure, wait } => format!("{} {wait:?}", failure.error_code),
            RenewalNotice::Lost { wait, .. } => format!("lost {wait:?}"),
            other => format!("{other:?}"),
        });
    };
    let result = renew_certificate(&settings(&server, timeout), renewal, &mut notify).await;
    (result, told, server.heard().await)
}

/// What comes of it at a server that falls silent after this script, where the device then waits for `what`. A
/// machine that is too busy to come so far soon is given more time.
async fn silence(script: impl Fn() -> Script, what: HubWaiting) -> HubError {
    let renewal = asked().renewal;
    for timeout in [SOON, IN_GOOD_TIME] {
        let error = renew([script()], &renewal, timeout).await.0.unwrap_err();
        if matches!(error, HubError::Silent(waiting) if waiting == what) {
            return error;
        }
    }
    panic!("it never waited for {what}")
}

fn publishes(connection: &[Packet]) -> Vec<&Publish> {
    let packets = connection.iter();
    packets
        .filter_map(|packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn i_4_202_then_200_give_a_chain_and_names_version_topics_and_body_are_those_of_the_sdks() {
    let Asked { renewal, granted } = asked();
    let script =
        subscribed().answer(202, None, ACCEPTED).acknowledge_and_answer(200, None, &granted);

    let (renewed, told, heard) =
        renew([script], &renewal.clone().replacing(Replace::Any), IN_GOOD_TIME).await;

    let renewed = renewed.unwrap();
    assert_eq!(renewed.chain.leaf().common_name(), Some(PUMP));
    assert_eq!(renewed.chain.certificates().len(), 3);
    assert_eq!((&*renewed.request_id, &*renewed.correlation_id), (RID, "c-1"));
    assert_eq!(told, ["in", "asked as 0c2f-4a", "until 2026-01-31T12:52:20.565000000Z"]);
    let [Packet::Connect(connect), Packet::Subscribe(subscribe), ..] = &heard[0][..] else {
        panic!("{heard:?}");
    };
    let login = connect.login.as_ref().unwrap();
    let user = format!("localhost/{PUMP}/?api-version=2025-08-01-preview&DeviceClientType=");
    assert!(login.username.starts_with(&user), "{}", login.username);
    assert_eq!(login.password, "", "the certificate says who it is");
    assert_eq!(subscribe.filters.len(), 1);
    assert_eq!(subscribe.filters[0].path, "$iothub/credentials/res/#");
    let asked = publishes(&heard[0]);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].topic, format!("$iothub/credentials/POST/issueCertificate/?$rid={RID}"));
    let members = IssueMembers::read(&asked[0].payload).unwrap();
    assert_eq!((members.id.as_deref(), members.replace.as_deref()), (Some(PUMP), Some("*")));
    assert_eq!(members.csr.as_deref(), Some(renewal.csr().as_base64()));
    assert_eq!(heard[0].last(), Some(&Packet::Disconnect), "it says goodbye");
}

#[tokio::test]
async fn i_4_a_200_alone_is_enough_also_over_a_web_socket_and_with_a_version_behind_the_name() {
    let Asked { renewal, granted } = asked();
    let topic = format!("$iothub/credentials/res/200/?$rid={RID}&$version=1");
    let mut older = Publish::new(topic, QoS::AtMostOnce, granted.as_bytes());
    older.pkid = 0;
    let script = subscribed().over_web_socket().puback().packet(Packet::Publish(older));
    let server = Server::start([script]).await;
    let mut settings = settings(&server, IN_GOOD_TIME);
    settings.transport = Transport::MqttWs;

    let renewed = renew_certificate(&settings, &renewal, &mut |_| {}).await.unwrap();

    assert_eq!(renewed.chain.leaf().common_name(), Some(PUMP));
}

#[tokio::test]
async fn j_476_after_a_202_a_lost_connection_is_opened_again_and_nothing_is_asked_again() {
    let Asked { renewal, granted } = asked();
    let first = || subscribed().answer(202, None, ACCEPTED).close();
    let behind = subscribed().packet(published(200, &granted));
    let before_suback = Script::new()
        .connack(ConnectReturnCode::Success)
        .subscribe()
        .packet(published(200, &granted))
        .grant_all();
    for second in [behind, before_suback] {
        let (renewed, told, heard) = renew([first(), second], &renewal, IN_GOOD_TIME).await;

        assert_eq!(renewed.unwrap().chain.leaf().common_name(), Some(PUMP));
        assert_eq!(told[3..], ["lost 0ns", "in"], "{told:?}");
        assert_eq!(heard.len(), 2);
        assert_eq!(publishes(&heard[1]).len(), 0);
    }
}

/// J-467. It costs the 5 s that the device listens.
#[tokio::test]
async fn j_476_a_hub_that_was_started_anew_and_has_forgotten_is_asked_again_under_the_same_name() {
    let Asked { renewal, granted } = asked();
    let first = subscribed().answer(202, None, ACCEPTED).close();
    let anew = subscribed().answer(202, None, ACCEPTED).acknowledge_and_answer(200, None, &granted);

    let (renewed, told, heard) = renew([first, anew], &renewal, IN_GOOD_TIME).await;

    assert_eq!(renewed.unwrap().request_id, RID);
    assert_eq!(told[4..6], ["in", "asked as 0c2f-4a"], "{told:?}");
    assert_eq!(publishes(&heard[0])[0].payload, publishes(&heard[1])[0].payload);
}

#[tokio::test]
async fn j_476_before_a_202_it_is_asked_again_under_the_same_name_and_its_own_conflict_is_no_refusal()
 {
    let Asked { renewal, granted } = asked();
    let conflict = json!({ "requestId": RID, "operationExpires": "soon", "correlationId": "c-1" });
    let second = subscribed().answer(409, None, &failure(409_005, conflict));
    let second = second.acknowledge_and_answer(200, None, &granted);

    let (renewed, told, heard) =
        renew([subscribed().request().close(), second], &renewal, IN_GOOD_TIME).await;

    assert_eq!(renewed.unwrap().request_id, RID);
    assert_eq!(told[4..], ["asked as 0c2f-4a", "until soon"], "{told:?}");
    let (first, second) = (publishes(&heard[0]), publishes(&heard[1]));
    assert_eq!((&first[0].topic, &first[0].payload), (&second[0].topic, &second[0].payload));
}

#[tokio::test]
async fn j_477_a_hub_that_is_busy_is_asked_again_as_soon_as_it_wants_it() {
    let Asked { renewal, granted } = asked();
    let mut busy: serde_json::Value = serde_json::from_str(&failure(429_002, json!(null))).unwrap();
    busy["retryAfter"] = json!(0);
    let script = subscribed().answer(429, None, &busy.to_string());
    let script = script.answer(202, None, ACCEPTED).acknowledge_and_answer(200, None, &granted);

    let (renewed, told, heard) = renew([script], &renewal, IN_GOOD_TIME).await;

    renewed.unwrap();
    assert_eq!(told[1..4], ["asked as 0c2f-4a", "429002 0ns", "asked as 0c2f-4a"], "{told:?}");
    assert_eq!(heard.len(), 1, "in one session");
}

#[tokio::test]
async fn j_477_what_will_not_pass_in_time_is_told_at_once() {
    for (status, code) in [(412, 412_005), (400, 400_040), (409, 409_005), (500, 500_001)] {
        let script = subscribed().answer(status, None, &failure(code, json!(null)));

        let (result, _, heard) = renew([script], &asked().renewal, IN_GOOD_TIME).await;

        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.class()), ("hub-not-issued", Class::NotAssigned));
        assert_eq!(error.to_string(), format!("the hub issued no certificate: {code}: no"));
        assert!(!error.calls_for_provisioning());
        assert_eq!(heard[0].last(), Some(&Packet::Disconnect), "{code}");
    }
}

#[tokio::test]
async fn i_4_a_certificate_for_another_key_is_not_taken() {
    let (own, other) = (asked(), asked());
    let script = subscribed().answer(200, None, &other.granted);

    let (result, ..) = renew([script], &own.renewal, IN_GOOD_TIME).await;

    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.class()), ("hub-issued", Class::NotAssigned));
    assert!(
        error.to_string().ends_with("is not for the key with which it was asked for"),
        "{error}"
    );
}

#[tokio::test]
async fn j_475_silence_ends_at_the_deadline_and_amqp_before_anything_is_sent() {
    let asked_for = HubWaiting::Answer("the request for a certificate");
    let unanswered = silence(|| subscribed().puback(), asked_for).await;
    let accepted = || subscribed().answer(202, None, ACCEPTED);
    let unissued = silence(accepted, HubWaiting::Certificate).await;
    let server = Server::start([Script::new()]).await;
    let mut settings = settings(&server, SOON);
    settings.transport = Transport::AmqpWs;
    let by_amqp = renew_certificate(&settings, &asked().renewal, &mut |_| {}).await.unwrap_err();

    for (error, class, text) in [
        (
            unanswered,
            Class::Deadline,
            "the hub did not answer the request for a certificate in time",
        ),
        (
            unissued,
            Class::Deadline,
            "the hub accepted the request and did not issue the certificate in time",
        ),
        (by_amqp, Class::NotAssigned, "a hub issues certificates over MQTT, and not over amqp-ws"),
    ] {
        assert_eq!((error.class(), &*error.to_string()), (class, text));
    }
    assert_eq!(server.heard().await.len(), 0);
}

#[tokio::test]
async fn i_4_a_hub_that_lets_the_device_not_in_is_told_at_once() {
    let refused = Script::new().connack(ConnectReturnCode::NotAuthorized);
    let closed = Script::new().connect().close();
    let accepted = Script::new().connack(ConnectReturnCode::Success);
    for (script, kind) in [
        (refused, "hub-connack"),
        (closed, "hub-connect"),
        (accepted.suback_refused(), "hub-protocol"),
    ] {
        let (result, told, heard) = renew([script], &asked().renewal, IN_GOOD_TIME).await;

        assert_eq!(result.unwrap_err().kind(), kind);
        assert_eq!((told.len(), heard.len()), (0, 1), "{told:?}");
    }
}
