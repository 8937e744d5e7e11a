//! What the service tells whoever watches it: one event per registration (design, `serve -o jsonl`).

use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{
    HUB_WEST, PRIMARY_KEY, RETIRED_KEY, SCOPE, SECONDARY_KEY, Setup,
};
use crate::support::service::token::{UPPER, decoded, derived, now};
use crate::support::service::webhook::{Reaction, Webhook};

const ID: &str = "pump-0042";

#[tokio::test]
async fn an_assigned_device_is_one_event_however_often_it_polls() {
    let mut service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new("Pump-0042")).await;

    let operation_id = client.provision("").await.operation_id();
    client.poll(&operation_id).await;
    client.poll("5.x.y").await;

    let event = service.event().await;
    assert!(service.has_told_all(), "one registration, one event");
    let ms = event.ms;
    assert_eq!(
        serde_json::to_string(&event).unwrap(),
        format!(
            r#"{{"event":"registration","registrationId":"Pump-0042","operationId":"{operation_id}","status":"assigned","enrollment":"pumps","assignedHub":"{HUB_WEST}","errorCode":null,"failedCheck":null,"ms":{ms}}}"#
        ),
        "the line of the command line's contract"
    );
}

#[tokio::test]
async fn failed_and_disabled_registrations_are_told_with_their_status() {
    let webhook =
        Webhook::start([Reaction::hub(HUB_WEST), Reaction::Answer(401, String::new())]).await;
    let mut custom = Setup::custom(&webhook.url(), "").start().await;
    let mut built_in = Setup::new().start().await;
    let disabled = Device::with_key(ID, &derived(RETIRED_KEY, ID));

    Client::connect(&custom, &Device::new(ID)).await.register("").await;
    let assigned = custom.event().await;
    Client::connect(&custom, &Device::new(ID)).await.register("").await;
    let failed = custom.event().await;
    Client::connect(&built_in, &disabled).await.register("").await;
    let disabled = built_in.event().await;

    assert_eq!(assigned.status, "assigned");
    assert_eq!((&*failed.status, failed.error_code.unwrap().0), ("failed", 400_209));
    assert_eq!(failed.assigned_hub, None, "not the hub of the time before");
    assert_eq!((&*disabled.status, disabled.error_code), ("disabled", None));
    assert_eq!(disabled.enrollment.as_deref(), Some("retired"));
}

#[tokio::test]
async fn d_3_a_refused_device_is_told_with_the_check_that_failed() {
    let mut service = Setup::new().suspect("breakroom-007").start().await;
    let key = derived(PRIMARY_KEY, ID);
    Client::connect(&service, &Device::new("pump-0043")).await.register("").await;
    service.event().await;

    for (check, token) in [
        ("noToken", String::new()),
        ("malformedToken", "hello".to_owned()),
        ("malformedToken", UPPER.token(&key, SCOPE, ID).replace("&se=", "&sx=")),
        ("resource", UPPER.token(&key, "hub.azure-devices.net/devices", ID)),
        ("idScope", UPPER.token(&key, "0neFFFFFFFF", ID)),
        ("registrationId", UPPER.token(&key, SCOPE, "pump-0043")),
        ("expired", UPPER.token_until(&key, SCOPE, ID, now() - 1)),
        ("groupKeyItself", UPPER.token(&decoded(PRIMARY_KEY), SCOPE, ID)),
        ("groupKeyItself", UPPER.token(&decoded(SECONDARY_KEY), SCOPE, ID)),
        ("keyOfAnotherDevice", UPPER.token(&derived(PRIMARY_KEY, "pump-0043"), SCOPE, ID)),
        ("keyOfAnotherDevice", UPPER.token(&derived(SECONDARY_KEY, "breakroom-007"), SCOPE, ID)),
        ("signature", UPPER.token(&derived(PRIMARY_KEY, "never-seen"), SCOPE, ID)),
    ] {
        let mut client = Client::connect(&service, &Device::with_password(ID, &token)).await;
        client.register("").await;

        let event = service.event().await;
        assert_eq!(event.failed_check, Some(check));
        assert_eq!((&*event.status, event.error_code.unwrap().0), ("refused", 401_000));
        assert_eq!((event.operation_id, event.enrollment), (None, None), "none was begun");
        assert_eq!(event.registration_id, ID);
    }
    assert!(service.has_told_all());
}

#[tokio::test]
async fn a_malformed_request_is_told_as_refused() {
    let mut service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;

    for (body, code) in [("{", 400_012), (r#"{"registrationId":"other"}"#, 400_004)] {
        client.register(body).await;

        let event = service.event().await;
        assert_eq!((event.failed_check, event.error_code.unwrap().0), (Some("request"), code));
    }
}

#[tokio::test]
async fn a_poll_that_is_refused_is_no_registration() {
    let mut service = Setup::new().start().await;
    let mut client = Client::connect(&service, &Device::with_password(ID, "hello")).await;

    assert_eq!(client.poll("5.x.y").await.status(), 401);

    assert!(service.has_told_all());
}

#[tokio::test]
async fn a_6_a_refused_connect_is_no_registration() {
    let mut service = Setup::new().start().await;
    let mut client = Client::dial(&service).await;

    client.say_hello(&Device::new(ID).user_name("nonsense"), Default::default()).await;

    assert!(client.is_closed().await);
    assert!(service.has_told_all());
}
