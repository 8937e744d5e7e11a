//! Registration records (E.5, E.7, F.3).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::testing::{World, request, world};
use crate::attestation::{SasToken, registration_resource};
use crate::service::attest::Proof;
use crate::service::caller::{Caller, Transport};
use crate::service::connection::ClientConnection;
use crate::service::enrollment::Kind;
use crate::service::record::{
    Assignment, DeviceRecord, EnrollmentName, Outcome, PendingAllocation, ProvenBy,
};
use crate::service::store::Change;
use crate::wire::{ErrorCode, Etag, IdScope, RegistrationId, Substatus};

fn record(id: &str, kind: Kind, enrollment: &str, outcome: Outcome) -> DeviceRecord {
    let created = UNIX_EPOCH + Duration::new(1_772_439_330, 123_456_700);
    let updated = UNIX_EPOCH + Duration::new(1_772_439_331, 45_678_900);
    DeviceRecord {
        registration_id: id.parse().unwrap(),
        enrollment: EnrollmentName { kind, name: enrollment.into() },
        proven_by: ProvenBy::SymmetricKey,
        operation_id: "5.4d1a.0b7c".parse().unwrap(),
        outcome,
        assignment: Some(Assignment {
            hub: "hub-west.azure-devices.net".parse().unwrap(),
            device_id: id.parse().unwrap(),
        }),
        created,
        updated,
        etag: Etag::new(updated, 0x04ed),
        before: None,
    }
}

fn pending() -> Box<PendingAllocation> {
    let api_version = "2021-06-01".parse().unwrap();
    Box::new(PendingAllocation {
        payload: None,
        api_version,
        certificate: None,
        tpm: None,
        request: None,
    })
}

fn assigned() -> Outcome {
    Outcome::Assigned {
        substatus: Substatus::ReprovisionedToInitialAssignment,
        payload: Some(r#"{"tenant":"blue"}"#.parse().unwrap()),
        authentication_key: Some("AAA=".to_owned()),
        issued: None,
    }
}

fn expected(id: &str, middle: &str) -> String {
    let etag = Etag::new(UNIX_EPOCH + Duration::from_secs(1_772_439_331), 0x04ed).encoded();
    format!(
        r#"{{"registrationId":"{id}","createdDateTimeUtc":"2026-03-02T08:15:30.1234567Z",{middle},"lastUpdatedDateTimeUtc":"2026-03-02T08:15:31.0456789Z","etag":"{etag}"}}"#
    )
}

const ASSIGNED: &str = r#""assignedHub":"hub-west.azure-devices.net","deviceId":"pump-0042","status":"assigned","substatus":"reprovisionedToInitialAssignment""#;

async fn with(records: impl IntoIterator<Item = DeviceRecord>) -> World {
    let world = world();
    for record in records {
        world.registrar.records().commit(vec![Change::PutDevice(Arc::new(record))]).await.unwrap();
    }
    world
}

#[tokio::test]
async fn e_5_a_record_says_nothing_of_attestation_and_payload() {
    let world = with([record("pump-0042", Kind::Group, "pumps", assigned())]).await;

    let get = world.ask("GET", "/registrations/PUMP-0042", "").await;

    assert_eq!(get.body, expected("pump-0042", ASSIGNED));
    let mut older = request("GET", "/registrations/pump-0042", &[], "");
    older.query[0].1 = "2019-03-31".to_owned();
    assert!(world.send(older).await.body.contains(r#""substatus":"initialAssignment""#), "F.6");
}

#[tokio::test]
async fn f_1_every_outcome_has_times_and_an_etag() {
    let failed = Outcome::Failed {
        code: ErrorCode::CUSTOM_ALLOCATION_FAILED,
        message: "Custom allocation failed with status code: 400".to_owned(),
    };
    let world = with([
        record("a", Kind::Group, "pumps", failed),
        record("b", Kind::Group, "pumps", Outcome::Disabled),
        record("c", Kind::Group, "pumps", Outcome::Assigning(pending())),
    ])
    .await;
    let get = |path: &'static str| {
        let world = &world;
        async move { world.ask("GET", path, "").await.body }
    };

    assert_eq!(
        get("/registrations/a").await,
        expected(
            "a",
            r#""status":"failed","errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400""#
        )
    );
    assert_eq!(get("/registrations/b").await, expected("b", r#""status":"disabled""#));
    assert_eq!(get("/registrations/c").await, expected("c", r#""status":"assigning""#));
}

#[tokio::test]
async fn e_1_an_individual_enrollment_shows_its_registration_in_get_only() {
    let world = with([record("pump-0042", Kind::Individual, "pump-0042", assigned())]).await;
    let body = r#"{"registrationId":"pump-0042","attestation":{"type":"symmetricKey"}}"#;

    let put = world.ask("PUT", "/enrollments/pump-0042", body).await;
    let get = world.ask("GET", "/enrollments/pump-0042", "").await;

    assert!(!put.body.contains("registrationState"));
    get.is_golden(&format!(
        r#"{{"registrationId":"pump-0042","registrationState":{},"attestation":{{"type":"symmetricKey"}},"etag":"{{etag}}","provisioningStatus":"enabled","createdDateTimeUtc":"{{created}}","lastUpdatedDateTimeUtc":"{{updated}}"}}"#,
        expected("pump-0042", ASSIGNED)
    ));
}

/// J-85.
#[tokio::test]
async fn e_5_the_records_of_a_group_and_e_7_they_outlive_it() {
    let world = with([
        record("pump-0042", Kind::Group, "Pumps", assigned()),
        record("a", Kind::Group, "pumps", Outcome::Disabled),
        record("other", Kind::Group, "valves", assigned()),
        // An individual enrollment may have a group's name.
        record("pumps", Kind::Individual, "pumps", assigned()),
    ])
    .await;

    let list = world.ask("POST", "/registrations/pumps/query", "").await;

    assert_eq!(
        list.body,
        format!(
            "[{},{}]",
            expected("a", r#""status":"disabled""#),
            expected("pump-0042", ASSIGNED)
        )
    );
    assert_eq!(list.header("x-ms-item-type"), Some("DeviceRegistration"));
    let node = world.ask("POST", "/registrations/pumps/query", r#"{"query":"anything"}"#).await;
    assert_eq!(node.body, list.body, "its body does not matter");
    let headers = [("x-ms-max-item-count", "1")];
    let page = world.send(request("POST", "/registrations/PUMPS/query", &headers, "")).await;
    assert_eq!(page.json().as_array().unwrap().len(), 1);
    assert!(page.header("x-ms-continuation").is_some());
}

/// J-85.
#[tokio::test]
async fn e_5_an_unused_group_has_no_records_and_an_unknown_one_is_404() {
    let world = world();
    let body = r#"{"enrollmentGroupId":"pumps","attestation":{"type":"symmetricKey"}}"#;
    world.ask("PUT", "/enrollmentGroups/pumps", body).await;

    assert_eq!(world.ask("POST", "/registrations/pumps/query", "").await.body, "[]");
    let unknown = world.ask("POST", "/registrations/valves/query", "").await;
    assert_eq!(unknown.error(), (404, 404_202, "EnrollmentGroup not found.".into()));
}

#[tokio::test]
async fn e_7_records_can_be_deleted() {
    let world = with([record("pump-0042", Kind::Group, "pumps", assigned())]).await;
    let path = "/registrations/pump-0042";

    assert_eq!(world.ask_if_match("DELETE", path, "AAAA", "").await.error().1, 412_001);
    let etag = world.ask("GET", path, "").await.member("etag");
    let quoted = format!("\"{etag}\"");
    let deleted = world.ask_if_match("DELETE", path, &quoted, "").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    for method in ["GET", "DELETE"] {
        let gone = world.ask(method, path, "").await;
        assert_eq!(gone.error(), (404, 404_202, "Registration not found.".into()));
    }
    assert_eq!(world.ask("GET", "/registrations/a..", "").await.error().0, 400);
}

async fn register(world: &World, key: &str) {
    let id_scope: IdScope = "0ne00002193".parse().unwrap();
    let registration_id: RegistrationId = "pump-0042".parse().unwrap();
    let resource = registration_resource(&id_scope, &registration_id);
    let expiry = SystemTime::now() + Duration::from_secs(60);
    let token = SasToken::sign(&resource, &key.parse().unwrap(), expiry);
    let api_version = "2021-06-01".parse().unwrap();
    let proof = Proof::Sas(token);
    let transport = Transport::Mqtt;
    let connection = Arc::new(ClientConnection::numbered(1));
    let caller = Caller { connection, transport, id_scope, registration_id, api_version, proof };
    assert_eq!(world.registrar.register(&caller, b"", SystemTime::now()).await.status, 202);
}

#[tokio::test]
async fn e_7_a_changed_device_id_takes_effect_once_the_record_is_deleted() {
    let world = world();
    let body = |device_id: &str| {
        format!(
            r#"{{"registrationId":"pump-0042","deviceId":"{device_id}","attestation":{{"type":"symmetricKey"}}}}"#
        )
    };
    let made = world.ask("PUT", "/enrollments/pump-0042", &body("first")).await.json();
    let key = made["attestation"]["symmetricKey"]["primaryKey"].as_str().unwrap();
    let path = "/registrations/pump-0042";

    register(&world, key).await;
    let first = world.ask("GET", path, "").await;
    assert_eq!(first.member("deviceId"), "first");
    assert_eq!(first.member("substatus"), "initialAssignment");

    world.ask_if_match("PUT", "/enrollments/pump-0042", "*", &body("second")).await;
    register(&world, key).await;
    let again = world.ask("GET", path, "").await;
    assert_eq!(again.member("deviceId"), "first");
    assert_eq!(again.member("substatus"), "reprovisionedToInitialAssignment");

    assert_eq!(world.ask("DELETE", path, "").await.status, 204);
    register(&world, key).await;
    let anew = world.ask("GET", path, "").await;
    assert_eq!(anew.member("deviceId"), "second");
    assert_eq!(anew.member("substatus"), "initialAssignment");
}
