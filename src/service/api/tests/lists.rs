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

/// J-88.
#[tokio::test]
async fn e_5_the_spellings_of_everything_and_nothing_else() {
    let world = world();
    let status = |query: &str| {
        let body = serde_json::json!({ "query": query }).to_string();
        let world = &world;
        async move { world.ask("POST", "/enrollments/query", &body).await }
    };

    for query in [
        "SELECT *",
        "select *",
        "SELECT * FROM enrollments",
        "select  *\nfrom enrollmentGroups;",
        "*",
    ] {
        assert_eq!(status(query).await.status, 200, "{query}");
    }
    for query in ["", "SELECT * FROM enrollments WHERE x = 1", "SELECT deviceId", "drop"] {
        let (status, code, message) = status(query).await.error();
        assert_eq!((status, code), (400, 400_004), "{query}");
        assert_eq!(message, "Only the query 'SELECT *' is supported.");
    }
    assert_eq!(world.ask("POST", "/enrollments/query", "{}").await.error().0, 400);
    assert_eq!(world.ask("POST", "/enrollments/query", "").await.error().0, 400);
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
    assert_eq!(page("x-ms-continuation", "MTAwMDA").await.body, "[]", "past the end");
}
