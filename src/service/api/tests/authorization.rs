//! Who may ask (E.6).

use std::time::{Duration, SystemTime};

use super::super::testing::{HOST, policy_key, request, world};
use crate::attestation::PolicyKey;
use crate::service::access::{AccessFault, ServiceAccess};

const POLICY: &str = ServiceAccess::DEFAULT_POLICY;

fn access() -> ServiceAccess {
    ServiceAccess::new(POLICY, policy_key(), None)
}

fn check(authorization: &str) -> Result<(), AccessFault> {
    access().check(HOST, "/enrollments/a", Some(authorization), SystemTime::now())
}

fn token(resource: &str, policy: &str, key: &PolicyKey) -> String {
    let expiry = SystemTime::now() + Duration::from_secs(60);
    key.sign(resource, policy, expiry).as_str().to_owned()
}

/// J-87.
#[test]
fn e_6_a_token_is_for_the_host_with_or_without_its_port() {
    for good in [
        "localhost:8443",
        "localhost",
        "LOCALHOST",
        "https://localhost:8443/",
        "localhost/enrollments",
        "localhost/enrollments/a",
    ] {
        assert_eq!(check(&token(good, POLICY, &policy_key())), Ok(()), "{good}");
    }
    for bad in [
        "local",
        "localhost:1",
        "other.azure-devices-provisioning.net",
        "",
        "localhost/enroll",
        "localhost/enrollments/a/b",
    ] {
        let fault = check(&token(bad, POLICY, &policy_key())).unwrap_err();
        assert!(matches!(fault, AccessFault::Resource { .. }), "{bad}: {fault}");
    }
}

#[test]
fn e_6_the_log_says_which_check_failed_and_shows_no_key() {
    let other = PolicyKey::generate();
    let ended = policy_key().sign(HOST, POLICY, SystemTime::now() - Duration::from_secs(12));

    let wrong_policy = check(&token(HOST, "readonly", &policy_key())).unwrap_err();
    assert!(wrong_policy.to_string().contains("readonly"));
    assert_eq!(check(&token(HOST, POLICY, &other)), Err(AccessFault::Signature));
    // Between 12 s and 13 s: tokens end at whole seconds.
    let ended = check(ended.as_str()).unwrap_err().to_string();
    assert!(ended.contains("expired 12") || ended.contains("expired 13"), "{ended}");
    assert!(matches!(check("Basic abc"), Err(AccessFault::Malformed(_))));
    assert_eq!(access().check(HOST, "/", None, SystemTime::now()), Err(AccessFault::Absent));
    let shown = format!("{:?}", access());
    assert!(!shown.contains("NXZg") && shown.contains("redacted"), "{shown}");
}

#[test]
fn e_6_either_key_will_do() {
    let second = PolicyKey::generate();
    let access = ServiceAccess::new("mine", policy_key(), Some(second.clone()));

    for key in [policy_key(), second] {
        let token = token(HOST, "mine", &key);
        assert_eq!(access.check(HOST, "/", Some(&token), SystemTime::now()), Ok(()));
    }
}

/// J-86.
#[test]
fn e_6_bearer_tokens_pass_only_where_that_was_asked_for() {
    assert_eq!(check("Bearer abc"), Err(AccessFault::Bearer));
    let lax = access().accepting_bearer(true);
    assert_eq!(lax.check(HOST, "/", Some("bearer abc"), SystemTime::now()), Ok(()));
}

#[test]
fn e_6_the_connection_string() {
    assert_eq!(
        *access().connection_string("localhost:8443"),
        "HostName=localhost:8443;SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI="
    );
}

/// J-89.
#[tokio::test]
async fn e_6_the_wire_says_401_and_no_more_and_says_it_first() {
    let world = world();
    let mut unsigned = request("GET", "/nowhere", &[], "");
    unsigned.headers.clear();
    unsigned.query.clear();

    let answer = world.send(unsigned).await;

    assert_eq!(answer.error(), (401, 401_002, "Unauthorized".into()));
    let signed = world.ask("GET", "/nowhere", "").await;
    assert_eq!(signed.error(), (404, 404_000, "Resource not found.".into()));
    let wrong_verb = world.ask("PATCH", "/enrollments/a", "").await;
    assert_eq!(wrong_verb.error().0, 405);
    assert_eq!(wrong_verb.header("allow"), Some("GET, PUT, DELETE"));
}

#[test]
fn e_6_a_request_does_not_show_its_token_in_debug() {
    let shown = format!("{:?}", request("PUT", "/enrollments/a", &[], "secret"));

    assert_eq!(shown, "Request(PUT /enrollments/a)");
}
