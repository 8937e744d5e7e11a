//! Queries and their pages (E.5, J-27).

use super::super::testing::{World, request, world};

async fn with_devices(count: usize) -> World {
    let world = world();
    for n in 0..count {
        let body =
            format!(r#"{{"registrationId":"d{n:03}","attestation":{{"type":"symmetricKey"}}}}"#);
        assert_eq!(world.ask("PUT", &format!("/enrollments/d{n:03}"), &body).await.status, 200);
    }
    world
}

#[tokio::test]
async fn e_5_a_query_shows_no_keys_and_no_registrations() {
    let world = with_devices(1).await;
    let get = world.ask("GET", "/enrollments/d000", "").await;

    let list = world.ask("POST", "/enrollments/query", r#"{"query":"SELECT *"}"#).await;

    let state = r#""registrationState":{"registrationId":"d000","status":"unassigned"},"#;
    assert_eq!(list.body, format!("[{}]", get.body.replace(state, "")));
    assert_eq!(list.header("x-ms-item-type"), Some("Enrollment"));
    assert_eq!(list.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(list.header("x-ms-continuation"), None);
}

#[tokio::test]
async fn e_5_groups_are_listed_as_groups() {
    let world = world();
    let list = world.ask("POST", "/enrollmentGroups/query", r#"{"query":"*"}"#).await;
    assert_eq!((list.status, list.body.as_str()), (200, "[]"));
    assert_eq!(list.header("x-ms-item-type"), Some("EnrollmentGroup"));
}

/// What the SDKs, az and people send.
#[tokio::test]
async fn k_5_whatever_a_query_says_everything_is_listed() {
    let world = with_devices(2).await;
    for body in [
        r#"{"query":"SELECT *"}"#,
        r#"{"query":"select  *\nfrom enrollmentGroups;"}"#,
        r#"{"query":"*"}"#,
        r#"{"query":"{'additional_properties': {}, 'query': 'SELECT *'}"}"#,
        r#"{"query":"SELECT * FROM enrollments WHERE x = 1"}"#,
        r#"{"query":"SELECT deviceId"}"#,
        r#"{"query":"drop"}"#,
        r#"{"query":""}"#,
        r#"{"query":null}"#,
        r#"{"query":{"query":"SELECT *"}}"#,
        r#"{"query":7}"#,
        r#"{"other":1}"#,
        "{}",
        "",
    ] {
        for (path, expected) in [("/enrollments/query", 2), ("/enrollmentGroups/query", 0)] {
            let answer = world.ask("POST", path, body).await;
            assert_eq!(answer.status, 200, "{body}: {}", answer.body);
            assert_eq!(answer.json().as_array().unwrap().len(), expected, "{body}");
        }
    }
    for body in ["[]", "{", "SELECT *"] {
        assert_eq!(world.ask("POST", "/enrollments/query", body).await.error().0, 400, "{body}");
    }
}

#[tokio::test]
async fn j_27_what_is_added_or_deleted_between_two_pages_repeats_and_hides_nothing() {
    let world = with_devices(6).await;
    let page = |token: String| {
        let headers = [("x-ms-max-item-count", "3"), ("x-ms-continuation", token.as_str())];
        let request = request("POST", "/enrollments/query", &headers, "{}");
        let world = &world;
        async move { world.send(request).await }
    };
    let names = |body: &serde_json::Value| -> String {
        let items = body.as_array().unwrap().iter();
        items.map(|it| it["registrationId"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };

    let first = page(String::new()).await;
    for gone in ["d000", "d002", "d003"] {
        assert_eq!(world.ask("DELETE", &format!("/enrollments/{gone}"), "").await.status, 204);
    }
    let body = r#"{"registrationId":"A","attestation":{"type":"symmetricKey"}}"#;
    assert_eq!(world.ask("PUT", "/enrollments/A", body).await.status, 200);
    let second = page(first.header("x-ms-continuation").unwrap().to_owned()).await;

    assert_eq!(names(&first.json()), "d000 d001 d002");
    assert_eq!(names(&second.json()), "d004 d005");
    assert_eq!(second.header("x-ms-continuation"), None);
}

#[tokio::test]
async fn j_27_a_list_of_150_comes_in_three_full_pages_of_50() {
    let world = with_devices(150).await;
    let mut token = String::new();
    let mut seen = Vec::new();
    for expected in [true, true, false] {
        let headers = [("x-ms-max-item-count", "50"), ("x-ms-continuation", token.as_str())];
        let page =
            world.send(request("POST", "/enrollments/query", &headers, r#"{"query":"*"}"#)).await;
        let items = page.json();
        let names = items.as_array().unwrap().iter().map(|it| it["registrationId"].to_string());
        assert_eq!(names.len(), 50);
        seen.extend(names);
        assert_eq!(page.header("x-ms-continuation").is_some(), expected);
        token = page.header("x-ms-continuation").unwrap_or_default().to_owned();
    }
    seen.dedup();
    assert_eq!(seen.len(), 150);
}

#[tokio::test]
async fn j_82_page_lengths_are_forgiving_and_tokens_are_not() {
    let world = with_devices(101).await;
    let page = |name: &'static str, value: &'static str| {
        world.send(request("POST", "/enrollments/query", &[(name, value)], r#"{"query":"*"}"#))
    };
    for (value, expected) in [("", 100), ("0", 100), ("-1", 100), ("7", 7), ("99999999", 101)] {
        let answer = page("x-ms-max-item-count", value).await;
        assert_eq!(answer.json().as_array().unwrap().len(), expected, "{value:?}");
    }
    assert_eq!(page("x-ms-max-item-count", "many").await.error().0, 400);
    assert_eq!(page("x-ms-continuation", "*").await.error().2, "x-ms-continuation is invalid.");
    assert_eq!(page("x-ms-continuation", "_w").await.error().0, 400, "no text");
    assert_eq!(page("x-ms-continuation", "eg").await.body, "[]", "past the end");
}
