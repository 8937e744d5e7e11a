//! Bulk operations (E.5).

use super::super::testing::{Answer, World, world};

fn item(id: &str, members: &str) -> String {
    format!(r#"{{"registrationId":"{id}","attestation":{{"type":"symmetricKey"}}{members}}}"#)
}

async fn bulk(world: &World, mode: &str, items: &[String]) -> Answer {
    let body = format!(r#"{{"enrollments":[{}],"mode":"{mode}"}}"#, items.join(","));
    let answer = world.ask("POST", "/enrollments/", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

const DONE: &str = r#"{"errors":[],"isSuccessful":true}"#;

#[tokio::test]
async fn e_5_create_and_the_recorded_refusal_of_an_update_without_etags() {
    let world = world();
    let items = [item("a", ""), item("b", r#","provisioningStatus":null,"deviceId":"B""#)];

    assert_eq!(bulk(&world, "create", &items).await.body, DONE);
    let recorded = concat!(
        r#"{"errors":[{"registrationId":"a","errorCode":409201,"errorStatus":"Enrollment already exists."},"#,
        r#"{"registrationId":"b","errorCode":409201,"errorStatus":"Enrollment already exists."}],"isSuccessful":false}"#
    );
    assert_eq!(bulk(&world, "update", &items).await.body, recorded);
    assert_eq!(bulk(&world, "create", &items).await.body, recorded);
    assert_eq!(bulk(&world, "delete", &items).await.body, DONE);
    assert_eq!(
        bulk(&world, "delete", &items[..1]).await.body,
        r#"{"errors":[{"registrationId":"a","errorCode":404201,"errorStatus":"Enrollment not found."}],"isSuccessful":false}"#
    );
    assert_eq!(
        bulk(&world, "update", &items[..1]).await.body,
        r#"{"errors":[{"registrationId":"a","errorCode":404201,"errorStatus":"Enrollment not found."}],"isSuccessful":false}"#,
        "J-83"
    );
}

#[tokio::test]
async fn k_6_a_request_that_names_a_record_twice_stores_nothing() {
    let world = world();
    assert_eq!(bulk(&world, "create", &[item("kept", "")]).await.body, DONE);
    let group = |id: &str| item(id, "").replace("registrationId", "enrollmentGroupId");
    let bodies = ["create", "update", "updateIfMatchETag", "delete"].map(|mode| {
        let items = [item("pump-1", ""), item("kept", ""), item("PUMP-1", "")];
        ("/enrollments", format!(r#"{{"enrollments":[{}],"mode":"{mode}"}}"#, items.join(",")))
    });
    let groups =
        format!(r#"{{"enrollmentGroups":[{},{}],"mode":"create"}}"#, group("a"), group("A"));

    for (path, body) in bodies.into_iter().chain([("/enrollmentGroups", groups)]) {
        let (status, code, message) = world.ask("POST", path, &body).await.error();

        assert_eq!((status, code), (400, 400_004), "{body}");
        assert!(message.ends_with("more than once."), "{message}");
    }
    let all = world.ask("POST", "/enrollments/query", "{}").await.json();
    assert_eq!(all.as_array().unwrap().len(), 1, "nothing was stored, nothing deleted");
    // Items without a name are told so one by one.
    let nameless = [r#"{"a":1}"#.to_owned(), r#"{"a":1}"#.to_owned()];
    let errors = bulk(&world, "create", &nameless).await.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn e_5_update_if_match_etag_in_both_spellings() {
    let world = world();
    let etag = world.ask("PUT", "/enrollments/a", &item("a", "")).await.member("etag");
    let with = |etag: &str| [item("a", &format!(r#","etag":"{etag}","deviceId":"A""#))];

    assert_eq!(bulk(&world, "updateIfMatchEtag", &with(&etag)).await.body, DONE);
    let stale = r#"{"errors":[{"registrationId":"a","errorCode":412001,"errorStatus":"Precondition failed."}],"isSuccessful":false}"#;
    for mode in ["updateIfMatchETag", "UPDATE", "delete"] {
        assert_eq!(bulk(&world, mode, &with(&etag)).await.body, stale, "{mode}");
    }
    let missing = r#"{"errors":[{"registrationId":"a","errorCode":400004,"errorStatus":"ETag is invalid"}],"isSuccessful":false}"#;
    assert_eq!(bulk(&world, "updateIfMatchETag", &[item("a", "")]).await.body, missing);
    let current = world.ask("GET", "/enrollments/a", "").await;
    assert_eq!(current.member("deviceId"), "A");
    assert_eq!(bulk(&world, "update", &with(&current.member("etag"))).await.body, DONE);
}

#[tokio::test]
async fn e_5_each_item_stands_for_itself() {
    let world = world();
    let items =
        [item("a", ""), item("b", r#","allocationPolicy":"custom""#), "7".into(), item("kept", "")];
    assert_eq!(bulk(&world, "create", &items[3..]).await.body, DONE);

    let answer = bulk(&world, "create", &items).await.json();

    assert_eq!(answer["isSuccessful"], false);
    let errors: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (error["registrationId"].as_str().unwrap(), error["errorCode"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(errors, [("b", 400_004), ("", 400_004), ("kept", 409_201)]);
    assert_eq!(world.ask("GET", "/enrollments/a", "").await.status, 200);
}

#[tokio::test]
async fn e_5_groups_have_their_own_names() {
    let world = world();
    let body = r#"{"enrollmentGroups":[{"enrollmentGroupId":"g","attestation":{"type":"symmetricKey"}}],"mode":"create"}"#;

    assert_eq!(world.ask("POST", "/enrollmentGroups", body).await.body, DONE);
    assert_eq!(
        world.ask("POST", "/enrollmentgroups", body).await.body,
        r#"{"errors":[{"enrollmentGroupId":"g","errorCode":409202,"errorStatus":"EnrollmentGroup already exists."}],"isSuccessful":false}"#
    );
}

#[tokio::test]
async fn e_5_a_bulk_operation_as_a_whole_can_be_wrong() {
    let world = world();
    let refused = |body: String| {
        let world = &world;
        async move { world.ask("POST", "/enrollments", &body).await.error() }
    };
    let items = |count: usize| {
        let items: Vec<_> = (0..count).map(|n| item(&format!("d{n}"), "")).collect();
        items.join(",")
    };

    let many = refused(format!(r#"{{"enrollments":[{}],"mode":"create"}}"#, items(11))).await;
    assert_eq!(many, (400, 400_004, "A bulk operation has 1 to 10 items, this one 11.".into()));
    assert_eq!(refused(r#"{"enrollments":[],"mode":"create"}"#.into()).await.0, 400, "J-84");
    assert_eq!(refused(format!(r#"{{"enrollments":[{}]}}"#, items(1))).await.0, 400);
    assert_eq!(
        refused(format!(r#"{{"enrollments":[{}],"mode":"upsert"}}"#, items(1))).await.0,
        400
    );
    assert_eq!(
        refused(r#"{"mode":"create"}"#.into()).await.2,
        "The member enrollments is missing."
    );
    assert_eq!(refused("nonsense".into()).await.0, 400);
    let ten = format!(r#"{{"enrollments":[{}],"mode":"create"}}"#, items(10));
    assert_eq!(world.ask("POST", "/enrollments", &ten).await.body, DONE);
}
