use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::ring::Limits;
use super::{AnswerKind, EntryStatus, Journal, JournalFilter, Recording};
use crate::attestation::{KeyMatch, KeySlot};
use crate::service::allocation::WebhookAnswer;
use crate::service::attest::{Attested, Check, Evidence, Proof};
use crate::service::caller::{Caller, Transport};
use crate::service::connection::ClientConnection;
use crate::service::enrollment::{Enrollment, Kind, read};
use crate::service::record::{Assignment, DeviceRecord, EnrollmentName, Outcome, ProvenBy};
use crate::service::registration::{IdentityFate, TwinSource};
use crate::service::reply::Reply;
use crate::wire::{ErrorCode, Etag, Payload, Substatus};

const URL: &str = "http://127.0.0.1:7071/api/Choose?code=s3cr%2Fet%3D%3D";

fn caller() -> Caller {
    Caller {
        connection: Arc::new(ClientConnection::numbered(1)),
        transport: Transport::Mqtt,
        id_scope: "0ne00002193".parse().unwrap(),
        registration_id: "Pump-0042".parse().unwrap(),
        api_version: "2021-06-01".parse().unwrap(),
        proof: Proof::Absent,
    }
}

fn enrollment(url: &str) -> Enrollment {
    let group = json!({
        "enrollmentGroupId": "pumps",
        "attestation": { "type": "symmetricKey" },
        "allocationPolicy": "custom",
        "customAllocationDefinition": { "webhookUrl": url, "apiVersion": "2021-10-01" },
    });
    read(Kind::Group, group.to_string().as_bytes(), UNIX_EPOCH, 7, None).unwrap()
}

fn recording_to(journal: &Journal, url: &str, operation: &str, payload: Option<&str>) -> Recording {
    let matched = KeyMatch { slot: KeySlot::Secondary, folded: false };
    let attested =
        Attested { enrollment: Arc::new(enrollment(url)), evidence: Evidence::Key(matched) };
    let payload: Option<Payload> = payload.map(|payload| payload.parse().unwrap());
    let checks = [Check::passed("enabled", "the enrollment is enabled")];
    journal.begin(&caller(), (&attested, &checks), payload.as_ref(), &operation.parse().unwrap())
}

pub(super) fn recording(journal: &Journal, operation: &str, payload: Option<&str>) -> Recording {
    recording_to(journal, URL, operation, payload)
}

fn record(outcome: Outcome) -> DeviceRecord {
    DeviceRecord {
        registration_id: "Pump-0042".parse().unwrap(),
        enrollment: EnrollmentName { kind: Kind::Group, name: "pumps".into() },
        proven_by: ProvenBy::SymmetricKey,
        operation_id: "5.a".parse().unwrap(),
        outcome,
        assignment: Some(Assignment {
            hub: "hub-west".parse().unwrap(),
            device_id: "p".parse().unwrap(),
        }),
        created: UNIX_EPOCH,
        updated: UNIX_EPOCH,
        etag: Etag::new(UNIX_EPOCH, 7),
        before: None,
    }
}

pub(super) fn assigned() -> DeviceRecord {
    let substatus = Substatus::InitialAssignment;
    record(Outcome::Assigned { substatus, payload: None, authentication_key: None, issued: None })
}

fn http(status: u16, body: &str) -> WebhookAnswer {
    WebhookAnswer::Http { status, body: body.into(), location: None, content_type: None }
}

#[test]
fn a_registration_is_written_down_from_request_to_result_member_by_member() {
    let journal = Journal::new(Default::default());

    let recording = recording(&journal, "5.a", Some(r#"{ "a": 1.50 }"#));
    recording.webhook_asked("http://127.0.0.1:7071/api/Choose?****", b"{}");
    recording.webhook_answered(&http(500, "at ?code=s3cr/et=="), Duration::from_millis(7));
    let late = WebhookAnswer::Timeout { reason: "no answer in time".to_owned() };
    recording.webhook_answered(&late, Duration::from_secs(10));
    recording.webhook_answered(&http(200, "{}"), Duration::from_micros(1_999));
    journal.polled("5.a");
    assert_eq!(journal.entries()[0].status, EntryStatus::Assigning);
    let fate = IdentityFate::Made { twin: Some(TwinSource::Webhook) };
    recording.finish(&assigned(), Some(&fate), Duration::from_millis(42));
    journal.polled("5.a");
    journal.polled("5.another");
    let retry_after = Some(Duration::from_secs(3));
    let reply = Reply { status: 202, retry_after, body: "{}".to_owned() };
    let id = caller().registration_id;
    journal.answered((&id, "5.a"), AnswerKind::Register, &reply, None);
    journal.answered((&id, "5.another"), AnswerKind::Register, &reply, None);
    let stranger = "pump-0043".parse().unwrap();
    journal.answered((&stranger, "5.a"), AnswerKind::Poll, &reply, None);

    let mut entry = serde_json::to_value(&*journal.entries()[0]).unwrap();
    let time = entry["time"].take();
    assert!(time.as_str().is_some_and(|time| time.ends_with('Z')), "{time}");
    let mut asked = entry["webhook"]["at"].take().as_u64();
    for attempt in entry["webhook"]["attempts"].as_array_mut().unwrap() {
        let answered = attempt["at"].take().as_u64();
        assert!(answered >= asked, "{answered:?} after {asked:?}");
        asked = answered;
    }
    assert!(entry["answers"][0]["at"].take().is_u64());
    assert!(entry["answers"][0]["lastAt"].take().is_u64());
    let expected = json!({
        "sequence": 1, "time": null, "registrationId": "Pump-0042", "transport": "mqtt",
        "apiVersion": "2021-06-01", "idScope": "0ne00002193",
        "enrollment": { "kind": "group", "name": "pumps" },
        "attestation": { "type": "symmetricKey", "keySlot": "secondary" },
        "status": "assigned", "failedCheck": null, "reason": null, "payload": r#"{"a":1.50}"#,
        "webhook": {
            "url": "http://127.0.0.1:7071/api/Choose?****", "request": "{}", "at": null,
            "attempts": [
                { "status": 500, "ms": 7, "body": "at ?****", "error": null, "at": null },
                { "status": null, "ms": 10000, "body": null, "error": "no answer in time", "at": null },
                { "status": 200, "ms": 1, "body": "{}", "error": null, "at": null },
            ],
        },
        "operationId": "5.a", "assignedHub": "hub-west", "deviceId": "p",
        "substatus": "initialAssignment", "errorCode": null, "errorMessage": null,
        "ms": 42, "polls": 2,
        "connection": {
            "number": 1, "peer": "127.0.0.1:50112", "webSocket": false,
            "tls": {
                "version": null, "cipherSuite": null, "serverName": null, "alpn": null,
                "clientCertificate": null,
            },
            "clientId": null, "clientVersion": null, "keepAlive": null, "userAgent": null, "faults": [],
        },
        "challenge": null,
        "checks": [{ "check": "enabled", "passed": true, "said": "the enrollment is enabled" }],
        "answers": [{
            "at": null, "kind": "register", "status": 202, "retryAfter": 3, "body": "{}",
            "count": 1, "lastAt": null,
        }],
        "answersLeftOut": 0,
        "faults": [], "certificate": null, "renewals": [],
        "hub": { "at": 42, "identity": "made", "movedFrom": null, "initialTwin": "webhook" },
    });
    assert_eq!(entry, expected);
    let order = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(order(&entry), order(&expected));
}

#[test]
fn j_95_the_oldest_entries_make_room_and_nothing_of_them_stays() {
    let journal = Journal::with_limits(Limits { entries: 3, bytes: 1 << 20 }, Default::default());

    let first = recording(&journal, "5.0", None);
    (1..5).for_each(|n| drop(recording(&journal, &format!("5.{n}"), Some("{}"))));

    let sequences: Vec<_> = journal.entries().iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [3, 4, 5]);
    let (entries, operations, bytes) = journal.ring().sizes();
    assert_eq!((entries, operations), (3, 3));
    assert_eq!(bytes, journal.entries().iter().map(|entry| entry.weight()).sum::<usize>());

    let entry = first.finish(&assigned(), None, Duration::ZERO);
    assert_eq!(entry.status, EntryStatus::Assigned, "it completes although it is forgotten");
    assert_eq!(journal.ring().sizes().2, bytes, "and counts no more");
}

#[test]
fn j_95_long_texts_make_room_too() {
    let journal =
        Journal::with_limits(Limits { entries: 1000, bytes: 64 << 10 }, Default::default());
    let long = format!("\"{}\"", "x".repeat(5_000));

    for n in 0..100 {
        let recording = recording(&journal, &format!("5.{n}"), Some(&long));
        recording.webhook_asked("http://f", long.as_bytes());
        (0..20).for_each(|n| {
            let body = http(500, &format!("{n}{long}"));
            recording.webhook_answered(&body, Duration::ZERO);
        });
        recording.reason(&long);
    }

    let (entries, _, bytes) = journal.ring().sizes();
    assert!((1..=10).contains(&entries), "{entries}");
    let newest = journal.entries().pop().unwrap();
    assert!(bytes <= 64 << 10 || entries == 1, "{bytes}");
    assert_eq!(newest.sequence, 100);
    assert!(newest.payload.as_ref().unwrap().ends_with("(cut here; 5002 bytes in all)"));
}

#[test]
fn j_97_without_a_start_the_newest_are_wanted_and_behind_one_the_oldest() {
    let journal = Journal::new(Default::default());
    (0..5).for_each(|n| {
        let recording = recording(&journal, &format!("5.{n}"), None);
        if n % 2 == 0 {
            recording.finish(&record(Outcome::Disabled), None, Duration::ZERO);
        }
    });
    let found = |filter: JournalFilter| -> Vec<u64> {
        journal.find(&filter).iter().map(|entry| entry.sequence).collect()
    };

    let limit = Some(2);
    assert_eq!(found(JournalFilter { limit, ..Default::default() }), [4, 5]);
    assert_eq!(found(JournalFilter { limit, after: Some(1), ..Default::default() }), [2, 3]);
    let status = Some(EntryStatus::Disabled);
    assert_eq!(found(JournalFilter { status, ..Default::default() }), [1, 3, 5]);
    let registration_id = Some("pump-0042".to_owned());
    assert_eq!(found(JournalFilter { registration_id, ..Default::default() }).len(), 5);
    let registration_id = Some("pump".to_owned());
    assert!(found(JournalFilter { registration_id, ..Default::default() }).is_empty());
}

#[test]
fn a_journal_that_was_cleared_goes_on_counting() {
    let journal = Journal::new(Default::default());
    let before = recording(&journal, "5.0", None);

    journal.clear();
    before.finish(&assigned(), None, Duration::ZERO);
    assert!(journal.entries().is_empty(), "what was forgotten does not come back");
    recording(&journal, "5.1", None);

    assert_eq!(journal.entries()[0].sequence, 2);
    let weight = journal.entries()[0].weight();
    assert_eq!(journal.ring().sizes().2, weight);
}

#[tokio::test]
async fn who_waits_for_an_entry_is_told_of_new_ones_changed_ones_and_those_already_there() {
    let journal = Journal::new(Default::default());
    let waiting = tokio::spawn({
        let journal = journal.clone();
        async move { journal.wait_for(|entry| entry.status == EntryStatus::Failed).await }
    });
    let recording = recording(&journal, "5.0", None);
    tokio::task::yield_now().await;

    let code = ErrorCode::CUSTOM_ALLOCATION_FAILED;
    let failed = Outcome::Failed { code, message: "no".to_owned() };
    recording.finish(&record(failed), None, Duration::ZERO);

    let entry = waiting.await.unwrap();
    assert_eq!((entry.sequence, entry.error_code), (1, Some(code)));
    assert_eq!(entry.assigned_hub, None, "not the hub of the time before");
    assert_eq!(journal.wait_for(|entry| entry.sequence == 1).await.sequence, 1);
}

proptest! {
    #[test]
    fn g_2_no_key_or_query_of_a_webhook_address_is_in_an_entry(
        key in "[A-Za-z0-9_/+%=-]{16,60}",
        before in "\\PC{0,12}",
        after in "\\PC{0,12}",
    ) {
        let mut url: url::Url = "https://f.example/api/Choose".parse().unwrap();
        url.query_pairs_mut().append_pair("code", &key);
        let query = url.query().unwrap().to_owned();
        let escaped = query.strip_prefix("code=").unwrap().to_owned();
        let journal = Journal::new(Default::default());

        for (n, spelling) in [&key, &escaped, &query].into_iter().enumerate() {
            let said = format!("{before}{spelling}{after}");
            let json = serde_json::to_string(&said).unwrap();
            let recording = recording_to(&journal, url.as_str(), &format!("5.{n}"), Some(&json));
            recording.webhook_asked("https://f.example/api/Choose?****", json.as_bytes());
            recording.webhook_answered(&http(500, &said), Duration::ZERO);
            recording.webhook_answered(&http(200, &json), Duration::ZERO);
            let reason = said.clone();
            recording.webhook_answered(&WebhookAnswer::Unreachable { reason }, Duration::ZERO);
            recording.reason(&said);
            recording.finish(&assigned(), None, Duration::ZERO);
        }

        for entry in journal.entries() {
            let shown = serde_json::to_string(&*entry).unwrap();
            for secret in [&key, &escaped, &query] {
                prop_assert!(!shown.contains(secret.as_str()), "{} in {}", secret, shown);
            }
        }
    }
}
