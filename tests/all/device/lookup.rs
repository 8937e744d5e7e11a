//! The lookup of a registration (B.1), against a server that does as it is told.

use std::time::Duration;

use provision_sim::device::{
    Class, Credential, Error, Looked, NetworkError, Notice, Ports, ProvisioningClient, Received,
    Sent, Settings, Transport,
};
use provision_sim::net::{Trust, client_config};
use provision_sim::wire::Status;

use crate::support::IN_GOOD_TIME;
use crate::support::scripted::http::{HttpServer, Reply, answer, chunked};

const ASSIGNED: &str = r#"{"registrationId":"pump-0042","assignedHub":"hub-west.azure-devices.net","deviceId":"p-42","status":"assigned"}"#;
const THROTTLED: &str = r#"{"errorCode":429001,"trackingId":"","message":"Operations are being throttled for this tenant."}"#;
const UNKNOWN: &str =
    r#"{"errorCode":404202,"trackingId":"t","message":"Registration not found."}"#;
const UNAUTHORIZED: &str = r#"{"errorCode":401002,"trackingId":"t","message":"Unauthorized"}"#;

const SOON: Duration = Duration::from_millis(1500);

async fn look_up(server: &HttpServer, timeout: Duration) -> (Result<Looked, Error>, Vec<Notice>) {
    let settings = Settings {
        timeout,
        ports: Ports { mqtt: 1, https: server.address().port(), amqp: 1 },
        // DPS has the lookup over HTTPS only, whatever the device registers by.
        transport: Transport::Mqtt,
        ..Settings::new(
            "127.0.0.1".parse().unwrap(),
            "0ne00002193".parse().unwrap(),
            "pump-0042".parse().unwrap(),
            Credential::SymmetricKey("AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap()),
            client_config(&Trust::Pem(server.ca_pem().to_owned())).unwrap(),
        )
    };
    let mut notices = Vec::new();
    let looked =
        ProvisioningClient::new(settings).look_up(&mut |notice| notices.push(notice)).await;
    notices.retain(|notice| !matches!(notice, Notice::Reached { .. }));
    (looked, notices)
}

#[tokio::test]
async fn b_1_the_lookup_is_a_post_with_the_devices_proof() {
    let server = HttpServer::start([vec![chunked(200, &[], ASSIGNED)]]).await;

    let looked = look_up(&server, IN_GOOD_TIME).await.0.unwrap();

    assert_eq!(looked.state.status, Some(Status::Assigned));
    assert_eq!((looked.state.device_id.as_deref(), &*looked.body), (Some("p-42"), ASSIGNED));
    let asked = server.asked();
    let target = "POST /0ne00002193/registrations/pump-0042?api-version=2021-06-01";
    assert_eq!((&*asked[0].line, &*asked[0].body), (target, r#"{"registrationId":"pump-0042"}"#));
    let token = asked[0].header("authorization").unwrap();
    assert!(token.starts_with("SharedAccessSignature sr=0ne00002193%2Fregistrations%2Fpump-0042"));
}

#[tokio::test]
async fn b_4_a_busy_service_is_asked_again_after_the_time_that_it_names() {
    let busy = || vec![answer(429, &["Retry-After: 0"], THROTTLED)];
    let server = HttpServer::start([busy(), busy(), vec![answer(200, &[], ASSIGNED)]]).await;

    let (looked, notices) = look_up(&server, IN_GOOD_TIME).await;

    looked.unwrap();
    let told = notices.iter().filter_map(|notice| match notice {
        Notice::Sent(Sent::Request { method, .. }) => Some(method.clone()),
        Notice::Received(Received::Response { status, .. }) => Some(status.to_string()),
        Notice::Busy { .. } => Some("busy".to_owned()),
        _ => None,
    });
    let expected = ["POST", "429", "busy", "POST", "429", "busy", "POST", "200"];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    // J-151: an observer sees no signature.
    let token = server.asked()[0].header("authorization").unwrap().to_owned();
    let (_, signature) = token.split_once("&sig=").unwrap();
    let (signature, _) = signature.split_once('&').unwrap();
    assert!(!format!("{notices:?}").contains(signature), "{notices:?}");
}

#[tokio::test]
async fn b_4_a_wait_beyond_the_deadline_is_not_waited_for() {
    let server = HttpServer::start([vec![answer(429, &["Retry-After: 600"], THROTTLED)]]).await;

    let error = look_up(&server, IN_GOOD_TIME).await.0.unwrap_err();

    assert_eq!(error.class(), Class::Deadline);
    assert_eq!(error.code().map(|code| code.0), Some(429_001));
    assert!(error.to_string().contains("wants the device to wait 10 min"), "{error}");
}

#[tokio::test]
async fn b_4_a_refusal_is_final() {
    for (status, body, class) in [
        (401, UNAUTHORIZED, Class::Identity),
        (404, UNKNOWN, Class::NotAssigned),
        (302, "", Class::Network),
        (200, "[]", Class::NotAssigned),
        (200, "nonsense", Class::NotAssigned),
    ] {
        let server = HttpServer::start([vec![answer(status, &[], body)]]).await;

        let error = look_up(&server, IN_GOOD_TIME).await.0.unwrap_err();

        assert_eq!(error.class(), class, "{error}");
        assert_eq!(server.asked().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn j_107_a_server_that_only_hangs_up_is_given_up_and_a_silent_one_at_the_deadline() {
    let closing = HttpServer::start([vec![Reply::Close]]).await;
    let silent = HttpServer::start([vec![Reply::Silence]]).await;

    let closed = look_up(&closing, IN_GOOD_TIME).await.0.unwrap_err();
    let late = look_up(&silent, SOON).await.0.unwrap_err();

    assert!(matches!(closed, Error::Network(NetworkError::Unanswered { tries: 3 })), "{closed}");
    assert!(late.to_string().contains("did not answer the lookup request"), "{late}");
}
