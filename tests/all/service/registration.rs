//! Registrations over MQTT (A.4–A.6, F): what a device asks and what it is told, letter by letter.

use std::time::Duration;

use rumqttc::QoS;

use crate::support::service::client::{Client, Device, poll_topic};
use crate::support::service::golden::{is_timestamp, normalised};
use crate::support::service::setup::{HUB_EAST, HUB_WEST, RETIRED_KEY, SCOPE, Setup};
use crate::support::service::token::derived;
use crate::support::service::webhook::{Reaction, Webhook};

// --- Register and poll ---

#[tokio::test]
async fn a_5_a_registration_from_register_to_assigned_letter_by_letter() {
    let service = Setup::new().assigning_polls(1).start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let accepted =
        client.request("$dps/registrations/PUT/iotdps-register/?$rid=7c1f-a", b"{}").await;
    let operation_id = accepted.operation_id();
    let waiting = client.poll(&operation_id).await;
    let assigned = client.poll(&operation_id).await;

    assert_eq!(accepted.topic, "$dps/registrations/res/202/?$rid=7c1f-a&retry-after=3", "A-6");
    assert_eq!(normalised(&accepted.text), r#"{"operationId":"<operation>","status":"assigning"}"#);
    assert_eq!(waiting.topic, "$dps/registrations/res/202/?$rid=2&retry-after=3");
    assert_eq!(
        normalised(&waiting.text),
        concat!(
            r#"{"operationId":"<operation>","status":"assigning","#,
            r#""registrationState":{"registrationId":"pump-0042","status":"assigning"}}"#
        )
    );
    assert_eq!(assigned.topic, "$dps/registrations/res/200/?$rid=2", "no retry-after at the end");
    assert_eq!(
        normalised(&assigned.text),
        concat!(
            r#"{"operationId":"<operation>","status":"assigned","registrationState":{"#,
            r#""symmetricKey":{"enrollmentGroupId":"pumps"},"registrationId":"pump-0042","#,
            r#""createdDateTimeUtc":"<time>","assignedHub":"hub-west.azure-devices.net","#,
            r#""deviceId":"pump-0042","status":"assigned","substatus":"initialAssignment","#,
            r#""lastUpdatedDateTimeUtc":"<time>","etag":"<etag>"}}"#
        )
    );
    assert_eq!(assigned.operation_id(), operation_id);
    let state = assigned.state();
    for member in ["createdDateTimeUtc", "lastUpdatedDateTimeUtc"] {
        assert!(is_timestamp(state[member].as_str().unwrap()), "{}", state[member]);
    }
}

#[tokio::test]
async fn f_2_an_operation_is_named_after_its_device_and_a_guid() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let first = client.provision("").await.operation_id();
    let second = client.register("").await.operation_id();

    let parts = |id: &str| id.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (parts(&first), parts(&second));
    assert_eq!(first.iter().map(String::len).collect::<Vec<_>>(), [1, 16, 36]);
    assert_eq!(first[..2], second[..2], "the device");
    assert_ne!(first[2], second[2], "the operation");
}

/// J-41.
#[tokio::test]
async fn a_4_retry_after_is_what_was_configured() {
    for (wait, told) in [(Duration::ZERO, "0"), (Duration::from_secs(300), "300")] {
        let service = Setup::new().retry_after(wait).assigning_polls(1).start().await;
        let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

        let accepted = client.register("").await;
        let waiting = client.poll(&accepted.operation_id()).await;

        for answer in [accepted, waiting] {
            assert!(answer.topic.ends_with(&format!("&retry-after={told}")), "{}", answer.topic);
        }
    }
}

/// J-41.
#[tokio::test]
async fn as_many_polls_are_answered_assigning_as_was_asked_for() {
    let service = Setup::new().assigning_polls(3).start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for _ in 0..2 {
        let operation_id = client.register("").await.operation_id();
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(client.poll(&operation_id).await.status());
        }

        assert_eq!(statuses, [202, 202, 202, 200, 200], "for each registration anew");
    }
}

#[tokio::test]
async fn a_5_every_register_body_that_sdks_send_is_accepted() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for body in [
        "",
        " ",
        "{}",
        r#"{"registrationId":"pump-0042"}"#,
        r#"{"payload": null, "registrationId": "pump-0042"}"#,
        r#"{"registrationId":"PUMP-0042","payload":{"url":"http:\/\/x"}}"#,
        r#"{"payload":{"a":[1,2]}}"#,
        r#"{"registrationId":null,"forceRegistration":true}"#,
        // J-215.
        r#"{"payload":"{\"modelId\":\"dtmi:contoso:pump;1\"}"}"#,
    ] {
        let answer = client.provision(body).await;

        assert_eq!(answer.body()["status"], "assigned", "{body}");
    }
}

/// A.6: answered, and the session stays.
#[tokio::test]
async fn k_2_a_body_that_cannot_be_read_is_400012_and_the_journal_says_what_and_where() {
    let mut service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for (body, said) in [
        (&b"hello"[..], "it is not JSON: expected value at line 1 column 1"),
        (br#"{"registrationId":"pump-0042""#, "it is not JSON: EOF while parsing"),
        (b"[]", "it is an array, not a JSON object"),
        (b"null", "it is null, not a JSON object"),
        (br#"{"registrationId":7}"#, "`registrationId` is a number, not a text (line 1 column 19)"),
        (b"{\"payload\":\"\xff\"}", "it is not UTF-8 at byte 13"),
        (b"\x00", "it is not JSON"),
        // K-4.
        (
            br#"{"payload":1}"#,
            "`payload` is a number, not a JSON object or null (line 1 column 12)",
        ),
        (br#"{"payload":"text"}"#, "`payload` is a text"),
        (br#"{"payload":"[{}]"}"#, "`payload` is a text"),
        (br#"{"payload":[{}]}"#, "`payload` is an array"),
        (br#"{"payload":true}"#, "`payload` is a boolean"),
    ] {
        let answer = client.request("$dps/registrations/PUT/iotdps-register/?$rid=1", body).await;

        assert_eq!(answer.error(), (400, 400_012, "Deserialization error.".to_owned()), "{body:?}");
        assert_eq!(answer.body()["trackingId"], "", "as it was recorded");
        assert_eq!(answer.topic, "$dps/registrations/res/400/?$rid=1");
        service.event().await;
        let entry = service.inside().journal().entries().pop().unwrap();
        let reason = entry.reason.as_ref().unwrap().as_str().to_owned();
        assert!(reason.contains(said), "{body:?}: {reason}");
    }
    assert_eq!(client.provision("").await.status(), 200);
}

#[tokio::test]
async fn a_6_a_body_for_another_device_is_400004_and_the_journal_names_both() {
    let mut service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for body in [r#"{"registrationId":"pump-0043"}"#, r#"{"registrationId":""}"#] {
        let answer = client.register(body).await;

        assert_eq!(answer.error(), (400, 400_004, "Invalid RegistrationId".to_owned()), "{body}");
        service.event().await;
        let entry = service.inside().journal().entries().pop().unwrap();
        let reason = entry.reason.as_ref().unwrap().as_str().to_owned();
        let named = body.split('"').nth(3).unwrap();
        assert!(reason.contains(&format!("the body names {named:?}, the connection pump-0042")));
    }
    assert_eq!(client.provision("").await.status(), 200);
}

#[tokio::test]
async fn h_1_every_error_has_a_name_and_a_time_of_its_own() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let other = r#"{"registrationId":"other"}"#;

    let (first, second) = (client.register(other).await, client.register(other).await);

    assert!(is_timestamp(first.body()["timestampUtc"].as_str().unwrap()));
    assert_ne!(first.body()["trackingId"], second.body()["trackingId"]);
}

#[tokio::test]
async fn a_4_a_register_without_rid_is_processed_and_answered_with_an_empty_one() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for topic in [
        "$dps/registrations/PUT/iotdps-register/?rid=1",
        "$dps/registrations/PUT/iotdps-register/?=1",
        "$dps/registrations/PUT/iotdps-register/",
    ] {
        let answer = client.request(topic, b"").await;

        assert_eq!(answer.topic, "$dps/registrations/res/202/?$rid=&retry-after=3", "{topic}");
    }
}

#[tokio::test]
async fn a_4_a_rid_comes_back_unchanged() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    for rid in ["1", "0b7c1f0e-6c0a-4c56-9f3e-2d5a4f6b8c11", "a%20b", "ü", "x/y", &"9".repeat(500)]
    {
        let topic = format!("$dps/registrations/PUT/iotdps-register/?$rid={rid}");
        let answer = client.request(&topic, b"").await;

        assert_eq!(answer.topic, format!("$dps/registrations/res/202/?$rid={rid}&retry-after=3"));
    }
}

#[tokio::test]
async fn a_7_the_body_of_a_poll_is_ignored() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;
    let operation_id = client.register("").await.operation_id();

    for body in [&b""[..], b" ", b"{}", b"not JSON \xff", br#"{"registrationId":"other"}"#] {
        let answer = client.request(&poll_topic(&operation_id), body).await;

        assert_eq!(answer.status(), 200, "{body:?}");
    }
}

#[tokio::test]
async fn p_4_an_operation_id_may_come_percent_escaped_and_in_any_place() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;
    let operation_id = client.register("").await.operation_id();
    let escaped = operation_id.replace('.', "%2E").replace('-', "%2d");

    for query in
        [format!("$rid=2&operationId={escaped}"), format!("operationId={operation_id}&$rid=2")]
    {
        let topic = format!("$dps/registrations/GET/iotdps-get-operationstatus/?{query}");
        let answer = client.request(&topic, b"").await;

        assert_eq!(answer.topic, "$dps/registrations/res/200/?$rid=2", "{query}");
    }
}

#[tokio::test]
async fn a_6_an_unknown_operation_is_answered_404203() {
    let service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let not_found = (404, 404_203, "Operation not found.".to_owned());
    assert_eq!(client.poll("5.x.y").await.error(), not_found, "never registered");
    client.provision("").await;
    for operation_id in ["5.x.y", "", "%"] {
        assert_eq!(client.poll(operation_id).await.error(), not_found, "{operation_id:?}");
    }
}

#[tokio::test]
async fn another_devices_operation_is_not_readable() {
    let service = Setup::new().start().await;
    let mut owner = Client::connect(&service, &Device::new("pump-0042")).await;
    let mut other = Client::connect(&service, &Device::new("pump-0043")).await;
    other.provision("").await;
    let operation_id = owner.provision("").await.operation_id();

    let answer = other.poll(&operation_id).await;

    assert_eq!(answer.error().1, 404_203);
}

#[tokio::test]
async fn a_9_an_operation_can_be_polled_again_when_it_is_over_from_any_connection() {
    let service = Setup::new().start().await;
    let device = Device::new("pump-0042");
    let mut client = Client::connect(&service, &device).await;
    let first = client.provision("").await;

    let again = client.poll(&first.operation_id()).await;
    let mut reconnected = Client::connect(&service, &device).await;
    let elsewhere = reconnected.poll(&first.operation_id()).await;

    assert_eq!((&first.text, &first.text), (&again.text, &elsewhere.text));
}

#[tokio::test]
async fn f_4_a_disabled_enrollment_is_accepted_and_told_at_the_poll() {
    let service = Setup::new().start().await;
    let device = Device::with_key("pump-0042", &derived(RETIRED_KEY, "pump-0042"));
    let mut client = Client::connect(&service, &device).await;

    let accepted = client.register("").await;
    let told = client.poll(&accepted.operation_id()).await;

    assert_eq!((accepted.status(), told.status()), (202, 200));
    assert_eq!(
        normalised(&told.text),
        concat!(
            r#"{"operationId":"<operation>","status":"disabled","#,
            r#""registrationState":{"registrationId":"pump-0042","status":"disabled"}}"#
        )
    );
    assert_eq!(told.operation_id(), accepted.operation_id(), "J-18");
}

#[tokio::test]
async fn j_9_without_a_linked_hub_a_registration_fails_with_400203() {
    let service = Setup::without_hubs().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let answer = client.provision("").await;

    let message = "No IoT hub is linked to this enrollment.".to_owned();
    assert_eq!(answer.failure(), (400_203, message));
}

#[tokio::test]
async fn p_4_answers_are_pure_ascii_and_mean_the_same() {
    let webhook = Webhook::start([Reaction::Answer(
        200,
        format!(r#"{{"iotHubHostName":"{HUB_EAST}","payload":{{"ort":"Küche 🍞","n":1.50}}}}"#),
    )])
    .await;
    let service = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO).start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let answer = client.provision(r#"{"payload":{"raum":"Flügel"}}"#).await;

    assert!(answer.text.is_ascii(), "{}", answer.text);
    assert!(answer.text.ends_with(r#","payload":{"ort":"K\u00fcche \ud83c\udf5e","n":1.50}}}"#));
    assert_eq!(answer.state()["payload"]["ort"], "Küche 🍞");
}

// --- Names, case and versions ---

#[tokio::test]
async fn d_1_case_is_kept_in_answers_and_does_not_matter_otherwise() {
    let service = Setup::new().start().await;
    let upper = Device::new("Pump-0042").user_name(&format!(
        "{}/Registrations/Pump-0042/API-version=2021-06-01",
        SCOPE.to_uppercase()
    ));
    let mut client = Client::connect(&service, &upper).await;
    let first = client.provision(r#"{"registrationId":"PUMP-0042"}"#).await;
    let mut lower = Client::connect(&service, &Device::new("pump-0042")).await;

    let same = lower.poll(&first.operation_id()).await;
    let again = lower.provision("").await;

    assert_eq!(first.state()["registrationId"], "Pump-0042");
    assert_eq!(same.status(), 200, "one device");
    assert_eq!(again.state()["substatus"], "reprovisionedToInitialAssignment", "one record");
    assert_eq!(again.state()["registrationId"], "pump-0042");
}

#[tokio::test]
async fn f_6_the_device_id_of_a_record_stays_whatever_case_the_device_comes_back_in() {
    let service = Setup::new().start().await;
    Client::connect(&service, &Device::new("Pump-0042")).await.provision("").await;

    let again = Client::connect(&service, &Device::new("pump-0042")).await.provision("").await;

    assert_eq!(again.state()["deviceId"], "Pump-0042", "hub identities are case-sensitive");
}

#[tokio::test]
async fn a_5_every_api_version_seen_on_devices_is_served_and_so_are_newer_ones() {
    let service = Setup::new().start().await;

    for version in [
        "2017-08-31-preview",
        "2017-11-15",
        "2018-04-01",
        "2018-09-01-preview",
        "2018-11-01",
        "2019-03-31",
        "2019-04-15",
        "2021-06-01",
        "2021-10-01",
        "2021-11-01-preview",
        "2025-07-01-preview",
        "2030-01-01",
    ] {
        let device = Device::new("pump-0042").api_version(version);
        let answer = Client::connect(&service, &device).await.provision("").await;

        assert_eq!(answer.body()["status"], "assigned", "{version}");
        let names_group = answer.state()["symmetricKey"]["enrollmentGroupId"] == "pumps";
        assert_eq!(names_group, version >= "2021-06-01", "J-6 {version}");
    }
}

#[tokio::test]
async fn j_11_an_unknown_old_api_version_is_refused_at_the_register() {
    let service = Setup::new().start().await;

    for version in ["2016-01-01", "2018-12-01", "2019-03-31-preview"] {
        let device = Device::new("pump-0042").api_version(version);
        let answer = Client::connect(&service, &device).await.register("").await;

        assert_eq!(answer.error(), (400, 400_004, "Unsupported api-version".to_owned()));
    }
}

#[tokio::test]
async fn f_6_the_same_hub_again_is_told_by_api_version_and_the_record_keeps_the_newer_word() {
    let service = Setup::new().start().await;
    let device = |version| Device::new("pump-0042").api_version(version);
    let first = Client::connect(&service, &device("2019-03-31")).await.provision("").await.state();
    let mut old = Client::connect(&service, &device("2019-03-31")).await;
    let again = old.provision("").await;

    let mut new = Client::connect(&service, &device("2019-04-15")).await;
    let told_new = new.poll(&again.operation_id()).await;

    assert_eq!(first["substatus"], "initialAssignment");
    assert_eq!(again.state()["substatus"], "initialAssignment");
    assert_eq!(told_new.state()["substatus"], "reprovisionedToInitialAssignment");
    assert_eq!(again.state()["createdDateTimeUtc"], first["createdDateTimeUtc"]);
    assert_ne!(again.state()["etag"], first["etag"]);
    assert_eq!(again.state()["assignedHub"], HUB_WEST);
}

// --- Two registrations of one device ---

/// J-36.
#[tokio::test]
async fn j_21_a_second_register_of_one_connection_returns_the_running_operation() {
    let hub = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_EAST}"}}"#));
    let mut webhook = Webhook::start([hub]).await;
    let service = Setup::custom(&webhook.url(), "").start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let first = client.register("").await;
    webhook.call().await;
    let second = client.register("").await;

    assert_eq!(first.text, second.text);
    assert_eq!(webhook.count_calls(), 0, "nothing was begun");
}

/// J-43.
#[tokio::test]
async fn j_21_registrations_of_two_connections_follow_each_other() {
    let hub = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_EAST}"}}"#));
    let mut webhook = Webhook::start([hub]).await;
    let mut service = Setup::custom(&webhook.url(), "").start().await;
    let device = Device::new("pump-0042");
    let mut first = Client::connect(&service, &device).await;
    let mut second = Client::connect(&service, &device).await;
    let accepted = first.register("").await;
    webhook.call().await;

    // The PUBACK shows that the service is at it; the answer has to wait.
    let register = "$dps/registrations/PUT/iotdps-register/?$rid=1";
    second.publish(register, b"", QoS::AtLeastOnce).await;
    assert_eq!(first.poll(&accepted.operation_id()).await.status(), 202, "A-17");
    assert_eq!(webhook.count_calls(), 0);
    webhook.release();
    let later = second.answer().await;

    assert_ne!(later.operation_id(), accepted.operation_id());
    let current = webhook.call().await.body.contains("currentIotHubHostName");
    assert!(current, "the second began after the first had ended");
    webhook.release();
    assert_eq!(service.event().await.operation_id, Some(accepted.operation_id()));
    assert_eq!(service.event().await.operation_id, Some(later.operation_id()));
    assert_eq!(second.poll(&later.operation_id()).await.body()["status"], "assigned");
}

#[tokio::test]
async fn a_13_to_a_15_every_reply_is_an_object_and_every_final_one_says_what_clients_read() {
    let working = Setup::new().start().await;
    let hubless = Setup::without_hubs().start().await;
    let retired = Device::with_key("pump-0042", &derived(RETIRED_KEY, "pump-0042"));

    let mut replies = Vec::new();
    for (service, device) in [
        (&working, Device::new("pump-0042")),
        (&working, retired),
        (&hubless, Device::new("pump-0042")),
    ] {
        let mut client = Client::connect(service, &device).await;
        let accepted = client.register("").await;
        let last = client.poll(&accepted.operation_id()).await;
        let refused = client.register("nonsense").await;

        assert!(accepted.body()["operationId"].is_string(), "A-15");
        assert!(last.body()["operationId"].is_string(), "A-15");
        assert!(refused.body().is_object(), "A-13");
        replies.push(last);
    }

    let words: Vec<_> = replies.iter().map(|reply| reply.body()["status"].clone()).collect();
    assert_eq!(words, ["assigned", "disabled", "failed"]);
    for reply in &replies {
        assert!(reply.body()["registrationState"].is_object(), "A-14: {}", reply.text);
    }
    for member in ["errorCode", "errorMessage", "lastUpdatedDateTimeUtc"] {
        assert!(!replies[2].state()[member].is_null(), "A-14: {member}");
    }
}
