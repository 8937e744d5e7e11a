//! Custom allocation over real HTTP (G): what the webhook is asked, letter by letter, and what
//! comes of each answer.

use std::time::Duration;

use hyper::Method;
use rumqttc::QoS;

use crate::support::service::client::{Answer, Client, Device};
use crate::support::service::golden::{is_timestamp, normalised};
use crate::support::service::setup::{HUB_EAST, HUB_WEST, Setup};
use crate::support::service::webhook::{Reaction, Webhook, nobody};

const ID: &str = "pump-0042";

/// What comes of one registration with this webhook, and how often it was asked: over HTTP, after
/// making sure that it is the same over HTTPS.
async fn outcome(script: Vec<Reaction>, set_up: impl Fn(Setup) -> Setup) -> (Answer, usize) {
    let mut plain = Webhook::start(script.clone()).await;
    let mut secure = Webhook::start_tls(script).await;
    let ca = secure.ca_pem.clone().expect("it is served over TLS");

    let answer = provision(set_up(Setup::custom(&plain.url(), ""))).await;
    let over_tls = provision(set_up(Setup::custom(&secure.url(), "").webhook_ca(&ca))).await;
    let calls = plain.count_calls();

    for member in ["status", "assignedHub", "errorCode", "errorMessage", "payload"] {
        assert_eq!(answer.state()[member], over_tls.state()[member], "{member}");
    }
    assert_eq!(calls, secure.count_calls());
    (answer, calls)
}

/// The result of one registration. Polls are not held for long and wait for nothing: the event
/// says when the result is there.
async fn provision(setup: Setup) -> Answer {
    let mut service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    let operation_id = client.register("").await.operation_id();
    service.event().await;
    client.poll(&operation_id).await
}

fn text(value: &serde_json::Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn answer(status: u16, body: &str) -> Vec<Reaction> {
    vec![Reaction::Answer(status, body.to_owned())]
}

// --- The request ---

#[tokio::test]
async fn g_3_the_first_and_the_repeated_request_member_by_member() {
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let more = format!(
        r#"
        capabilities = {{ iotEdge = false }}
        reprovisionPolicy = {{ updateHubAssignment = true, migrateDeviceData = true }}
        iotHubs = ["{HUB_EAST}", "{HUB_WEST}"]
        initialTwin = {{ tags = {{ site = "b1" }} }}
        "#
    );
    let setup = Setup::custom(&webhook.url(), &more).retry_after(Duration::ZERO);
    let service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new("Pump-0042")).await;
    let golden = |current: &str, payload: &str| {
        let url = webhook.url();
        let masked = url.split_once('?').unwrap().0;
        [
            r#"{"enrollmentGroup":{"enrollmentGroupId":"pumps","attestation":{"type":"symmetricKey"},"#,
            r#""capabilities":{"iotEdge":false},"initialTwin":{"tags":{"site":"b1"}},"#,
            r#""etag":"<etag>","provisioningStatus":"enabled","#,
            r#""reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":true},"#,
            r#""createdDateTimeUtc":"<time>","lastUpdatedDateTimeUtc":"<time>","allocationPolicy":"custom","#,
            r#""iotHubs":["hub-east.azure-devices.net","hub-west.azure-devices.net"],"#,
            &format!(r#""customAllocationDefinition":{{"webhookUrl":"{masked}?****","apiVersion":"2021-10-01"}}}},"#),
            &format!(r#""deviceRuntimeContext":{{"registrationId":"Pump-0042",{current}"symmetricKey":{{}}{payload}}},"#),
            r#""linkedHubs":["hub-east.azure-devices.net","hub-west.azure-devices.net"]}"#,
        ]
        .concat()
    };
    let first_golden = golden("", r#","payload":{"model":"contoso-pump","n":1.50}"#);
    let repeated_golden = golden(
        r#""currentIotHubHostName":"hub-west.azure-devices.net","currentDeviceId":"Pump-0042","#,
        "",
    );

    client.provision(r#"{"payload": {"model": "contoso-pump", "n": 1.50}}"#).await;
    let first = webhook.call().await;
    client.provision(r#"{"payload":null}"#).await;
    let repeated = webhook.call().await;

    assert_eq!(normalised(&first.body), first_golden);
    assert_eq!(normalised(&repeated.body), repeated_golden);
    assert_eq!(first.method, Method::POST);
    assert_eq!(first.path_and_query, "/api/Choose?code=s3cret%3D%3D&clientId=default", "G-1");
    let content_type = first.headers["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("application/json"), "{content_type}");
    let length = first.headers["content-length"].to_str().unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), first.body.len(), "Functions want a length");
}

#[tokio::test]
async fn g_3_times_and_etag_are_written_as_in_the_captures() {
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let service = Setup::custom(&webhook.url(), "").start().await;

    Client::connect(&service, &Device::new(ID)).await.register("").await;

    let asked: serde_json::Value = serde_json::from_str(&webhook.call().await.body).unwrap();
    let group = &asked["enrollmentGroup"];
    assert!(is_timestamp(group["createdDateTimeUtc"].as_str().unwrap()), "{group}");
    let etag = group["etag"].as_str().unwrap();
    let bare = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap();
    let lengths: Vec<_> = bare.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{etag}");
}

/// J-28.
#[tokio::test]
async fn g_3_what_an_enrollment_does_not_have_is_left_out_and_every_hub_is_offered() {
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let service = Setup::custom(&webhook.url(), "").start().await;

    Client::connect(&service, &Device::new(ID)).await.register("").await;

    let asked: serde_json::Value = serde_json::from_str(&webhook.call().await.body).unwrap();
    let group = asked["enrollmentGroup"].as_object().unwrap();
    for absent in ["capabilities", "initialTwin", "reprovisionPolicy", "iotHubs"] {
        assert!(!group.contains_key(absent), "{absent}");
    }
    assert_eq!(asked["linkedHubs"], serde_json::json!([HUB_EAST, HUB_WEST]));
    assert!(!asked.to_string().contains("Key\":\""), "no key material leaves: {asked}");
}

#[tokio::test]
async fn g_3_a_device_that_never_moves_is_offered_its_own_hub_only() {
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let never = "reprovisionPolicy = { updateHubAssignment = false, migrateDeviceData = false }";
    let setup = Setup::custom(&webhook.url(), never).retry_after(Duration::ZERO);
    let service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;

    client.provision("").await;
    webhook.call().await;
    let again = client.provision("").await;

    let asked: serde_json::Value = serde_json::from_str(&webhook.call().await.body).unwrap();
    assert_eq!(asked["linkedHubs"], serde_json::json!([HUB_WEST]));
    assert_eq!(again.state()["substatus"], "reprovisionedToInitialAssignment");
}

#[tokio::test]
async fn a_5_every_json_object_arrives_as_it_was_sent() {
    let mut webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;

    for payload in
        ["{}", r#"{"u":"a\/b"}"#, r#"{"n":[12345678901234567890,1e3]}"#, r#"{"z":1,"a":"ü"}"#]
    {
        client.provision(&format!(r#"{{"payload":{payload}}}"#)).await;

        let body = webhook.call().await.body;
        assert!(body.contains(&format!(r#""symmetricKey":{{}},"payload":{payload}}}"#)), "{body}");
    }
}

// --- The outcome ---

#[tokio::test]
async fn g_6_a_hub_of_the_list_is_assigned_in_its_linked_spelling() {
    for body in [
        r#"{"iotHubHostName":"hub-west.azure-devices.net"}"#,
        r#"{"iotHubHostName":"HUB-West.azure-devices.net","initialTwin":null,"payload":null}"#,
        r#" { "extra": [1], "iotHubHostName": "hub-west.azure-devices.net" } "#,
    ] {
        let (answer, calls) = outcome(answer(200, body), |setup| setup).await;

        let state = answer.state();
        assert_eq!((answer.status(), calls), (200, 1), "{body}");
        assert_eq!(state["assignedHub"], HUB_WEST, "{body}");
        assert!(state.get("payload").is_none(), "{body}");
    }
}

#[tokio::test]
async fn g_6_no_hub_named_is_400208() {
    for body in ["{}", r#"{"iotHubHostName":""}"#, r#"{"iotHubHostName":null}"#] {
        let (answer, calls) = outcome(answer(200, body), |setup| setup.webhook_retries(3)).await;

        let message = "Custom allocation did not specify an IoT hub.".to_owned();
        assert_eq!((answer.failure(), calls), ((400_208, message), 1), "{body} (J-20)");
    }
}

#[tokio::test]
async fn g_6_refusals_of_the_webhook_are_told_with_their_status_and_not_asked_again() {
    for (status, code) in [
        (401, 400_209),
        (400, 400_207),
        (403, 400_207),
        (404, 400_207),
        (302, 400_207),
        (428, 400_207),
    ] {
        let refusal = answer(status, "Unrecognized device registration.");
        let (answer, calls) = outcome(refusal, |setup| setup.webhook_retries(3)).await;

        let message = format!("Custom allocation failed with status code: {status}");
        assert_eq!((answer.failure(), calls), ((code, message), 1));
    }
}

#[tokio::test]
async fn f_4_the_failed_answer_member_by_member() {
    let (answer, _) = outcome(answer(400, ""), |setup| setup).await;

    assert_eq!(
        normalised(&answer.text),
        concat!(
            r#"{"operationId":"<operation>","status":"failed","registrationState":{"#,
            r#""registrationId":"pump-0042","createdDateTimeUtc":"<time>","status":"failed","#,
            r#""errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400","#,
            r#""lastUpdatedDateTimeUtc":"<time>","etag":"<etag>"}}"#
        )
    );
}

/// J-4, J-30.
#[tokio::test]
async fn g_5_from_429_on_the_webhook_is_asked_again_until_the_retries_are_used_up() {
    for status in [429, 500, 503, 599] {
        let (answer, calls) = outcome(answer(status, ""), |setup| setup.webhook_retries(3)).await;

        let message = format!("Custom allocation failed with status code: {status}");
        assert_eq!((answer.failure(), calls), ((400_207, message), 4), "one and three more");
    }
}

#[tokio::test]
async fn g_5_a_webhook_that_recovers_assigns_and_one_that_then_refuses_refuses() {
    let trouble = || Reaction::Answer(500, "starting up".to_owned());

    let script = vec![trouble(), trouble(), Reaction::hub(HUB_EAST)];
    let (recovered, calls) = outcome(script, |setup| setup.webhook_retries(3)).await;
    assert_eq!((recovered.state()["assignedHub"].as_str(), calls), (Some(HUB_EAST), 3));

    let script = vec![trouble(), Reaction::Answer(400, String::new())];
    let (refused, calls) = outcome(script, |setup| setup.webhook_retries(3)).await;
    let message = "Custom allocation failed with status code: 400".to_owned();
    assert_eq!((refused.failure(), calls), ((400_207, message), 2));
}

#[tokio::test]
async fn j_2_answers_that_make_no_sense_are_400207_with_a_reason_and_not_asked_again() {
    for (status, body) in [
        (200, r#"{"iotHubHostName":"foreign.azure-devices.net"}"#),
        (200, r#"{"iotHubHostName":7}"#),
        (200, "hub-west.azure-devices.net"),
        (200, r#"["hub-west.azure-devices.net"]"#),
        (200, ""),
        (204, ""),
    ] {
        let (answer, calls) = outcome(answer(status, body), |setup| setup.webhook_retries(3)).await;

        let (code, message) = answer.failure();
        assert_eq!((code, calls), (400_207, 1), "{body}");
        assert!(message.starts_with("Custom allocation failed: "), "{message}");
    }
}

#[tokio::test]
async fn j_1_a_webhook_out_of_reach_fails_at_once() {
    let message = "An error occurred while sending the request.".to_owned();

    let refused = provision(Setup::custom(&nobody().await, "").webhook_retries(3)).await;
    let (hung_up, calls) = outcome(vec![Reaction::HangUp], |setup| setup.webhook_retries(3)).await;

    assert_eq!(refused.failure(), (400_207, message.clone()));
    assert_eq!((hung_up.failure(), calls), ((400_207, message), 1));
}

#[tokio::test]
async fn j_1_a_webhook_that_is_silent_is_asked_again_like_one_in_trouble() {
    let silent = Reaction::Held(200, "{}".to_owned());
    let short = |setup: Setup| setup.webhook_timeout(Duration::from_millis(500)).webhook_retries(1);

    let (never, calls) = outcome(vec![silent.clone()], short).await;
    let message = "An error occurred while sending the request.".to_owned();
    assert_eq!((never.failure(), calls), ((400_207, message), 2));
}

#[tokio::test]
async fn g_4_the_payload_of_the_webhook_reaches_the_device_every_time() {
    let with_payload = |payload: &str| {
        Reaction::Answer(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}","payload":{payload}}}"#))
    };
    let script = [r#"{"tenant":"blue"}"#, r#"{"a":[1.50,null]}"#, "null"].map(with_payload);
    let webhook = Webhook::start(script).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;

    for end in [r#","payload":{"tenant":"blue"}}}"#, r#","payload":{"a":[1.50,null]}}}"#, "\"}}"] {
        let answer = client.provision("").await;

        assert!(answer.text.ends_with(end), "{}", answer.text);
        assert_eq!(answer.text.contains("payload"), end.contains("payload"), "{}", answer.text);
    }
}

#[tokio::test]
async fn f_6_a_device_moves_when_the_webhook_says_so_and_keeps_its_hub_when_it_fails() {
    let script = [
        Reaction::hub(HUB_EAST),
        Reaction::Answer(400, String::new()),
        Reaction::hub(HUB_WEST),
        Reaction::hub(HUB_WEST),
    ];
    let mut webhook = Webhook::start(script).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    let mut results = Vec::new();

    for _ in 0..4 {
        let state = client.provision("").await.state();
        results.push((text(&state["assignedHub"]), text(&state["substatus"])));
    }

    assert_eq!(
        results,
        [
            (Some(HUB_EAST.to_owned()), Some("initialAssignment".to_owned())),
            (None, None),
            (Some(HUB_WEST.to_owned()), Some("deviceDataMigrated".to_owned())),
            (Some(HUB_WEST.to_owned()), Some("reprovisionedToInitialAssignment".to_owned())),
        ]
    );
    let mut current = Vec::new();
    for _ in 0..4 {
        let asked: serde_json::Value = serde_json::from_str(&webhook.call().await.body).unwrap();
        current.push(text(&asked["deviceRuntimeContext"]["currentIotHubHostName"]));
    }
    let expected = [None, Some(HUB_EAST), Some(HUB_EAST), Some(HUB_WEST)];
    assert_eq!(current, expected.map(|hub| hub.map(str::to_owned)));
}

// --- While the webhook thinks ---

#[tokio::test]
async fn a_17_a_slow_webhook_holds_no_poll() {
    let hub = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}"}}"#));
    let mut webhook = Webhook::start([hub]).await;
    let mut service = Setup::custom(&webhook.url(), "").start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    let operation_id = client.register("").await.operation_id();
    webhook.call().await;

    // The webhook does not answer until these have been: no poll can have waited for it.
    for _ in 0..10 {
        assert_eq!(client.poll(&operation_id).await.status(), 202);
    }
    webhook.release();
    service.event().await;

    assert_eq!(client.poll(&operation_id).await.status(), 200);
}

/// J-33.
#[tokio::test]
async fn a_17_with_retry_after_0_a_poll_waits_a_little_and_no_longer() {
    let hub = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}"}}"#));
    let mut webhook = Webhook::start([hub]).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    let operation_id = client.register("").await.operation_id();
    webhook.call().await;

    assert_eq!(client.poll(&operation_id).await.status(), 202, "at last, without a result");
    let topic = crate::support::service::client::poll_topic(&operation_id);
    client.publish(&topic, b"", QoS::AtLeastOnce).await;
    webhook.release();

    assert_eq!(client.answer().await.status(), 200, "as soon as there is a result");
}

#[tokio::test]
async fn g_2_an_https_webhook_is_called_if_its_ca_is_trusted() {
    let mut webhook = Webhook::start_tls([Reaction::hub(HUB_WEST)]).await;
    let ca = webhook.ca_pem.clone().expect("it is served over TLS");

    let answer = provision(Setup::custom(&webhook.url(), "").webhook_ca(&ca)).await;

    assert_eq!(answer.state()["assignedHub"], HUB_WEST);
    assert_eq!(
        webhook.call().await.path_and_query,
        "/api/Choose?code=s3cret%3D%3D&clientId=default"
    );
}

#[tokio::test]
async fn g_6_an_https_webhook_that_is_not_trusted_fails_with_the_recorded_text() {
    let webhook = Webhook::start_tls([Reaction::hub(HUB_WEST)]).await;
    let other = Webhook::start_tls([Reaction::hub(HUB_WEST)]).await;
    let ca = other.ca_pem.clone().expect("it is served over TLS");

    let answer = provision(Setup::custom(&webhook.url(), "").webhook_ca(&ca)).await;

    assert_eq!(
        answer.failure(),
        (400_207, "An error occurred while sending the request.".to_owned())
    );
}

#[tokio::test]
async fn an_operation_goes_on_when_its_device_is_gone() {
    let hub = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}"}}"#));
    let mut webhook = Webhook::start([hub]).await;
    let mut service = Setup::custom(&webhook.url(), "").start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    let operation_id = client.register("").await.operation_id();
    webhook.call().await;

    drop(client);
    webhook.release();
    service.event().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;

    assert_eq!(client.poll(&operation_id).await.body()["status"], "assigned");
}
