//! The hubs' service API over HTTPS (I): what a back end finds of a device that was provisioned,
//! and what it may change.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::service::HubKey;
use rumqttc::{ConnectReturnCode, QoS};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::service::back_end::{
    BackEnd, HUB_POLICY, SERVICE_POLICY, Told, policy_key, token,
};
use crate::support::service::client::{Client, Device, Manners};
use crate::support::service::golden::is_timestamp;
use crate::support::service::setup::{
    HUB_EAST, HUB_WEST, PRIMARY_KEY, SECONDARY_KEY, Setup, TestService,
};
use crate::support::service::token::{UPPER, derived, hub_token, now, policy_token};
use crate::support::service::webhook::{Reaction, Webhook};

const ID: &str = "pump-0042";
const TWIN: &str = "/twins/pump-0042";
const DEVICE: &str = "/devices/pump-0042";

/// A service on whose western hub the device is.
async fn provisioned() -> (TestService, BackEnd) {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    register(&service, ID).await;
    let west = BackEnd::of_hub(&service, HUB_WEST).await;
    (service, west)
}

async fn register(service: &TestService, id: &str) {
    let answer = Client::connect(service, &Device::new(id)).await.provision("").await;
    assert_eq!(answer.body()["status"], "assigned", "{}", answer.text);
}

fn etag(told: &Told) -> String {
    told.ok()["etag"].as_str().expect("a text").to_owned()
}

// --- What provisioning leaves ---

#[tokio::test]
async fn i_the_identity_has_the_derived_keys_and_a_first_twin_of_version_1() {
    let (_service, mut west) = provisioned().await;

    let device = west.get(DEVICE).await;
    let twin = west.get(TWIN).await;

    let key = |group_key| STANDARD.encode(derived(group_key, ID));
    let keys = json!({ "primaryKey": key(PRIMARY_KEY), "secondaryKey": key(SECONDARY_KEY) });
    assert_eq!(device.ok()["authentication"]["symmetricKey"], keys);
    assert_eq!(device.ok()["status"], "enabled");
    assert_eq!(device.ok()["connectionState"], "Disconnected");
    assert_eq!(device.header("etag"), Some(format!("\"{}\"", etag(&device)).as_str()));
    let shown = twin.ok();
    assert_eq!((&shown["version"], shown.get("tags")), (&json!(1), None));
    assert_eq!(shown["deviceEtag"], device.ok()["etag"]);
    for section in ["desired", "reported"] {
        let section = &shown["properties"][section];
        assert_eq!((section.as_object().unwrap().len(), &section["$version"]), (2, &json!(1)));
        assert!(is_timestamp(section["$metadata"]["$lastUpdated"].as_str().unwrap()), "{section}");
    }
    assert!(!twin.text.contains(&key(PRIMARY_KEY)), "a twin holds no key");
}

#[tokio::test]
async fn f_6_the_first_twin_is_the_webhooks_or_else_the_enrollments() {
    let of_enrollment =
        r#"initialTwin = { tags = { site = "b1" }, properties.desired = { interval = 30 } }"#;
    let with_twin = format!(
        r#"{{"iotHubHostName":"{HUB_EAST}","initialTwin":{{"tags":{{"site":"Küche"}},
            "properties":{{"desired":{{"led":{{"hue":7}}}},"reported":{{"x":1}}}}}}}}"#
    );
    let without = format!(r#"{{"iotHubHostName":"{HUB_EAST}","initialTwin":null}}"#);

    for (answer, tags, desired) in [
        (with_twin, json!({ "site": "Küche" }), json!({ "led": { "hue": 7 } })),
        (without, json!({ "site": "b1" }), json!({ "interval": 30 })),
    ] {
        let webhook = Webhook::start([Reaction::Answer(200, answer)]).await;
        let setup = Setup::custom(&webhook.url(), of_enrollment).retry_after(Duration::ZERO);
        let service = setup.start().await;
        register(&service, ID).await;

        let twin = BackEnd::of_hub(&service, HUB_EAST).await.get(TWIN).await.ok();

        assert_eq!(twin["tags"], tags);
        let mut shown = twin["properties"]["desired"].clone();
        shown.as_object_mut().unwrap().retain(|name, _| !name.starts_with('$'));
        assert_eq!(shown, desired);
        assert_eq!(twin["properties"]["reported"]["x"], Value::Null, "not a webhook's to say");
    }
}

// --- Twins ---

/// I.2.
#[tokio::test]
async fn i_a_patch_merges_and_counts_and_the_answer_is_the_whole_twin() {
    let (_service, mut west) = provisioned().await;
    let first =
        r#"{"tags":{"site":"b1","floor":2},"properties":{"desired":{"led":{"on":true,"hue":7}}}}"#;
    west.ask("PATCH", TWIN, None, first).await.ok();

    let patch = r#"{"tags":{"floor":null},"properties":{"desired":{"led":{"hue":null}}}}"#;
    let told = west.ask("PATCH", TWIN, Some("\"*\""), patch).await;

    let twin = told.ok();
    assert_eq!(twin["tags"], json!({ "site": "b1" }));
    assert_eq!(twin["properties"]["desired"]["led"], json!({ "on": true }));
    assert_eq!(twin["properties"]["desired"]["$version"], 3);
    assert_eq!(twin["properties"]["reported"]["$version"], 1);
    assert_eq!(twin["version"], 3);
    assert_eq!(west.get(TWIN).await.ok(), twin);
}

/// What the device, its back end and a query see of the numbers of a twin.
async fn shown(service: &TestService, hub: &str) -> [String; 3] {
    let mut west = BackEnd::of_hub(service, hub).await;
    let query = json!({ "query": "SELECT * FROM devices WHERE tags.n = 1000" }).to_string();
    let mut device = Client::at_hub(service, ID, hub).await;
    let twin = device.request("$iothub/twin/GET/?$rid=t", b" ").await.text;
    let rows = west.ask("POST", "/devices/query", None, &query).await.text;
    [west.get(TWIN).await.text, rows, twin]
}

#[track_caller]
fn all_have(shown: &[String], texts: &[&str]) {
    for text in texts {
        assert!(shown.iter().all(|it| it.contains(text)), "{text}: {shown:#?}");
    }
}

#[tokio::test]
async fn k_7_the_numbers_of_a_twin_come_back_as_they_were_written() {
    let folder = TempDir::new().unwrap();
    let started = || Setup::new().retry_after(Duration::ZERO).state(folder.path()).start();
    let service = started().await;
    register(&service, ID).await;
    let mut device = Client::at_hub(&service, ID, HUB_WEST).await;
    let mut west = BackEnd::of_hub(&service, HUB_WEST).await;

    let first =
        r#"{"tags":{"n": 1e3},"properties":{"desired":{"a": 1.50,"b":{"c": [1E+2, "\u00fc"]}}}}"#;
    west.ask("PATCH", TWIN, None, first).await.ok();
    let told = device.answer().await;
    device.report(r#"{"r": 2.0e-1, "s": 12345678901234567890123}"#).await;
    west.ask("PATCH", TWIN, None, r#"{"properties":{"desired":{"b":{"d":7.0}}}}"#).await.ok();
    let told_next = device.answer().await;
    device.report(r#"{"t": 3}"#).await;

    assert_eq!(told.text, r#"{"a":1.50,"b":{"c":[1E+2,"\u00fc"]},"$version":2}"#);
    assert_eq!(told_next.text, r#"{"b":{"d":7.0},"$version":3}"#);
    let desired = r#""a":1.50,"b":{"c":[1E+2,"\u00fc"],"d":7.0},"#;
    let reported = r#""r":2.0e-1,"s":12345678901234567890123,"t":3,"#;
    let before = shown(&service, HUB_WEST).await;
    all_have(&before, &[desired, reported]);
    all_have(&before[..2], &[r#""tags":{"n":1e3}"#]);
    drop((device, west));
    service.stop().await;

    let service = started().await;

    let after = shown(&service, HUB_WEST).await;
    assert_eq!(after[2], before[2]);
    all_have(&after[..2], &[desired, reported, r#""tags":{"n":1e3}"#]);
}

#[tokio::test]
async fn k_7_the_numbers_of_a_first_twin_are_as_its_enrollment_or_webhook_wrote_them() {
    let twin = r#"{"tags":{"n":1e3},"properties":{"desired":{"a":1.50}}}"#;
    let answer = format!(r#"{{"iotHubHostName":"{HUB_WEST}","initialTwin":{twin}}}"#);
    let webhook = Webhook::start([Reaction::Answer(200, answer)]).await;
    let of_webhook = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO).start().await;
    let of_enrollment = Setup::new().retry_after(Duration::ZERO).start().await;
    let key = STANDARD.encode(derived(PRIMARY_KEY, ID));
    let enrollment = format!(
        r#"{{"registrationId":"{ID}","iotHubHostName":"{HUB_WEST}","initialTwin":{twin},"attestation":
            {{"type":"symmetricKey","symmetricKey":{{"primaryKey":"{key}","secondaryKey":"{key}"}}}}}}"#
    );
    let mut dps = BackEnd::of_service(&of_enrollment).await;
    dps.ask("PUT", &format!("/enrollments/{ID}"), None, &enrollment).await.ok();

    for service in [of_webhook, of_enrollment] {
        register(&service, ID).await;

        let shown = shown(&service, HUB_WEST).await;

        all_have(&shown, &[r#""a":1.50,"#]);
        all_have(&shown[..2], &[r#""tags":{"n":1e3}"#]);
    }
}

#[tokio::test]
async fn i_each_property_has_its_own_time_and_the_last_tag_takes_the_member_along() {
    let (service, mut west) = provisioned().await;
    assert_eq!(west.get(TWIN).await.ok()["lastActivityTime"], "0001-01-01T00:00:00Z");
    let first = r#"{"tags":{"site":"b1"},"properties":{"desired":{"a":1,"b":{"c":2}}}}"#;
    let before = west.ask("PATCH", TWIN, None, first).await.ok();

    let second = r#"{"tags":{"site":null},"properties":{"desired":{"b":{"d":3}}}}"#;
    let after = west.ask("PATCH", TWIN, None, second).await.ok();
    let mut device = Client::at_hub(&service, ID, HUB_WEST).await;
    device.report(r#"{"fw":"1.0"}"#).await;
    let reported = west.get(TWIN).await.ok();

    let desired = |twin: &Value| twin["properties"]["desired"]["$metadata"].clone();
    assert_eq!(desired(&before)["a"], desired(&after)["a"], "it was not named");
    assert_eq!(desired(&before)["b"]["c"], desired(&after)["b"]["c"]);
    assert_eq!(desired(&after)["b"]["$lastUpdatedVersion"], 3);
    assert_eq!(desired(&after)["b"]["d"]["$lastUpdatedVersion"], 3);
    assert_eq!(desired(&reported), desired(&after), "a report is no change to what is desired");
    let at = &reported["properties"]["reported"]["$metadata"];
    assert_eq!(at["fw"], json!({ "$lastUpdated": at["$lastUpdated"] }));
    assert_eq!((before.get("tags"), after.get("tags")), (Some(&json!({ "site": "b1" })), None));
    assert!(is_timestamp(reported["lastActivityTime"].as_str().unwrap()));
    assert_ne!(reported["lastActivityTime"], "0001-01-01T00:00:00Z");
}

/// I.2.
#[tokio::test]
async fn i_put_replaces_the_sections_that_it_names_even_by_a_whole_twin() {
    let (_service, mut west) = provisioned().await;
    let first = r#"{"tags":{"site":"b1"},"properties":{"desired":{"a":1,"b":2}}}"#;
    let mut twin = west.ask("PATCH", TWIN, None, first).await.ok();
    twin["properties"]["desired"].as_object_mut().unwrap().remove("a");

    let told = west.ask("PUT", TWIN, None, &twin.to_string()).await.ok();

    assert_eq!(told["properties"]["desired"]["a"], Value::Null);
    assert_eq!(told["properties"]["desired"]["b"], 2);
    assert_eq!(told["properties"]["desired"]["$version"], 3);
    assert_eq!(told["tags"], json!({ "site": "b1" }));
}

/// I.2.
#[tokio::test]
async fn i_an_etag_bare_or_quoted_must_be_the_twins_own() {
    let (_service, mut west) = provisioned().await;
    let old = etag(&west.get(TWIN).await);
    let patch = r#"{"tags":{"n":1}}"#;

    let new = etag(&west.ask("PATCH", TWIN, Some(&format!("\"{old}\"")), patch).await);
    let stale = west.ask("PATCH", TWIN, Some(&old), r#"{"tags":{"n":2}}"#).await;
    let replaced = west.ask("PUT", TWIN, Some(&old), r#"{"tags":{"n":2}}"#).await;
    let empty = west.ask("PATCH", TWIN, Some("\"\""), patch).await;

    assert_ne!(old, new);
    let text = "PreconditionFailed, ETag may be invalid.".to_owned();
    assert_eq!(stale.hub_error(), (412, "PreconditionFailed".to_owned(), text));
    assert_eq!(replaced.hub_error().0, 412);
    assert_eq!(empty.hub_error().0, 400);
    assert_eq!(west.get(TWIN).await.ok()["tags"]["n"], 1);
    west.ask("PATCH", TWIN, Some(&new), patch).await.ok();
}

#[tokio::test]
async fn i_what_breaks_a_rule_of_twins_is_refused_and_changes_nothing() {
    let (_service, mut west) = provisioned().await;
    let before = west.get(TWIN).await.text;

    for body in [
        "",
        "[1]",
        "{",
        r#"{"tags":7}"#,
        r#"{"tags":{"a.b":1}}"#,
        r#"{"properties":{"desired":{"a b":1}}}"#,
        &format!(r#"{{"tags":{{"a":"{}"}}}}"#, "x".repeat(9000)),
    ] {
        let (status, code, _) = west.ask("PATCH", TWIN, None, body).await.hub_error();
        assert_eq!((status, code.as_str()), (400, "ArgumentInvalid"), "{body}");
    }
    assert_eq!(west.get(TWIN).await.text, before);
}

// --- Identities ---

#[tokio::test]
async fn f_7_a_back_end_disables_a_device_and_registering_again_does_not_enable_it() {
    let (service, mut west) = provisioned().await;
    let mut identity = west.get(DEVICE).await.ok();
    identity["status"] = "disabled".into();
    identity["statusReason"] = "lost".into();

    let told = west.ask("PUT", DEVICE, Some("*"), &identity.to_string()).await.ok();
    register(&service, ID).await;

    assert_eq!((&told["status"], &told["statusReason"]), (&json!("disabled"), &json!("lost")));
    assert_ne!(told["etag"], identity["etag"]);
    assert_eq!(west.get(DEVICE).await.ok()["status"], "disabled");
    assert_eq!(west.get(TWIN).await.ok()["status"], "disabled");
    let enabled = west.ask("PUT", DEVICE, Some("\"*\""), r#"{"status":"enabled"}"#).await.ok();
    assert_eq!((&enabled["status"], &enabled["statusReason"]), (&json!("enabled"), &Value::Null));
}

#[tokio::test]
async fn j_133_a_back_end_makes_devices_and_changes_their_credentials() {
    let (service, mut west) = provisioned().await;
    let own = STANDARD.encode([7; 32]);
    let brought = json!({
        "deviceId": "Other#1",
        "capabilities": { "iotEdge": true },
        "authentication": { "type": "sas", "symmetricKey": { "primaryKey": own } },
    });

    let made = west.ask("PUT", "/devices/Other%231", None, &brought.to_string()).await.ok();
    assert_eq!(made["authentication"]["symmetricKey"]["primaryKey"], own);
    assert_ne!(made["authentication"]["symmetricKey"]["secondaryKey"], own, "made up");
    assert_eq!(
        (&made["capabilities"]["iotEdge"], &made["status"]),
        (&json!(true), &json!("enabled"))
    );
    assert_eq!(west.get("/twins/Other%231").await.ok()["properties"]["desired"]["$version"], 1);

    let mut changed = west.get(DEVICE).await.ok();
    changed["authentication"]["symmetricKey"]["primaryKey"] = own.as_str().into();
    west.ask("PUT", DEVICE, Some("*"), &changed.to_string()).await.ok();
    let password = hub_token(&[7; 32], HUB_WEST, ID);
    let device = Device { password, ..Device::at_hub(ID, HUB_WEST) };
    let connack = Client::dial(&service).await.say_hello(&device, Manners::default()).await;
    assert_eq!(connack.map(|it| it.code), Some(ConnectReturnCode::Success));

    let status = r#"{"status":"disabled"}"#;
    let absent = west.ask("PUT", "/devices/absent", Some("*"), status).await.hub_error();
    assert_eq!((absent.0, absent.1.as_str()), (404, "DeviceNotFound"));
    let over = west.ask("PUT", DEVICE, None, status).await.hub_error();
    assert_eq!((over.0, over.1.as_str()), (409, "DeviceAlreadyExists"));
    let stale = west.ask("PUT", DEVICE, Some("\"AAAA\""), status).await.hub_error();
    assert_eq!((stale.0, stale.1.as_str()), (412, "PreconditionFailed"));
    let bad = r#"{"authentication":{"type":"certificateAuthority"}}"#;
    let (refused, _, text) = west.ask("PUT", DEVICE, Some("*"), bad).await.hub_error();
    assert!(refused == 400 && text.starts_with("authentication.type "), "{text}");

    let local = format!("localhost:{}", service.https_address().port());
    let mut anywhere = BackEnd::of_hub(&service, &local).await;
    let (homeless, _, text) = anywhere.ask("PUT", "/devices/new", None, "{}").await.hub_error();
    assert!(homeless == 400 && text.contains(&format!("Host: {HUB_EAST}, {HUB_WEST}")), "{text}");
}

#[tokio::test]
async fn j_184_keys_are_made_anew_or_swapped_and_what_fails_is_told_beside_it() {
    let (_service, mut west) = provisioned().await;
    let keys = |device: &Value| device["authentication"]["symmetricKey"].clone();
    let before = keys(&west.get(DEVICE).await.ok());
    let path = "/devices/keys/regenerate";

    let swap = r#"{"policyKey":"swap","devices":[{"id":"pump-0042"},{"id":"absent"}]}"#;
    let told = west.ask("POST", path, None, swap).await.ok();
    let swapped = keys(&west.get(DEVICE).await.ok());
    let primary = r#"{"policyKey":"primaryKey","devices":[{"id":"pump-0042"}]}"#;
    let renewed = west.ask("POST", path, None, primary).await.ok();

    assert_eq!(swapped["primaryKey"], before["secondaryKey"]);
    assert_eq!(swapped["secondaryKey"], before["primaryKey"]);
    assert_eq!(told["rotatedKeys"][0]["primaryKey"], swapped["primaryKey"]);
    assert_eq!(told["errors"][0]["id"], "absent");
    assert_eq!(told["errors"][0]["errorCode"], "DeviceNotFound");
    assert_ne!(renewed["rotatedKeys"][0]["primaryKey"], swapped["primaryKey"]);
    assert_eq!(keys(&west.get(DEVICE).await.ok())["secondaryKey"], swapped["secondaryKey"]);
    let unknown = west.ask("POST", path, None, r#"{"policyKey":"both","devices":[]}"#).await;
    assert_eq!(unknown.hub_error().0, 400);
}

#[tokio::test]
async fn j_185_there_are_no_modules_configurations_and_jobs_and_devices_are_counted() {
    let (service, mut west) = provisioned().await;
    let _connected = Client::at_hub(&service, ID, HUB_WEST).await;
    west.ask("PUT", "/devices/other", None, r#"{"status":"disabled"}"#).await.ok();

    for path in ["/devices/pump-0042/modules", "/configurations", "/jobs", "/jobs/v2/query"] {
        assert_eq!(west.get(path).await.ok(), json!([]), "{path}");
    }
    for (path, code) in [
        ("/devices/absent/modules", "DeviceNotFound"),
        ("/twins/pump-0042/modules/m", "ModuleNotFound"),
        ("/configurations/c", "ConfigurationNotFound"),
        ("/jobs/v2/j", "JobNotFound"),
    ] {
        let (status, told, _) = west.get(path).await.hub_error();
        assert_eq!((status, told.as_str()), (404, code), "{path}");
    }
    assert_eq!(
        west.get("/statistics/devices").await.ok(),
        json!({ "totalDeviceCount": 2, "enabledDeviceCount": 1, "disabledDeviceCount": 1 })
    );
    let connected = |count: u32| json!({ "connectedDeviceCount": count });
    assert_eq!(west.get("/statistics/service").await.ok(), connected(1));
    let mut east = BackEnd::of_hub(&service, HUB_EAST).await;
    assert_eq!(east.get("/statistics/service").await.ok(), connected(0));
}

// --- Methods and messages ---

#[tokio::test]
async fn i_a_method_goes_to_the_device_and_its_answer_back() {
    let (service, mut west) = provisioned().await;
    let mut device = Client::at_hub(&service, ID, HUB_WEST).await;
    device.subscribe("$iothub/methods/POST/#", QoS::AtMostOnce).await;
    let path = "/twins/pump-0042/methods";
    let call = r#"{"methodName":"reboot","payload":{"delay":1.5},"responseTimeoutInSeconds":30}"#;

    let answering = async {
        let called = device.answer().await;
        let rid = called.topic.strip_prefix("$iothub/methods/POST/reboot/?$rid=").unwrap();
        let topic = format!("$iothub/methods/res/207/?$rid={rid}");
        device.publish(&topic, br#"{"done":true}"#, QoS::AtMostOnce).await;
        called.text
    };
    let (told, payload) = tokio::join!(west.ask("POST", path, None, call), answering);

    assert_eq!(payload, r#"{"delay":1.5}"#);
    assert_eq!(told.ok(), json!({ "status": 207, "payload": { "done": true } }));
    assert_eq!(west.ask("POST", path, None, "{}").await.hub_error().0, 400);
    assert_eq!(west.ask("POST", "/twins/absent/methods", None, call).await.hub_error().0, 404);
}

#[tokio::test]
async fn i_a_device_that_is_away_cannot_be_called() {
    let (_service, mut west) = provisioned().await;

    let call = r#"{"methodName":"reboot"}"#;
    let told = west.ask("POST", "/twins/pump-0042/methods", None, call).await;

    assert_eq!((told.status, told.header("iothub-errorcode")), (404, Some("DeviceNotOnline")));
    let body: Value = serde_json::from_str(&told.text).unwrap();
    let text: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
    assert_eq!(text["errorCode"], 404_103);
}

#[tokio::test]
async fn j_182_messages_wait_for_the_device_until_it_has_acknowledged_them() {
    let (service, mut west) = provisioned().await;
    let path = "/devices/pump-0042/messages/devicebound?api-version=2021-04-12";
    let waiting =
        async |west: &mut BackEnd| west.get(DEVICE).await.ok()["cloudToDeviceMessageCount"].clone();
    for n in 0..50 {
        let number = n.to_string();
        let told = west.send_with("POST", path, &[("iothub-app-n", &number)], &number).await;
        assert_eq!(told.status, 204, "{}", told.text);
    }
    let full = west.send_with("POST", path, &[], "one too many").await.hub_error();
    assert_eq!((full.0, full.1.as_str()), (403, "DeviceMaximumQueueDepthExceeded"));
    assert_eq!(waiting(&mut west).await, 50);

    let mut device = Client::at_hub(&service, ID, HUB_WEST).await;
    device.subscribe("devices/pump-0042/messages/devicebound/#", QoS::AtLeastOnce).await;
    for n in 0..50 {
        let message = device.answer().await;
        let to = "%24.to=%2Fdevices%2Fpump-0042%2Fmessages%2FdeviceBound";
        assert_eq!(message.topic, format!("devices/pump-0042/messages/devicebound/{to}&n={n}"));
        assert_eq!(message.text, n.to_string());
    }
    // An answer comes after what was acknowledged before it.
    device.twin().await;
    assert_eq!(waiting(&mut west).await, 0);

    west.send_with("POST", path, &[], "live").await;
    assert_eq!(device.answer().await.text, "live");
    device.twin().await;
    drop(device);
    west.send_with("POST", path, &[], "late").await;
    let purged = west.ask("DELETE", "/devices/pump-0042/commands", None, "").await.ok();
    assert_eq!(purged["totalMessagesPurged"], 1);
    assert_eq!(waiting(&mut west).await, 0);
}

#[tokio::test]
async fn j_186_a_device_sends_messages_over_https_with_its_own_token() {
    let (service, mut west) = provisioned().await;
    let key = HubKey::new(&HUB_WEST.parse().unwrap(), &ID.parse().unwrap());
    let path = "/devices/pump-0042/messages/events";
    let own = hub_token(&derived(PRIMARY_KEY, ID), HUB_WEST, ID);
    let local = format!("localhost:{}", service.https_address().port());

    for host in [HUB_WEST, &local] {
        let mut device = BackEnd::open(&service, host, &own).await;
        let told = device.ask("POST", path, None, "21.5").await;
        assert_eq!((told.status, told.text.as_str()), (204, ""), "{host}");
    }
    west.ask("POST", path, None, "from its owner").await;
    assert_eq!(service.hubs().messages(&key), 3);

    let other = hub_token(&derived(PRIMARY_KEY, "other"), HUB_WEST, ID);
    for (token, path) in [(&other, path), (&own, "/devices/absent/messages/events"), (&own, DEVICE)]
    {
        let mut stranger = BackEnd::open(&service, HUB_WEST, token).await;
        assert_eq!(stranger.ask("POST", path, None, "x").await.hub_error().0, 401, "{path}");
    }
    let long = "x".repeat(256 * 1024 + 1);
    let told = west.ask("POST", path, None, &long).await.hub_error();
    assert_eq!((told.0, told.1.as_str()), (413, "MessageTooLarge"));
    assert_eq!(service.hubs().messages(&key), 3);
}

#[tokio::test]
async fn f_7_a_deleted_identity_is_gone_until_the_device_registers_again() {
    let (service, mut west) = provisioned().await;
    let generation = west.get(DEVICE).await.ok()["generationId"].clone();

    assert_eq!(west.ask("DELETE", DEVICE, Some("\"AAAA\""), "").await.hub_error().0, 412);
    let deleted = west.ask("DELETE", DEVICE, Some("\"*\""), "").await;
    let again = west.ask("DELETE", DEVICE, None, "").await;

    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(again.hub_error(), (404, "DeviceNotFound".to_owned(), ID.to_owned()));
    assert_eq!(west.get(TWIN).await.hub_error().0, 404);
    register(&service, ID).await;
    assert_ne!(west.get(DEVICE).await.ok()["generationId"], generation);
}

/// I.2.
#[tokio::test]
async fn i_devices_are_listed_and_their_twins_queried_page_by_page() {
    let (service, mut west) = provisioned().await;
    for id in ["pump-0041", "pump-0043"] {
        register(&service, id).await;
    }
    let ids = |list: &Value| -> Vec<String> {
        let items = list.as_array().unwrap().iter();
        items.map(|item| item["deviceId"].as_str().unwrap().to_owned()).collect()
    };

    let all = west.get("/devices").await.ok();
    let two = west.get("/devices?top=2").await.ok();
    let query = r#"{"query":"SELECT * FROM devices"}"#;
    let twins = west.ask("POST", "/devices/query", None, query).await;
    let elsewhere = BackEnd::of_hub(&service, HUB_EAST).await.get("/devices").await.ok();

    assert_eq!(ids(&all), ["pump-0041", ID, "pump-0043"]);
    assert_eq!(ids(&two), ["pump-0041", ID]);
    assert_eq!(ids(&twins.ok()), ids(&all));
    assert_eq!(twins.header("x-ms-item-type"), Some("Twin"));
    assert!(twins.ok()[0]["properties"]["desired"]["$version"] == 1);
    assert_eq!(elsewhere, json!([]));
    for path in ["/devices?top=many", "/devices?top=1001", "/devices?top=-1"] {
        assert_eq!(west.get(path).await.hub_error().0, 400, "{path}");
    }
    let some = r#"{"query":"SELECT deviceId FROM devices WHERE deviceId IN ['pump-0041','x']"}"#;
    let some = west.ask("POST", "/devices/query", None, some).await;
    assert_eq!(some.header("x-ms-item-type"), Some("Raw"));
    assert_eq!(some.ok(), json!([{ "deviceId": "pump-0041" }]));
    let page = "/devices/query?api-version=2021-04-12";
    let connected =
        r#"{"query":"SELECT deviceId FROM devices WHERE connectionState = 'Disconnected'"}"#;
    let first = west.send_with("POST", page, &[("x-ms-max-item-count", "2")], connected).await;
    let token = first.header("x-ms-continuation").expect("there is more");
    let rest = [("x-ms-max-item-count", "2"), ("x-ms-continuation", token)];
    let rest = west.send_with("POST", page, &rest, connected).await;
    assert_eq!((ids(&first.ok()), rest.header("x-ms-continuation")), (ids(&two), None));
    assert_eq!(ids(&rest.ok()), ["pump-0043"]);
    let grouped = r#"{"query":"SELECT * FROM devices GROUP BY status"}"#;
    let refused = west.ask("POST", "/devices/query", None, grouped).await.hub_error();
    let (400, _, message) = refused else { panic!("{refused:?}") };
    assert!(message.contains("\"GROUP\" at position 23"), "J-176: {message}");
}

// --- Names and hubs ---

#[tokio::test]
async fn device_ids_are_decoded_and_compared_with_case() {
    let config = format!(
        r#"
        idScope = "0ne00002193"
        linkedHubs = ["{HUB_WEST}"]

        [[enrollments]]
        registrationId = "pump:42"
        deviceId = "Pump#1:a"
        attestation.type = "symmetricKey"
        attestation.symmetricKey = {{ primaryKey = "{PRIMARY_KEY}", secondaryKey = "{SECONDARY_KEY}" }}
        "#
    );
    let service = Setup::from_config(config).retry_after(Duration::ZERO).start().await;
    let key = crate::support::service::token::decoded(PRIMARY_KEY);
    let device = Device::with_key("pump:42", &key);
    Client::connect(&service, &device).await.provision("").await;
    let mut west = BackEnd::of_hub(&service, HUB_WEST).await;

    for path in ["/twins/Pump%231%3Aa", "/Twins/Pump%231:a/", "/devices/Pump%231:a"] {
        assert_eq!(west.get(path).await.ok()["deviceId"], "Pump#1:a", "{path}");
    }
    assert_eq!(west.get("/twins/pump%231:a").await.hub_error().0, 404);
}

#[tokio::test]
async fn j_131_a_host_that_is_no_hub_finds_the_device_unless_two_hubs_have_it() {
    let webhook = Webhook::start([Reaction::hub(HUB_WEST), Reaction::hub(HUB_EAST)]).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let service = setup.start().await;
    register(&service, ID).await;
    let local = format!("localhost:{}", service.https_address().port());
    let mut anywhere = BackEnd::of_hub(&service, &local).await;
    let found = anywhere.get(DEVICE).await.ok();

    // Without its record the device is a new one, and its old identity stays (E.7).
    let mut dps = BackEnd::of_service(&service).await;
    let deleted = dps.ask("DELETE", "/registrations/pump-0042", None, "").await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    register(&service, ID).await;

    assert_eq!(found["deviceId"], ID);
    let (status, _, text) = anywhere.get(DEVICE).await.hub_error();
    assert_eq!(status, 400);
    assert!(text.contains(&format!("Host: {HUB_EAST}, {HUB_WEST}")), "{text}");
    for hub in [HUB_EAST, HUB_WEST] {
        let with_port = format!("{}:443", hub.to_uppercase());
        BackEnd::of_hub(&service, &with_port).await.get(DEVICE).await.ok();
    }
}

// --- Access ---

#[tokio::test]
async fn e_6_only_the_holder_of_the_key_gets_in_and_nobody_else_learns_why_not() {
    let (service, mut west) = provisioned().await;
    let key = policy_key(&service);
    let soon = now() + 60;
    let device = UPPER.token(&derived(PRIMARY_KEY, ID), "0ne00002193", ID);

    for (what, bad) in [
        ("nothing", String::new()),
        ("another hub's token", token(&service, HUB_EAST, HUB_POLICY)),
        ("localhost's token", token(&service, "localhost", HUB_POLICY)),
        ("another key", policy_token(b"another key", HUB_WEST, HUB_POLICY, soon)),
        ("another policy", policy_token(&key, HUB_WEST, "registryRead", soon)),
        ("an old token", policy_token(&key, HUB_WEST, HUB_POLICY, now() - 1)),
        ("a device's token", device),
        ("no token", "Bearer x".to_owned()),
    ] {
        let mut back_end = BackEnd::open(&service, HUB_WEST, &bad).await;
        for path in [DEVICE, "/devices/nobody", "/devices", "/twins/a/b"] {
            let refused = (401, "IotHubUnauthorizedAccess".into(), "Unauthorized".into());
            assert_eq!(back_end.get(path).await.hub_error(), refused, "{what}: {path}");
        }
    }
    west.get(DEVICE).await.ok();
}

#[tokio::test]
async fn j_130_both_policies_have_one_key_and_any_hubs_token_is_good_at_localhost() {
    let (service, _) = provisioned().await;
    let local = format!("localhost:{}", service.https_address().port());
    let whole = token(&service, HUB_WEST, HUB_POLICY);

    for (host, token) in [
        (HUB_WEST, token(&service, HUB_WEST, SERVICE_POLICY)),
        (local.as_str(), token(&service, &local, SERVICE_POLICY)),
        (local.as_str(), token(&service, "localhost", HUB_POLICY)),
        (local.as_str(), whole),
    ] {
        BackEnd::open(&service, host, &token).await.get(DEVICE).await.ok();
    }
    let owner = token(&service, &local, HUB_POLICY);
    let dps = BackEnd::open(&service, &local, &owner).await.get("/enrollments/x").await;
    assert_eq!(dps.status, 401, "a hub's policy is not the service's: {}", dps.text);
    let text = service.hub_connection_string(HUB_WEST);
    assert!(text.starts_with(&format!("HostName={HUB_WEST};SharedAccessKeyName=iothubowner;")));
}

#[tokio::test]
async fn j_132_errors_have_the_hubs_shape() {
    let (_service, mut west) = provisioned().await;

    let version = west.send("GET", DEVICE, None, "").await.hub_error();
    let verb = west.ask("POST", DEVICE, None, "{}").await;
    let path = west.get("/twins/pump-0042/x").await.hub_error();
    for other in ["/", "/enrollments/x", "/0ne00002193/registrations/pump-0042/register"] {
        assert_eq!(west.get(other).await.hub_error().1, "ResourceNotFound", "{other}");
    }
    let long = "x".repeat(1024 * 1024 + 1);
    let long = west.ask("PATCH", TWIN, None, &long).await.hub_error();
    assert_eq!((long.0, long.1.as_str()), (413, "RequestEntityTooLarge"));

    assert_eq!((version.0, version.1.as_str()), (400, "InvalidProtocolVersion"));
    assert_eq!((verb.hub_error().0, verb.header("allow")), (405, Some("GET, PUT, DELETE")));
    assert_eq!(path.0, 404);
}
