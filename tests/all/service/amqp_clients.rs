//! Devices that register over AMQP as the SDKs for Node, C, .NET and Java do, frame by frame: what each
//! of them sends, waits for and reads, down to the spelling of a name.

use std::sync::Arc;

use provision_sim::amqp::Failure;
use provision_sim::pki::TestPki;
use provision_sim::service::RegistrationEvent;
use rustls::ClientConfig;
use serde_json::Value as Json;

use crate::support::amqp::client::Client;
use crate::support::amqp::sdk::Sdk;
use crate::support::service::setup::{HUB_WEST, Setup, TestService};
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
