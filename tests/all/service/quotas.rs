//! Quotas over MQTT (H.3): who is told to wait, for how long, and what a device that does so gets.

use std::time::{Duration, Instant};

use provision_sim::attestation::GroupKey;
use provision_sim::device::{Credential, ProvisioningClient, Settings};
use provision_sim::wire::RegistrationId;
use tokio::task::JoinSet;

use crate::support::service::client::{Answer, Client, Device};
use crate::support::service::golden::normalised;
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::within;

/// Nobody waits for an hour: in these tests what is used up stays so.
const ONE_REGISTRATION: &str = "registrations = \"1/h\"";

/// Checks an answer that tells to wait within an hour's window.
#[track_caller]
fn assert_throttled(answer: &Answer, rid: u32) {
    let start = format!("$dps/registrations/res/429/?$rid={rid}&retry-after=");
    let seconds = answer.topic.strip_prefix(&start).unwrap_or_else(|| panic!("{answer:?}"));
    let seconds: u64 = seconds.parse().expect("whole seconds: Python hangs on anything else");
    assert!((3500..=3600).contains(&seconds), "until the place is free: {seconds}");
    assert_eq!(
        normalised(&answer.text),
        r#"{"errorCode":429001,"trackingId":"<guid>","message":"Operations are being throttled for this tenant.","timestampUtc":"<time>"}"#
    );
}

/// J-93.
#[tokio::test]
async fn h_3_a_register_beyond_the_quota_is_429_and_told_as_refused() {
    let mut service = Setup::new().quotas(ONE_REGISTRATION).start().await;
    let mut first = Client::connect(&service, &Device::new("pump-1")).await;
    let mut second = Client::connect(&service, &Device::new("pump-2")).await;

    assert_eq!(first.provision("").await.status(), 200);
    assert_throttled(&second.register("").await, 1);

    assert_eq!(service.event().await.status, "assigned");
    let event = service.event().await;
    assert_eq!((&*event.registration_id, &*event.status), ("pump-2", "refused"));
    assert_eq!((event.error_code.unwrap().0, event.failed_check), (429_001, Some("quota")));
    assert_eq!(event.operation_id, None, "none was begun");
    assert!(service.has_told_all());
}

#[tokio::test]
async fn j_92_what_is_malformed_or_not_proven_uses_nothing_up_and_is_told_so_even_then() {
    let service = Setup::new().quotas(ONE_REGISTRATION).start().await;
    let mut stranger = Client::connect(&service, &Device::with_password("pump-1", "hello")).await;
    let mut device = Client::connect(&service, &Device::new("pump-1")).await;

    for _ in 0..3 {
        assert_eq!(stranger.register("").await.status(), 401);
        assert_eq!(device.register("{").await.status(), 400);
    }
    assert_eq!(device.provision("").await.status(), 200, "the place was still there");

    assert_throttled(&device.register("").await, 1);
    assert_eq!(stranger.register("").await.status(), 401, "and not 429");
    assert_eq!(device.register("{").await.status(), 400, "and not 429");
}

/// J-93.
#[tokio::test]
async fn h_3_polls_are_counted_by_device_whatever_connection_they_come_by() {
    let setup = Setup::new().assigning_polls(2).quotas("polls = \"2/h\"");
    let mut service = setup.start().await;
    let mut first = Client::connect(&service, &Device::new("pump-1")).await;
    let operation_id = first.register("").await.operation_id();

    assert_eq!(first.poll(&operation_id).await.status(), 202);
    let mut again = Client::connect(&service, &Device::new("Pump-1")).await;
    assert_eq!(again.poll(&operation_id).await.status(), 202);

    assert_throttled(&again.poll(&operation_id).await, 2);
    assert_throttled(&first.poll(&operation_id).await, 2);
    let mut other = Client::connect(&service, &Device::new("pump-2")).await;
    let operation_id = other.register("").await.operation_id();
    assert_eq!(other.poll(&operation_id).await.status(), 202, "it has its own");
    service.event().await;
    service.event().await;
    assert!(service.has_told_all(), "a poll is no registration");
}

#[tokio::test]
async fn a_429_leaves_no_operation_behind_and_who_waits_as_told_registers_on_the_same_connection() {
    let service = Setup::new().quotas("registrations = \"1/1s\"").start().await;
    let mut first = Client::connect(&service, &Device::new("pump-1")).await;
    let mut second = Client::connect(&service, &Device::new("pump-2")).await;
    assert_eq!(first.register("").await.status(), 202);

    // On a slow machine the second may find the place free already; that is right too.
    let mut answer = second.register("").await;
    while answer.status() == 429 {
        assert!(answer.topic.ends_with("&retry-after=1"), "{answer:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        answer = second.register("").await;
    }

    let assigned = second.poll(&answer.operation_id()).await;
    assert_eq!((assigned.status(), &assigned.state()["status"]), (200, &"assigned".into()));
}

fn settings(service: &TestService, registration_id: &str) -> Settings {
    let registration_id: RegistrationId = registration_id.parse().unwrap();
    let key = PRIMARY_KEY.parse::<GroupKey>().unwrap().derive(&registration_id);
    Settings {
        timeout: Duration::from_secs(60),
        ..Settings::new(
            service.address().to_string().parse().unwrap(),
            SCOPE.parse().unwrap(),
            registration_id,
            Credential::SymmetricKey(key),
            service.tls.clone(),
        )
    }
}

#[tokio::test]
async fn h_3_thirty_devices_that_wait_as_told_are_all_assigned_ten_a_second() {
    let setup = Setup::new().retry_after(Duration::ZERO).quotas("registrations = \"10/1s\"");
    let mut service = setup.start().await;
    let mut devices = JoinSet::new();
    let start = Instant::now();

    for n in 0..30 {
        let client = ProvisioningClient::new(settings(&service, &format!("pump-{n}")));
        devices.spawn(async move { client.register(&mut |_| {}).await });
    }
    while let Some(registered) = within("a device", devices.join_next()).await {
        assert_eq!(registered.unwrap().unwrap().assigned_hub, HUB_WEST);
    }

    // However slow the machine: the 11th and the 21st come a second after the tenth before them.
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    let mut assigned = 0;
    while assigned < 30 {
        let event = service.event().await;
        match &*event.status {
            "assigned" => assigned += 1,
            status => assert_eq!((status, event.failed_check), ("refused", Some("quota"))),
        }
    }
    assert!(service.has_told_all());
}
