//! A provisioned device at its hub (I): signing in, the twin, messages.

use provision_sim::service::{HubKey, TwinChange, TwinVerb};
use rumqttc::{ConnectReturnCode, QoS};
use serde_json::json;

use crate::support::service::client::{Client, Device, Manners};
use crate::support::service::setup::{HUB_EAST, HUB_WEST, Setup, TestService};
use crate::support::service::token::{derived, hub_token, hub_token_until, now};
use crate::support::service::webhook::{Reaction, Webhook};

const PUMP: &str = "pump-0042";

/// A service with a device that is provisioned to the western hub.
async fn with_pump() -> TestService {
    let service = Setup::new().start().await;
    Client::connect(&service, &Device::new(PUMP)).await.provision("{}").await;
    service
}

fn key() -> HubKey {
    HubKey::new(&HUB_WEST.parse().unwrap(), &PUMP.parse().unwrap())
}

async fn hello(service: &TestService, device: &Device) -> ConnectReturnCode {
    let mut client = Client::dial(service).await;
    client.say_hello(device, Manners::default()).await.expect("a CONNACK").code
}

async fn change_desired(service: &TestService, change: &str) {
    let change = TwinChange::read(change.as_bytes()).expect("a change");
    let changed = service.hubs().change_twin(&key(), &change, TwinVerb::Patch, |_| Ok(())).await;
    changed.expect("the device is there");
}

#[tokio::test]
async fn i_a_provisioned_device_signs_in_and_reads_the_twin_that_the_webhook_gave() {
    let twin = r#"{"tags":{"site":"b1"},"properties":{"desired":{"interval":30}}}"#;
    let answer = format!(r#"{{"iotHubHostName":"{HUB_EAST}","initialTwin":{twin}}}"#);
    let webhook = Webhook::start([Reaction::Answer(200, answer)]).await;
    let more = r#"initialTwin.properties.desired.interval = 5"#;
    let service = Setup::custom(&webhook.url(), more).start().await;
    Client::connect(&service, &Device::new(PUMP)).await.provision("{}").await;

    let mut device = Client::at_hub(&service, PUMP, HUB_EAST).await;

    let expected =
        json!({ "desired": { "interval": 30, "$version": 1 }, "reported": { "$version": 1 } });
    assert_eq!(device.twin().await, expected);
}

#[tokio::test]
async fn i_whoever_is_not_the_device_is_refused_at_connect() {
    let service = with_pump().await;
    let good = Device::at_hub(PUMP, HUB_WEST);
    let other_key = derived(crate::support::service::setup::PRIMARY_KEY, "other");
    let own_key = derived(crate::support::service::setup::PRIMARY_KEY, PUMP);

    assert_eq!(hello(&service, &good).await, ConnectReturnCode::Success);
    for (what, device) in [
        ("another key", Device { password: hub_token(&other_key, HUB_WEST, PUMP), ..good.clone() }),
        (
            "another hub's token",
            Device { password: hub_token(&own_key, HUB_EAST, PUMP), ..good.clone() },
        ),
        (
            "an old token",
            Device {
                password: hub_token_until(&own_key, HUB_WEST, PUMP, now() - 9),
                ..good.clone()
            },
        ),
        (
            "a token of the service that provisions",
            Device { password: Device::new(PUMP).password, ..good.clone() },
        ),
        ("no token", Device { password: String::new(), ..good.clone() }),
        ("another client ID", Device { client_id: "other".to_owned(), ..good.clone() }),
        ("a hub where it is not", Device::at_hub(PUMP, HUB_EAST)),
        ("a hub that is not linked", Device::at_hub(PUMP, "elsewhere.azure-devices.net")),
        ("a device that never registered", Device::at_hub("pump-0043", HUB_WEST)),
        (
            "a module",
            good.clone().user_name(&format!("{HUB_WEST}/{PUMP}/m/?api-version=2021-04-12")),
        ),
    ] {
        assert_eq!(hello(&service, &device).await, ConnectReturnCode::NotAuthorized, "{what}");
    }
}

#[tokio::test]
async fn i_reported_properties_are_kept_and_what_is_no_patch_is_400() {
    let service = with_pump().await;
    let mut device = Client::at_hub(&service, PUMP, HUB_WEST).await;

    let first = device.report(r#"{"fw":"1.0","old":true}"#).await;
    let second = device.report(r#"{"old":null}"#).await;
    let refused = device.report("nonsense").await;

    assert_eq!(first, "$iothub/twin/res/204/?$rid=r&$version=2");
    assert_eq!(second, "$iothub/twin/res/204/?$rid=r&$version=3");
    assert_eq!(refused, "$iothub/twin/res/400/?$rid=r");
    assert_eq!(device.twin().await["reported"], json!({ "fw": "1.0", "$version": 3 }));
}

#[tokio::test]
async fn i_answers_come_on_whatever_filter_matches_them() {
    let service = with_pump().await;
    for filter in ["$iothub/twin/res/200/#", "$iothub/twin/res/+/#", "$iothub/twin/#", "$iothub/#"]
    {
        let mut device = Client::dial(&service).await;
        device.say_hello(&Device::at_hub(PUMP, HUB_WEST), Manners::default()).await;
        device.subscribe("#", QoS::AtLeastOnce).await;
        device.subscribe(filter, QoS::AtLeastOnce).await;

        assert_eq!(device.twin().await["reported"], json!({ "$version": 1 }), "{filter}");
        // Had it come twice, it would be in the place of the next answer.
        assert_eq!(device.twin().await["reported"], json!({ "$version": 1 }), "{filter}");
    }
}

#[tokio::test]
async fn i_a_connected_device_is_told_of_new_desired_properties() {
    let service = with_pump().await;
    let mut device = Client::at_hub(&service, PUMP, HUB_WEST).await;

    change_desired(&service, r#"{"tags":{"a":1},"properties":{"desired":{"interval":9}}}"#).await;
    let told = device.answer().await;
    change_desired(&service, r#"{"tags":{"a":2}}"#).await;
    change_desired(&service, r#"{"properties":{"desired":{"interval":null}}}"#).await;
    let told_next = device.answer().await;

    assert_eq!(told.topic, "$iothub/twin/PATCH/properties/desired/?$version=2");
    assert_eq!(told.body(), json!({ "interval": 9, "$version": 2 }));
    assert_eq!(told_next.body(), json!({ "interval": null, "$version": 3 }), "tags are not told");
    assert_eq!(device.twin().await["desired"], json!({ "$version": 3 }));
}

#[tokio::test]
async fn i_messages_are_counted() {
    let service = with_pump().await;
    let mut device = Client::at_hub(&service, PUMP, HUB_WEST).await;

    for n in 0..3 {
        let body = json!({ "message_index": n }).to_string();
        device
            .publish(&format!("devices/{PUMP}/messages/events/"), body.as_bytes(), QoS::AtLeastOnce)
            .await;
    }
    // An answer comes after what was sent before it.
    device.twin().await;

    assert_eq!(service.hubs().messages(&key()), 3);
}

#[tokio::test]
async fn i_a_newer_connection_of_the_same_device_ends_the_older() {
    let service = with_pump().await;
    let mut older = Client::at_hub(&service, PUMP, HUB_WEST).await;

    let mut newer = Client::at_hub(&service, PUMP, HUB_WEST).await;

    assert!(older.is_closed().await);
    newer.twin().await;
    assert!(service.hubs().is_online(&key()));
}

#[tokio::test]
async fn f_6_a_device_that_moves_is_sent_away_from_its_old_hub_with_all_that_it_reported() {
    let webhook = Webhook::start([Reaction::hub(HUB_EAST), Reaction::hub(HUB_WEST)]).await;
    let service = Setup::custom(&webhook.url(), "").start().await;
    Client::connect(&service, &Device::new(PUMP)).await.provision("{}").await;
    let mut at_east = Client::at_hub(&service, PUMP, HUB_EAST).await;
    at_east.report(r#"{"fw":"1.0"}"#).await;

    Client::connect(&service, &Device::new(PUMP)).await.provision("{}").await;

    assert!(at_east.is_closed().await, "its identity is gone");
    let at_old = hello(&service, &Device::at_hub(PUMP, HUB_EAST)).await;
    assert_eq!(at_old, ConnectReturnCode::NotAuthorized);
    let mut at_west = Client::at_hub(&service, PUMP, HUB_WEST).await;
    assert_eq!(at_west.twin().await["reported"], json!({ "fw": "1.0", "$version": 1 }));
}

#[tokio::test]
async fn f_7_a_deleted_identity_is_sent_away_and_comes_back_by_registering() {
    let service = with_pump().await;
    let mut device = Client::at_hub(&service, PUMP, HUB_WEST).await;

    service.hubs().remove(&key(), |_| Ok(())).await.unwrap();

    assert!(device.is_closed().await);
    Client::connect(&service, &Device::new(PUMP)).await.provision("{}").await;
    Client::at_hub(&service, PUMP, HUB_WEST).await.twin().await;
}

#[tokio::test]
async fn i_a_session_ends_with_its_token() {
    let service = with_pump().await;
    let own_key = derived(crate::support::service::setup::PRIMARY_KEY, PUMP);
    let password = hub_token_until(&own_key, HUB_WEST, PUMP, now() + 2);
    let device = Device { password, ..Device::at_hub(PUMP, HUB_WEST) };
    let mut client = Client::dial(&service).await;
    let connack = client.say_hello(&device, Manners::default()).await;

    assert_eq!(connack.map(|it| it.code), Some(ConnectReturnCode::Success));
    assert!(client.is_closed().await);
}
