//! The service over AMQP (C): how a connection may begin, which links it takes, and how it answers.
//!
//! What the SDKs do is in `amqp_clients`.

use std::time::Duration;

use provision_sim::amqp::{
    Attach, Body, Failure, Frame, Message, Open, Outcome, Performative, Properties, Protocol, Role,
    SaslCode, Transfer, Value,
};
use provision_sim::service::{AnswerKind, EntryStatus, Transport};
use serde_json::{Value as Json, json};

use crate::support::amqp::client::{Client, attach, begin, credit_of, open};
use crate::support::amqp::sdk::{RECEIVER, SENDER, Sdk};
use crate::support::service::golden::normalised;
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::{C_SDK, derived};
use crate::support::within;

const ID: &str = "pump-0042";

fn address(id: &str) -> String {
    format!("{SCOPE}/registrations/{id}")
}

fn token(id: &str) -> String {
    C_SDK.token(&derived(PRIMARY_KEY, id), SCOPE, id)
}

/// A connection of `ID` that has a session, and no link yet.
async fn opened(service: &TestService) -> Client {
    let mut client = Client::dial(service).await;
    client.sign_in_plainly(&address(ID), &token(ID)).await;
    client.open("a-test").await;
    client
}

/// A link of a version.
fn link(handle: u32, role: Role, address: &str) -> Attach {
    let version = Value::text("2021-06-01");
    Attach {
        properties: vec![(Value::symbol("com.microsoft:api-version"), version)],
        ..attach(handle, role, &format!("link-{handle}"), address)
    }
}

/// Both links of a device, the one that receives first.
async fn with_links(client: &mut Client, id: &str) {
    client.attach(link(RECEIVER, Role::Receiver, &address(id))).await.expect("a link");
    client.grant(RECEIVER, 10).await;
    client.attach(link(SENDER, Role::Sender, &address(id))).await.expect("a link");
}

async fn linked(service: &TestService) -> Client {
    let mut client = opened(service).await;
    with_links(&mut client, ID).await;
    client
}

fn request(application: &[(&str, &str)], body: Body) -> Message {
    let properties = Properties { correlation_id: Some(Value::Ulong(7)), ..Properties::default() };
    let application =
        application.iter().map(|(name, value)| (Value::text(*name), Value::text(*value))).collect();
    Message { properties, application, body, ..Message::default() }
}

fn register(body: &str) -> Message {
    request(&[("iotdps-operation-type", "iotdps-register")], Body::Data(body.into()))
}

fn poll(operation_id: &str) -> Message {
    let poll = ("iotdps-operation-type", "iotdps-get-operationstatus");
    request(&[poll, ("iotdps-operation-id", operation_id)], Body::None)
}

/// The answer to a request, or how it was refused.
async fn ask(client: &mut Client, message: Message) -> Result<Json, Failure> {
    let delivery = client.transfer(SENDER, message).await;
    match client.outcome(delivery).await {
        Outcome::Accepted => {}
        Outcome::Rejected(error) => return Err(error.expect("why")),
        other => panic!("{other:?}"),
    }
    let (_, answer) = client.message().await;
    assert_eq!(answer.properties.correlation_id, Some(Value::Ulong(7)));
    let Body::Data(bytes) = answer.body else { panic!("{answer:?}") };
    Ok(serde_json::from_slice(&bytes).expect("JSON"))
}

async fn provision(client: &mut Client) -> Json {
    let mut answer = ask(client, register("")).await.expect("an answer");
    while answer["status"] == "assigning" {
        let operation_id = answer["operationId"].as_str().expect("one").to_owned();
        answer = ask(client, poll(&operation_id)).await.expect("an answer");
    }
    answer
}

/// The condition of a refusal, and the code in its description, which is JSON.
fn told(failure: &Failure) -> (&str, u64) {
    let description = failure.description.as_deref().expect("a description");
    let error: Json = serde_json::from_str(description).expect(description);
    assert!(error["message"].is_string() && error["trackingId"].is_string(), "{error}");
    (failure.condition.as_str(), error["errorCode"].as_u64().expect("a code"))
}

// --- How it begins ---

/// J-338.
#[tokio::test]
async fn j_330_the_service_says_what_it_takes_and_gives_signs_of_life() {
    let service = Setup::at_once().start().await;
    let mut client = Client::dial(&service).await;
    client.sign_in_plainly(&address(ID), &token(ID)).await;
    client.begin_protocol(Protocol::Amqp).await;

    let asked = Open { idle_time_out: Some(1), ..open("a-test") };
    client.say(Performative::Open(asked)).await;

    let Performative::Open(said) = client.heard().await else { panic!("no open") };
    assert_eq!(said.idle_time_out, Some(120_000));
    assert_eq!((said.max_frame_size, said.channel_max), (Some(64 * 1024), Some(1023)));
    assert_eq!(client.next().await, Some(Frame::Empty), "a sign of life");
}

#[tokio::test]
async fn j_331_any_of_the_mechanisms_leads_to_a_connection() {
    let service = Setup::at_once().start().await;
    for (mechanism, response) in
        [("EXTERNAL", Some(&b""[..])), ("MSSBCBS", None), ("ANONYMOUS", Some(b"somebody"))]
    {
        let mut client = Client::dial(&service).await;

        assert_eq!(client.sign_in(mechanism, response).await, SaslCode::Ok, "{mechanism}");
        client.open("a-test").await;
        client.close().await;
    }
}

#[tokio::test]
async fn j_332_a_user_name_that_names_no_device_is_outcome_1_and_in_the_journal_if_it_nearly_does()
{
    let service = Setup::at_once().start().await;
    let of_mqtt = format!("{}/api-version=2019-03-31", address(ID));
    for user in [ID, "", "hub.azure-devices.net/pump-0042", "x/registrations/a b", &of_mqtt] {
        let mut client = Client::dial(&service).await;
        let response = format!("\0{user}\0{}", token(ID));

        let code = client.sign_in("PLAIN", Some(response.as_bytes())).await;

        assert_eq!(code, SaslCode::Auth, "{user}");
        assert!(client.is_closed().await);
    }

    let entries = service.inside().journal().entries();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((entry.transport, entry.failed_check), (Some(Transport::Amqp), Some("userName")));
    assert_eq!(entry.registration_id, ID);
    assert_eq!((entry.answers[0].kind, entry.answers[0].status), (AnswerKind::Sasl, 1));
}

#[tokio::test]
async fn j_339_whoever_begins_otherwise_is_told_the_header_and_hung_up_on() {
    let service = Setup::at_once().start().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"AMQP\x02\x01\x00\x00",
        b"AMQP\x00\x00\x09\x01",
        b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x03dev",
    ] {
        let mut client = Client::dial(&service).await;
        client.send_raw(bytes).await;

        assert_eq!(client.read_header().await, Protocol::Sasl.bytes());
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn what_breaks_a_rule_of_the_standard_is_closed_with_that_rule() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;

    client.say(Performative::Open(open("again"))).await;

    let Performative::Close(close) = client.heard().await else { panic!("no close") };
    let error = close.error.expect("why");
    assert_eq!(error.condition.as_str(), "amqp:illegal-state");
    assert!(error.description.expect("text").contains("[AMQP 1.0 part 2, 2.4.1]"));
    assert!(client.is_closed().await);
    // Nobody else is affected.
    assert_eq!(provision(&mut linked(&service).await).await["status"], "assigned");
}

// --- Links ---

#[tokio::test]
async fn j_334_a_link_is_for_the_device_of_the_connection_or_refused_with_its_reason() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    let without_version = attach(9, Role::Sender, "link-9", &address(ID));
    let bad_version = Attach {
        properties: vec![(Value::symbol("com.microsoft:api-version"), Value::text("latest"))],
        ..without_version.clone()
    };

    for (asked, condition, code) in [
        (link(0, Role::Sender, &address("pump-0043")), "amqp:unauthorized-access", 401_002),
        (link(0, Role::Receiver, &address("pump-0043")), "amqp:unauthorized-access", 401_002),
        (
            link(0, Role::Sender, "0neFFFFFFFF/registrations/pump-0042"),
            "amqp:unauthorized-access",
            401_002,
        ),
        (link(0, Role::Sender, "nowhere"), "amqp:not-found", 404_001),
        (link(0, Role::Sender, ""), "amqp:not-found", 404_001),
        (without_version, "com.microsoft:argument-error", 400_004),
        (bad_version, "com.microsoft:argument-error", 400_004),
    ] {
        let text = format!("{asked:?}");
        let failure = client.attach(asked).await.expect_err(&text);

        assert_eq!(told(&failure), (condition, code), "{text}");
    }
    // The connection goes on.
    with_links(&mut client, ID).await;
    assert_eq!(provision(&mut client).await["status"], "assigned");

    let entries = service.inside().journal().entries();
    let [refused, assigned] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((refused.status, refused.failed_check), (EntryStatus::Refused, Some("identity")));
    assert_eq!(refused.registration_id, "pump-0043", "the first of them alone");
    assert_eq!((refused.answers[0].kind, refused.answers[0].status), (AnswerKind::Attach, 401));
    assert_eq!(assigned.status, EntryStatus::Assigned);
}

#[tokio::test]
async fn j_334_another_id_scope_is_refused_at_the_register_request() {
    let service = Setup::at_once().start().await;
    let elsewhere = "0neFFFFFFFF/registrations/pump-0042";
    let mut client = Client::dial(&service).await;
    client.sign_in_plainly(elsewhere, &token(ID)).await;
    client.open("a-test").await;
    client.attach(link(RECEIVER, Role::Receiver, elsewhere)).await.expect("a link");
    client.attach(link(SENDER, Role::Sender, elsewhere)).await.expect("a link");

    let failure = ask(&mut client, register("")).await.unwrap_err();

    assert_eq!(told(&failure), ("amqp:not-found", 404_000));
    let entries = service.inside().journal().entries();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((entry.failed_check, &*entry.id_scope), (Some("idScope"), "0neFFFFFFFF"));
}

#[tokio::test]
async fn j_334_mssbcbs_is_for_hubs() {
    let service = Setup::at_once().start().await;
    let mut client = Client::dial(&service).await;
    client.sign_in("MSSBCBS", None).await;
    client.open("a-test").await;

    let failure = client.attach(link(0, Role::Sender, &address(ID))).await.unwrap_err();

    assert_eq!(told(&failure), ("amqp:unauthorized-access", 401_002));
}

#[tokio::test]
async fn j_335_a_second_pair_of_links_is_answered_on_its_own() {
    let service = Setup::at_once().start().await;
    let mut client = linked(&service).await;
    let second = client.attach(link(2, Role::Receiver, &address(ID))).await.expect("a link");
    client.grant(2, 10).await;
    client.attach(link(3, Role::Sender, &address("PUMP-0042"))).await.expect("a link");

    let delivery = client.transfer(3, register("")).await;

    assert_eq!(client.outcome(delivery).await, Outcome::Accepted);
    assert_eq!(client.message().await.0, second.handle);
    let failure = client.attach(link(4, Role::Sender, &address("pump-0043"))).await.unwrap_err();
    assert_eq!(told(&failure).0, "amqp:unauthorized-access");
}

#[tokio::test]
async fn a_device_without_a_link_to_receive_on_is_registered_all_the_same() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    client.attach(link(SENDER, Role::Sender, &address(ID))).await.expect("a link");

    let delivery = client.transfer(SENDER, register("")).await;

    assert_eq!(client.outcome(delivery).await, Outcome::Accepted);
    let assigned = service.inside().journal();
    within("the registration", assigned.wait_for(|it| it.status == EntryStatus::Assigned)).await;
}

// --- Requests ---

#[tokio::test]
async fn j_336_what_is_wrong_with_a_request_is_told_and_the_link_stays() {
    let service = Setup::at_once().start().await;
    let mut client = linked(&service).await;
    let typed = |operation| request(&[("iotdps-operation-type", operation)], Body::None);
    let value = Message { body: Body::Value(Value::Int(1)), ..register("") };

    for (message, condition, code) in [
        (request(&[], Body::None), "com.microsoft:argument-error", 400_004),
        (typed("iotdps-unregister"), "com.microsoft:argument-error", 400_004),
        (typed("iotdps-get-operationstatus"), "com.microsoft:argument-error", 400_004),
        (poll("5.nobody.knows"), "amqp:not-found", 404_203),
        (typed("iotdps-get-registration"), "amqp:not-found", 404_202),
        (value, "com.microsoft:argument-error", 400_012),
        (register("{"), "com.microsoft:argument-error", 400_012),
        (register(r#"{"payload":1}"#), "com.microsoft:argument-error", 400_012),
        (register(r#"{"registrationId":"pump-1"}"#), "com.microsoft:argument-error", 400_004),
    ] {
        let text = format!("{:?}", message.application);
        let failure = ask(&mut client, message).await.expect_err(&text);

        assert_eq!(told(&failure), (condition, code), "{text}");
        assert!(failure.info.is_empty());
    }
    assert_eq!(provision(&mut client).await["status"], "assigned");
}

/// Larger than a frame, so it comes in two.
#[tokio::test]
async fn h_3_a_message_beyond_96_kb_is_rejected_and_one_of_96_kb_is_taken() {
    let service = Setup::at_once().start().await;
    let mut client = linked(&service).await;
    for (length, is_taken) in [(96 * 1024, true), (96 * 1024 + 1, false)] {
        let body = format!("{{}}{}", " ".repeat(length - 2));
        let bytes = register(&body).write();
        let (first, second) = bytes.split_at(60_000);
        let part = |id: Option<u32>, payload: &[u8]| {
            Performative::Transfer(Transfer {
                handle: SENDER,
                delivery_id: id,
                delivery_tag: id.map(|id| id.to_be_bytes().to_vec()),
                more: id.is_some(),
                payload: payload.to_vec(),
                ..Transfer::default()
            })
        };
        let delivery = u32::from(!is_taken);
        client.say(part(Some(delivery), first)).await;
        client.say(part(None, second)).await;

        match client.outcome(delivery).await {
            Outcome::Accepted => assert!(is_taken),
            Outcome::Rejected(Some(failure)) => {
                assert_eq!(told(&failure), ("amqp:link:message-size-exceeded", 413_000));
                assert!(!is_taken);
            }
            other => panic!("{other:?}"),
        }
        if is_taken {
            client.message().await;
        }
    }
}

#[tokio::test]
async fn c_3_a_look_up_tells_the_state_of_the_registration_alone() {
    let service = Setup::at_once().start().await;
    let mut client = linked(&service).await;
    let assigned = provision(&mut client).await;
    let lookup = request(&[("iotdps-operation-type", "iotdps-get-registration")], Body::None);

    let state = ask(&mut client, lookup).await.expect("a state");

    assert_eq!(state, assigned["registrationState"]);
    assert_eq!(state["assignedHub"], HUB_WEST);
}

/// C-6.
#[tokio::test]
async fn a_10_a_wrong_key_is_refused_at_the_register_request_with_401002() {
    let service = Setup::at_once().start().await;
    let mut client = Client::dial(&service).await;
    client.sign_in_plainly(&address(ID), &token("pump-0043")).await;
    client.open("a-test").await;
    with_links(&mut client, ID).await;

    let failure = ask(&mut client, register("")).await.unwrap_err();

    assert_eq!(told(&failure), ("amqp:unauthorized-access", 401_002));
    let description = failure.description.unwrap();
    assert_eq!(
        normalised(&description),
        r#"{"errorCode":401002,"trackingId":"<guid>","message":"Unauthorized","timestampUtc":"<time>"}"#
    );
    let entries = service.inside().journal().entries();
    assert_eq!(entries[0].transport, Some(Transport::Amqp));
    assert!(entries[0].failed_check.is_some());
}

#[tokio::test]
async fn h_3_a_register_beyond_the_quota_is_rejected_with_the_time_to_wait_in_both_spellings() {
    let service = Setup::at_once().quotas("registrations = \"1/h\"").start().await;
    let mut client = linked(&service).await;
    assert_eq!(provision(&mut client).await["status"], "assigned");

    let failure = ask(&mut client, register("")).await.unwrap_err();

    assert_eq!(told(&failure), ("com.microsoft:device-container-throttled", 429_001));
    let waits: Vec<_> = failure
        .info
        .iter()
        .map(|(name, wait)| match wait {
            Value::Int(wait) => (name.as_text().expect("a name"), (3500..=3600).contains(wait)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(waits, [("retry-after", true), ("Retry-After", true)]);
}

/// C-5, J-337.
#[tokio::test]
async fn a_17_while_it_is_assigning_the_answer_says_how_long_to_wait_and_then_no_more() {
    let service = Setup::new().retry_after(Duration::from_secs(3)).start().await;
    let mut client = linked(&service).await;

    let delivery = client.transfer(SENDER, register("")).await;
    assert_eq!(client.outcome(delivery).await, Outcome::Accepted);
    let (_, assigning) = client.message().await;
    for name in ["retry-after", "Retry-After"] {
        assert_eq!(assigning.application(name), Some(&Value::Int(3)), "{name}");
    }
    let Body::Data(bytes) = &assigning.body else { panic!("{assigning:?}") };
    let body: Json = serde_json::from_slice(bytes).unwrap();
    let operation_id = body["operationId"].as_str().unwrap();
    service.inside().journal().wait_for(|it| it.status == EntryStatus::Assigned).await;

    let delivery = client.transfer(SENDER, poll(operation_id)).await;
    assert_eq!(client.outcome(delivery).await, Outcome::Accepted);
    assert!(client.message().await.1.application.is_empty());
}

// --- What is told of it ---

#[tokio::test]
async fn the_journal_tells_of_a_registration_over_amqp_as_over_mqtt() {
    let service = Setup::at_once().start().await;
    let tls = service.tls.clone();
    let web_socket = Client::upgrade(&service, tls, Sdk::Node.upgrade()).await;
    for client in [Client::dial(&service).await, web_socket] {
        let mut device = Sdk::Node.connect(client, ID).await;
        assert_eq!(device.provision().await.status(), "assigned");
        device.end().await;
    }

    let entries = service.inside().journal().entries();
    let [over_tls, over_web_socket] = &entries[..] else { panic!("{entries:?}") };
    let known = |entry: &provision_sim::service::JournalEntry| {
        let connection = entry.connection.as_ref().expect("a connection");
        assert_eq!(entry.transport, Some(Transport::Amqp));
        assert!(connection.client_id.as_deref().is_some_and(|it| it.starts_with("5d3ee2ab")));
        let version = connection.client_version.as_deref();
        assert_eq!(version, Some("azure-iot-provisioning-device/1.9.1"));
        connection.web_socket
    };
    assert!(!known(over_tls));
    assert!(known(over_web_socket));
    assert_eq!(serde_json::to_value(over_tls).unwrap()["transport"], json!("amqp"));
    let checks: Vec<_> = over_tls.checks.iter().map(|check| check.check).take(4).collect();
    assert_eq!(checks, ["userName", "address", "identity", "idScope"]);
}

// --- WebSockets ---

/// A-2.
#[tokio::test]
async fn c_1_amqp_comes_over_a_web_socket_on_any_path() {
    let service = Setup::at_once().start().await;
    for target in ["/", "/$iothub/websocket", "/$iothub/websocket?iothub-no-client-cert=true", "/x"]
    {
        let tls = service.tls.clone();
        let mut client = Client::upgrade(&service, tls, (target, "Host: localhost\r\n")).await;
        client.sign_in_plainly(&address(ID), &token(ID)).await;
        client.open("a-test").await;
        with_links(&mut client, ID).await;

        assert_eq!(provision(&mut client).await["status"], "assigned", "{target}");
    }
}

// --- What clients do besides ---

#[tokio::test]
async fn a_client_that_settles_nothing_is_answered_all_the_same() {
    let service = Setup::at_once().start().await;
    let mut client = linked(&service).await;

    for _ in 0..50 {
        let message = poll("5.nobody.knows");
        let failure = ask(&mut client, message).await.unwrap_err();
        assert_eq!(told(&failure).1, 404_203);
    }
    for _ in 0..8 {
        let delivery = client.transfer(SENDER, register("")).await;
        assert_eq!(client.outcome(delivery).await, Outcome::Accepted);
        client.message_unsettled().await;
    }
}

#[tokio::test]
async fn answers_wait_for_credit_and_come_in_their_order() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    client.attach(link(RECEIVER, Role::Receiver, &address(ID))).await.expect("a link");
    client.attach(link(SENDER, Role::Sender, &address(ID))).await.expect("a link");
    let first = client.transfer(SENDER, register("")).await;
    let second = client.transfer(SENDER, register("")).await;
    assert_eq!(client.outcome(first).await, Outcome::Accepted);
    assert_eq!(client.outcome(second).await, Outcome::Accepted);

    client.say(Performative::Flow(credit_of(RECEIVER, 1))).await;
    client.message().await;
    client
        .say(Performative::Flow(provision_sim::amqp::Flow {
            delivery_count: Some(1),
            ..credit_of(RECEIVER, 1)
        }))
        .await;
    client.message().await;
}

#[tokio::test]
async fn a_second_session_serves_as_well_as_the_first() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    client.send([Frame::Amqp(1, Performative::Begin(begin()))]).await;
    let Some(Frame::Amqp(1, Performative::Begin(_))) = client.next().await else {
        panic!("no begin")
    };

    let asked = link(0, Role::Sender, &address(ID));
    client.send([Frame::Amqp(1, Performative::Attach(asked))]).await;

    let Some(Frame::Amqp(1, Performative::Attach(answer))) = client.next().await else {
        panic!("no attach")
    };
    assert!(answer.target.is_some());
}

/// B.7.
#[tokio::test]
async fn j_435_a_certificate_is_asked_for_over_amqp_as_over_any_other_transport() {
    let enrollment = format!(
        "[[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\ncertificatePolicyName = \"default\"\n\
         attestation = {{ type = \"symmetricKey\", symmetricKey = {{ primaryKey = \"{PRIMARY_KEY}\" }} }}"
    );
    let service = Setup::enrollments(&enrollment).start().await;
    let mut client = opened(&service).await;
    let newer = |link: Attach| Attach {
        properties: vec![(Value::symbol("com.microsoft:api-version"), Value::text("2026-11-01"))],
        ..link
    };
    client.attach(newer(link(RECEIVER, Role::Receiver, &address(ID)))).await.expect("a link");
    client.grant(RECEIVER, 10).await;
    client.attach(newer(link(SENDER, Role::Sender, &address(ID)))).await.expect("a link");
    let body = |csr: &str| json!({ "registrationId": ID, "csr": csr }).to_string();

    let refused = ask(&mut client, register(&body("hello!"))).await.unwrap_err();
    assert_eq!(told(&refused).1, 400_004);
    let request = provision_sim::pki::new_request(ID).unwrap().to_base64();
    let mut answer = ask(&mut client, register(&body(&request))).await.expect("an answer");
    while answer["status"] == "assigning" {
        let operation_id = answer["operationId"].as_str().expect("one").to_owned();
        answer = ask(&mut client, poll(&operation_id)).await.expect("an answer");
    }

    let chain = answer["registrationState"]["issuedCertificateChain"].as_array().cloned();
    assert_eq!(chain.map(|chain| chain.len()), Some(3), "{answer}");
}
