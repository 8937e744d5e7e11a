//! What a trial says of answers (J-228).

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Applicant, Judgement, Replay, Trial, Verdict, WebhookAnswer};
use crate::service::enrollment::{CustomAllocationDefinition, Kind, read};
use crate::service::record::Assignment;
use crate::wire::{ApiVersion, ErrorCode};

const WEST: &str = "hub-west.azure-devices.net";
const EAST: &str = "hub-east.azure-devices.net";

fn trial_of(current: Option<&str>) -> Trial {
    let record = json!({
        "registrationId": "pump-0042", "deviceId": "pump-north",
        "attestation": { "type": "symmetricKey" },
    });
    let record = serde_json::to_vec(&record).unwrap();
    let enrollment = read(Kind::Individual, &record, UNIX_EPOCH, 0, None).unwrap();
    let current = current.map(|hub| Assignment {
        hub: hub.parse().unwrap(),
        device_id: "pump-north".parse().unwrap(),
    });
    let applicant = Applicant {
        registration_id: &"Pump-0042".parse().unwrap(),
        certificate: None,
        tpm: None,
        current: current.as_ref(),
        payload: Some(&r#"{"n":1.50}"#.parse().unwrap()),
    };
    let webhook = CustomAllocationDefinition {
        webhook_url: "https://f.example/api?code=s3cret-key".parse().unwrap(),
        api_version: ApiVersion::OF_WEBHOOKS,
    };
    Trial::new(webhook, &enrollment, applicant, vec![WEST.parse().unwrap(), EAST.parse().unwrap()])
}

fn answer(status: u16, body: &str) -> WebhookAnswer {
    let content_type = Some("application/json; charset=utf-8".to_owned());
    WebhookAnswer::Http { status, body: body.into(), location: None, content_type }
}

fn judged(status: u16, body: &str) -> Judgement {
    trial_of(None).judge(&answer(status, body), Duration::from_millis(20))
}

#[test]
fn j_228_the_request_is_the_one_that_the_service_sends() {
    let trial = trial_of(Some(WEST));

    let request: Value = serde_json::from_str(trial.request()).unwrap();

    let context = &request["deviceRuntimeContext"];
    assert_eq!(context["registrationId"], "Pump-0042", "as the device writes it");
    assert_eq!(context["currentIotHubHostName"], WEST);
    assert_eq!(context["currentDeviceId"], "pump-north");
    assert!(trial.request().contains(r#""payload":{"n":1.50}"#), "K-7");
    let individual = &request["individualEnrollment"];
    assert_eq!(individual["allocationPolicy"], "custom");
    let definition = &individual["customAllocationDefinition"];
    assert_eq!(definition["webhookUrl"], "https://f.example/api?****", "G-1");
    assert_eq!(definition["apiVersion"], "2021-10-01");
    assert_eq!(request["linkedHubs"], json!([WEST, EAST]));
}

#[test]
fn j_228_a_good_answer_is_accepted_and_nothing_is_odd() {
    let body = json!({
        "iotHubHostName": EAST, "payload": { "tenant": "blue" },
        "initialTwin": { "tags": { "site": "b1" }, "properties": { "desired": { "n": 1 } } },
    });

    let judgement = judged(200, &body.to_string());

    assert_eq!(judgement.verdict, Verdict::Accepted);
    assert_eq!(judgement.odd, Vec::<String>::new());
    let shown = serde_json::to_value(&judgement).unwrap();
    assert_eq!(
        shown["told"],
        json!({
            "status": "assigned", "assignedHub": EAST, "deviceId": "pump-north",
            "payload": { "tenant": "blue" },
        })
    );
    assert_eq!(shown["initialTwin"], json!({ "tags": { "site": "b1" }, "desired": { "n": 1 } }));
    assert_eq!(shown["ms"], 20.0);
}

#[test]
fn j_228_what_dps_takes_and_nobody_means_is_said() {
    for (body, said) in [
        (json!({ "iotHubHostName": WEST, "hub": 1 }), "has `hub`, which DPS ignores"),
        (
            json!({ "iotHubHostName": WEST, "initialtwin": {} }),
            "`initialtwin`, which DPS ignores; did you mean `initialTwin`?",
        ),
        (json!({ "iotHubHostName": "HUB-west.azure-devices.net" }), "linked as hub-west"),
        (json!({ "iotHubHostName": format!(" {WEST}") }), "a blank around the name of the hub"),
        (
            json!({ "iotHubHostName": WEST, "initialTwin": { "desired": { "a": 1 } } }),
            "`desired`, which has no effect; it belongs into `properties`",
        ),
        (
            json!({ "iotHubHostName": WEST, "initialTwin": { "authenticationType": "x" } }),
            "`authenticationType`, which has no effect",
        ),
        (
            json!({ "iotHubHostName": WEST, "initialTwin": { "properties": { "reported": {} } } }),
            "only the device itself reports",
        ),
        (
            json!({ "iotHubHostName": WEST, "initialTwin": { "properties": { "Desired": {} } } }),
            "did you mean `desired`?",
        ),
    ] {
        let judgement = judged(200, &body.to_string());

        assert!(judgement.odd.iter().any(|it| it.contains(said)), "{said}: {judgement:#?}");
        assert_eq!(judgement.odd.len(), 1, "{judgement:#?}");
    }
    let marked = format!("\u{feff}{}", json!({ "iotHubHostName": WEST }));
    assert!(judged(200, &marked).odd[0].contains("byte order mark"));
    assert!(judged(201, &json!({ "iotHubHostName": WEST }).to_string()).odd[0].contains("201"));
}

#[test]
fn j_228_a_slow_answer_and_one_of_another_type_are_odd() {
    let good = format!(r#"{{"iotHubHostName":"{WEST}"}}"#);
    let slow = trial_of(None).judge(&answer(200, &good), Duration::from_secs(5));
    assert!(slow.odd[0].starts_with("it took 5.0 s"), "{slow:?}");

    for (content_type, said) in [(None, "no Content-Type"), (Some("text/plain"), "\"text/plain\"")]
    {
        let content_type = content_type.map(str::to_owned);
        let body = good.clone().into();
        let answer = WebhookAnswer::Http { status: 200, body, location: None, content_type };
        let judgement = trial_of(None).judge(&answer, Duration::ZERO);
        assert!(judgement.odd[0].contains(said), "{judgement:?}");
    }
}

#[test]
fn j_228_a_first_twin_for_a_device_that_stays_is_odd() {
    let body = json!({ "iotHubHostName": WEST, "initialTwin": {} }).to_string();

    let stays = trial_of(Some(WEST)).judge(&answer(200, &body), Duration::ZERO);
    let moves = trial_of(Some(EAST)).judge(&answer(200, &body), Duration::ZERO);

    assert!(stays.odd[0].contains("on that hub already"), "{stays:?}");
    assert_eq!(moves.odd, Vec::<String>::new());
}

#[test]
fn j_228_each_failure_is_told_as_the_device_is_told_it() {
    for (status, body, verdict, code) in [
        (400, "no such toaster", Verdict::Refused, 400_207),
        (403, "", Verdict::Refused, 400_207),
        (401, "", Verdict::Bad, 400_209),
        (404, "", Verdict::Bad, 400_207),
        (500, "", Verdict::Bad, 400_207),
        (200, "{}", Verdict::Bad, 400_208),
        (200, "<html>", Verdict::Bad, 400_207),
        (200, r#"{"iotHubHostName":"other"}"#, Verdict::Bad, 400_207),
        (
            200,
            r#"{"iotHubHostName":"hub-west.azure-devices.net","initialTwin":[]}"#,
            Verdict::Bad,
            400_207,
        ),
    ] {
        let judgement = judged(status, body);

        assert_eq!(judgement.verdict, verdict, "{status} {body}");
        assert_eq!(judgement.told.status, "failed");
        assert_eq!(judgement.told.error_code, Some(ErrorCode(code)), "{status} {body}");
        assert!(judgement.reason.is_some());
    }
    assert!(judged(503, "").odd[0].contains("ten more times"));
    let nobody = WebhookAnswer::Unreachable { reason: "connection refused".to_owned() };
    let judgement = trial_of(None).judge(&nobody, Duration::ZERO);
    assert_eq!(judgement.verdict, Verdict::NotReachable);
    assert!(judgement.answer.is_none());
}

#[test]
fn g_2_a_judgement_repeats_no_key() {
    let judgement = judged(400, "no s3cret-key here");

    let shown = serde_json::to_string(&judgement).unwrap();
    assert!(!shown.contains("s3cret") && shown.contains("no **** here"), "{shown}");
    assert!(!format!("{:?}", trial_of(None)).contains("s3cret"));
}

#[test]
fn j_229_a_request_that_was_sent_before_is_sent_letter_by_letter() {
    let request = trial_of(Some(EAST)).request().replace(':', " : ");
    let replay = Replay::read(&request).unwrap();
    let again = Trial::again("http://localhost/".parse().unwrap(), replay);

    let body = format!(r#"{{"iotHubHostName":"{WEST}"}}"#);
    let judgement = again.judge(&answer(200, &body), Duration::ZERO);

    assert_eq!(again.request(), request);
    assert_eq!(judgement.told.device_id.as_deref(), Some("pump-north"));
    assert_eq!(judgement.verdict, Verdict::Accepted);
}
