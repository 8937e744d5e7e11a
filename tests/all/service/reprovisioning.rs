//! The table of F.6, row by row and over the wire: a device registers, its twin is changed on its
//! hub, it registers again; what it is told, and what the hubs know of it then.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::service::ResetOnSameHub;
use serde_json::{Value, json};

use crate::support::service::back_end::BackEnd;
use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{
    HUB_EAST, HUB_WEST, PRIMARY_KEY, SECONDARY_KEY, Setup, TestService,
};
use crate::support::service::token::decoded;
use crate::support::service::webhook::{Reaction, Webhook};

const ID: &str = "pump-0042";
const TWIN: &str = "/twins/pump-0042";
/// The API version from which on devices know the newer word, and the one before it.
const NEWER: &str = "2019-04-15";
const OLDER: &str = "2019-03-31";

const MIGRATE: &str =
    "reprovisionPolicy = { updateHubAssignment = true, migrateDeviceData = true }";
const RESET: &str = "reprovisionPolicy = { updateHubAssignment = true, migrateDeviceData = false }";
const NEVER: &str =
    "reprovisionPolicy = { updateHubAssignment = false, migrateDeviceData = false }";
const NEVER_EITHER: &str =
    "reprovisionPolicy = { updateHubAssignment = false, migrateDeviceData = true }";

/// A hub with the first twin that the webhook wants.
fn with_twin(hub: &str) -> Reaction {
    let twin = r#"{"tags":{"from":"webhook"},"properties":{"desired":{"by":"webhook"}}}"#;
    Reaction::Answer(200, format!(r#"{{"iotHubHostName":"{hub}","initialTwin":{twin}}}"#))
}

/// A service whose webhook follows a script, and whose enrollment has a first twin too.
struct Town {
    service: TestService,
    webhook: Webhook,
}

impl Town {
    async fn new(policy: &str, script: impl IntoIterator<Item = Reaction>) -> Self {
        Self::with(policy, script, ResetOnSameHub::default()).await
    }

    async fn with(
        policy: &str,
        script: impl IntoIterator<Item = Reaction>,
        on_same_hub: ResetOnSameHub,
    ) -> Self {
        let webhook = Webhook::start(script).await;
        let twin = r#"initialTwin = { tags = { from = "enrollment" }, properties.desired = { by = "enrollment" } }"#;
        let setup = Setup::custom(&webhook.url(), &format!("{policy}\n{twin}"));
        let setup = setup.retry_after(Duration::ZERO).on_same_hub(on_same_hub);
        Self { service: setup.start().await, webhook }
    }

    /// The state that the device reads at the end of a registration, and what the webhook was asked.
    async fn register(&mut self, version: &str) -> (Value, Value) {
        let device = Device::new(ID).api_version(version);
        let answer = Client::connect(&self.service, &device).await.provision("").await;
        let asked = serde_json::from_str(&self.webhook.call().await.body).expect("JSON");
        (answer.state(), asked)
    }

    /// Gives the device a life on a hub: tags and desired properties of the back end.
    async fn live(&self, hub: &str) -> Value {
        let patch = r#"{"tags":{"from":"life"},"properties":{"desired":{"by":"life","n":1}}}"#;
        let mut back_end = BackEnd::of_hub(&self.service, hub).await;
        back_end.ask("PATCH", TWIN, None, patch).await.ok()
    }

    async fn twin(&self, hub: &str) -> Option<Value> {
        twin(&self.service, hub, TWIN).await
    }
}

async fn twin(service: &TestService, hub: &str, path: &str) -> Option<Value> {
    let told = BackEnd::of_hub(service, hub).await.get(path).await;
    if told.status == 404 {
        return None;
    }
    Some(told.ok())
}

/// Who wrote the twin: its tags and its desired properties, which must agree.
#[track_caller]
fn writer(twin: &Value) -> &str {
    let (tags, desired) = (&twin["tags"]["from"], &twin["properties"]["desired"]["by"]);
    assert_eq!(tags, desired, "{twin}");
    tags.as_str().expect("a text")
}

/// What the webhook is told of an earlier assignment (G.3).
fn current(asked: &Value) -> (Option<&str>, Option<&str>) {
    let context = &asked["deviceRuntimeContext"];
    (context["currentIotHubHostName"].as_str(), context["currentDeviceId"].as_str())
}

/// What a device of that version reads for the same hub again.
fn same_again(version: &str) -> &'static str {
    if version == OLDER { "initialAssignment" } else { "reprovisionedToInitialAssignment" }
}

/// Changes an enrollment by the service API.
async fn put(service: &TestService, path: &str, body: &Value) {
    let mut dps = BackEnd::of_service(service).await;
    dps.ask("PUT", path, Some("*"), &body.to_string()).await.ok();
}

async fn forget(service: &TestService, id: &str) {
    let mut dps = BackEnd::of_service(service).await;
    let told = dps.ask("DELETE", &format!("/registrations/{id}"), None, "").await;
    assert_eq!(told.status, 204, "{}", told.text);
}

// --- Without a record ---

#[tokio::test]
async fn f_6_a_first_registration_takes_the_webhooks_twin_or_else_the_enrollments() {
    for version in [NEWER, OLDER] {
        for (answer, expected) in
            [(with_twin(HUB_WEST), "webhook"), (Reaction::hub(HUB_WEST), "enrollment")]
        {
            let mut town = Town::new(MIGRATE, [answer]).await;

            let (state, asked) = town.register(version).await;

            assert_eq!(state["substatus"], "initialAssignment", "{version}");
            assert_eq!(current(&asked), (None, None));
            let twin = town.twin(HUB_WEST).await.unwrap();
            assert_eq!((writer(&twin), &twin["version"]), (expected, &json!(1)));
            assert_eq!(town.twin(HUB_EAST).await, None);
        }
    }
}

#[tokio::test]
async fn f_6_a_hub_that_knows_a_device_without_a_record_keeps_its_twin() {
    for version in [NEWER, OLDER] {
        let mut town = Town::new(RESET, [with_twin(HUB_WEST)]).await;
        town.register(version).await;
        let lived = town.live(HUB_WEST).await;
        forget(&town.service, ID).await;

        let (state, asked) = town.register(version).await;

        assert_eq!(state["substatus"], same_again(version));
        assert_eq!(current(&asked), (None, None), "the record is gone");
        assert_eq!(town.twin(HUB_WEST).await, Some(lived));
    }
}

// --- The same hub again ---

#[tokio::test]
async fn f_6_migrate_on_the_same_hub_leaves_the_twin_untouched() {
    for version in [NEWER, OLDER] {
        let mut town = Town::new(MIGRATE, [with_twin(HUB_WEST)]).await;
        town.register(version).await;
        let lived = town.live(HUB_WEST).await;

        let (state, asked) = town.register(version).await;

        assert_eq!(state["substatus"], same_again(version));
        assert_eq!(current(&asked), (Some(HUB_WEST), Some(ID)));
        assert_eq!(town.twin(HUB_WEST).await, Some(lived));
    }
}

#[tokio::test]
async fn j_3_a_reset_on_the_same_hub_takes_the_enrollments_twin_whatever_the_webhook_says() {
    for version in [NEWER, OLDER] {
        let mut town = Town::new(RESET, [with_twin(HUB_WEST)]).await;
        town.register(version).await;
        let lived = town.live(HUB_WEST).await;

        let (state, _) = town.register(version).await;

        assert_eq!(state["substatus"], "deviceDataReset", "{version}");
        let twin = town.twin(HUB_WEST).await.unwrap();
        assert_eq!((writer(&twin), &twin["version"]), ("enrollment", &json!(1)));
        assert_eq!(twin["properties"]["desired"]["n"], Value::Null);
        assert_ne!(twin["deviceEtag"], lived["deviceEtag"], "a new identity");
    }
}

#[tokio::test]
async fn j_3_a_reset_on_the_same_hub_can_be_switched_off() {
    for version in [NEWER, OLDER] {
        let script = [with_twin(HUB_WEST)];
        let mut town = Town::with(RESET, script, ResetOnSameHub::Keep).await;
        town.register(version).await;
        let lived = town.live(HUB_WEST).await;

        let (state, _) = town.register(version).await;

        assert_eq!(state["substatus"], same_again(version));
        assert_eq!(town.twin(HUB_WEST).await, Some(lived));
    }
}

// --- Another hub ---

#[tokio::test]
async fn f_6_migrate_to_another_hub_takes_the_twin_along_and_the_old_hub_forgets_the_device() {
    for version in [NEWER, OLDER] {
        let mut town = Town::new(MIGRATE, [with_twin(HUB_WEST), with_twin(HUB_EAST)]).await;
        town.register(version).await;
        town.live(HUB_WEST).await;

        let (state, asked) = town.register(version).await;

        assert_eq!(state["assignedHub"], HUB_EAST);
        assert_eq!(state["substatus"], "deviceDataMigrated", "{version}");
        assert_eq!(current(&asked), (Some(HUB_WEST), Some(ID)));
        let twin = town.twin(HUB_EAST).await.unwrap();
        assert_eq!((writer(&twin), &twin["version"]), ("life", &json!(1)), "not the webhook's");
        assert_eq!(twin["properties"]["desired"]["n"], 1);
        assert_eq!(twin["properties"]["desired"]["$version"], 1);
        assert_eq!(town.twin(HUB_WEST).await, None);
    }
}

#[tokio::test]
async fn f_6_a_reset_to_another_hub_begins_anew_and_the_old_hub_forgets_the_device() {
    for version in [NEWER, OLDER] {
        for (answer, expected) in
            [(with_twin(HUB_EAST), "webhook"), (Reaction::hub(HUB_EAST), "enrollment")]
        {
            let mut town = Town::new(RESET, [with_twin(HUB_WEST), answer]).await;
            town.register(version).await;
            town.live(HUB_WEST).await;

            let (state, asked) = town.register(version).await;

            assert_eq!(state["substatus"], "deviceDataReset", "{version}");
            assert_eq!(current(&asked), (Some(HUB_WEST), Some(ID)));
            let twin = town.twin(HUB_EAST).await.unwrap();
            assert_eq!((writer(&twin), &twin["version"]), (expected, &json!(1)));
            assert_eq!(twin["properties"]["desired"]["n"], Value::Null);
            assert_eq!(town.twin(HUB_WEST).await, None);
        }
    }
}

#[tokio::test]
async fn f_6_moving_there_and_back_leaves_one_identity_and_names_the_last_hub() {
    let hubs = [HUB_WEST, HUB_EAST, HUB_WEST];
    let mut town = Town::new(MIGRATE, hubs.map(with_twin)).await;
    town.register(NEWER).await;
    town.live(HUB_WEST).await;
    town.register(NEWER).await;

    let (state, asked) = town.register(NEWER).await;

    assert_eq!(state["substatus"], "deviceDataMigrated");
    assert_eq!(current(&asked), (Some(HUB_EAST), Some(ID)));
    assert_eq!(writer(&town.twin(HUB_WEST).await.unwrap()), "life");
    assert_eq!(town.twin(HUB_EAST).await, None);
}

#[tokio::test]
async fn f_6_a_move_that_fails_changes_nothing_on_the_hubs() {
    let failure = Reaction::Answer(400, String::new());
    let mut town = Town::new(MIGRATE, [with_twin(HUB_WEST), failure]).await;
    town.register(NEWER).await;
    let lived = town.live(HUB_WEST).await;

    let (state, _) = town.register(NEWER).await;

    assert_eq!((&state["status"], &state["errorCode"]), (&json!("failed"), &json!(400_207)));
    assert_eq!(town.twin(HUB_WEST).await, Some(lived));
}

// --- Never ---

#[tokio::test]
async fn f_6_never_offers_the_webhook_the_present_hub_only_and_ignores_its_twin() {
    for policy in [NEVER, NEVER_EITHER] {
        for version in [NEWER, OLDER] {
            let mut town = Town::new(policy, [with_twin(HUB_WEST)]).await;
            town.register(version).await;
            let lived = town.live(HUB_WEST).await;

            let (state, asked) = town.register(version).await;

            assert_eq!(asked["linkedHubs"], json!([HUB_WEST]));
            assert_eq!(current(&asked), (Some(HUB_WEST), Some(ID)));
            assert_eq!(state["substatus"], same_again(version));
            assert_eq!(town.twin(HUB_WEST).await, Some(lived));
        }
    }
}

/// The group `pumps` of [`Setup::new`] as the service API has it.
fn group(hub: &str, policy: &Value) -> Value {
    json!({
        "enrollmentGroupId": "pumps",
        "allocationPolicy": "static",
        "iotHubs": [hub],
        "attestation": {
            "type": "symmetricKey",
            "symmetricKey": { "primaryKey": PRIMARY_KEY, "secondaryKey": SECONDARY_KEY },
        },
        "reprovisionPolicy": policy,
    })
}

#[tokio::test]
async fn f_6_never_keeps_a_hub_that_the_enrollment_no_longer_names() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let never = json!({ "updateHubAssignment": false, "migrateDeviceData": false });
    put(&service, "/enrollmentGroups/pumps", &group(HUB_WEST, &never)).await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    client.provision("").await;
    let before = twin(&service, HUB_WEST, TWIN).await;

    put(&service, "/enrollmentGroups/pumps", &group(HUB_EAST, &never)).await;
    let state = client.provision("").await.state();

    assert_eq!(state["assignedHub"], HUB_WEST);
    assert_eq!(state["substatus"], "reprovisionedToInitialAssignment");
    assert_eq!(twin(&service, HUB_WEST, TWIN).await, before);
    assert_eq!(twin(&service, HUB_EAST, TWIN).await, None);
}

/// J-23.
#[tokio::test]
async fn f_6_without_a_policy_old_devices_stay_and_newer_ones_migrate() {
    for (version, hub) in [("2018-04-01", HUB_WEST), ("2018-11-01", HUB_EAST), (NEWER, HUB_EAST)] {
        let service = Setup::new().retry_after(Duration::ZERO).start().await;
        let device = Device::new(ID).api_version(version);
        let mut client = Client::connect(&service, &device).await;
        client.provision("").await;

        put(&service, "/enrollmentGroups/pumps", &group(HUB_EAST, &Value::Null)).await;
        let state = client.provision("").await.state();

        assert_eq!(state["assignedHub"], hub, "{version}");
        for other in [HUB_WEST, HUB_EAST] {
            let is_there = twin(&service, other, TWIN).await.is_some();
            assert_eq!(is_there, other == hub, "{version} {other}");
        }
    }
}

// --- Names, keys and disabled enrollments ---

/// An enrollment of one device's own.
fn individual(device_id: &str, key: &str, status: &str) -> Value {
    json!({
        "registrationId": ID,
        "deviceId": device_id,
        "provisioningStatus": status,
        "allocationPolicy": "static",
        "iotHubs": [HUB_WEST],
        "attestation": {
            "type": "symmetricKey",
            "symmetricKey": { "primaryKey": key, "secondaryKey": key },
        },
    })
}

async fn enroll(service: &TestService, body: &Value) {
    put(service, "/enrollments/pump-0042", body).await;
}

/// A service where the device has an enrollment of its own.
async fn enrolled(device_id: &str) -> TestService {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let mut dps = BackEnd::of_service(&service).await;
    let body = individual(device_id, PRIMARY_KEY, "enabled").to_string();
    dps.ask("PUT", "/enrollments/pump-0042", None, &body).await.ok();
    service
}

async fn register_with(service: &TestService, key: &str) -> Value {
    let device = Device::with_key(ID, &decoded(key));
    Client::connect(service, &device).await.provision("").await.state()
}

#[tokio::test]
async fn f_6_the_device_id_stays_until_the_record_is_deleted_and_then_the_old_identity_stays() {
    let service = enrolled("first").await;
    register_with(&service, PRIMARY_KEY).await;
    enroll(&service, &individual("second", PRIMARY_KEY, "enabled")).await;

    let again = register_with(&service, PRIMARY_KEY).await;
    assert_eq!(again["deviceId"], "first");
    assert_eq!(twin(&service, HUB_WEST, "/twins/second").await, None);

    forget(&service, ID).await;
    let anew = register_with(&service, PRIMARY_KEY).await;
    assert_eq!(anew["deviceId"], "second");
    assert_eq!(anew["substatus"], "initialAssignment");
    for id in ["first", "second"] {
        let there = twin(&service, HUB_WEST, &format!("/twins/{id}")).await;
        assert_eq!(there.unwrap()["deviceId"], id, "E.7");
    }
}

/// K-8: what moves, and what begins anew.
#[tokio::test]
async fn f_6_a_move_takes_name_and_capabilities_along_and_a_reset_has_the_enrollments() {
    for (migrate, name, is_edge) in [(true, "first", true), (false, "second", false)] {
        let service = enrolled("first").await;
        let mut body = individual("first", PRIMARY_KEY, "enabled");
        body["capabilities"] = json!({ "iotEdge": true });
        enroll(&service, &body).await;
        register_with(&service, PRIMARY_KEY).await;
        let mut body = individual("second", PRIMARY_KEY, "enabled");
        body["capabilities"] = json!({ "iotEdge": false });
        body["iotHubs"] = json!([HUB_EAST]);
        body["reprovisionPolicy"] =
            json!({ "updateHubAssignment": true, "migrateDeviceData": migrate });
        enroll(&service, &body).await;

        let moved = register_with(&service, PRIMARY_KEY).await;

        assert_eq!((&moved["assignedHub"], &moved["deviceId"]), (&json!(HUB_EAST), &json!(name)));
        let there = twin(&service, HUB_EAST, &format!("/twins/{name}")).await.unwrap();
        assert_eq!(there["capabilities"]["iotEdge"], is_edge);
        assert_eq!(twin(&service, HUB_WEST, "/twins/first").await, None, "the old one is gone");
        let again = register_with(&service, PRIMARY_KEY).await;
        assert_eq!(
            (&again["deviceId"], &again["assignedHub"]),
            (&moved["deviceId"], &json!(HUB_EAST))
        );
    }
}

#[tokio::test]
async fn f_6_the_keys_of_the_identity_are_refreshed_and_its_twin_is_not() {
    let service = enrolled(ID).await;
    register_with(&service, PRIMARY_KEY).await;
    let mut west = BackEnd::of_hub(&service, HUB_WEST).await;
    let patch = r#"{"tags":{"from":"life"}}"#;
    west.ask("PATCH", TWIN, None, patch).await.ok();
    let before = west.get("/devices/pump-0042").await.ok();
    let other = STANDARD.encode([7; 32]);
    enroll(&service, &individual(ID, &other, "enabled")).await;

    register_with(&service, &other).await;

    let after = west.get("/devices/pump-0042").await.ok();
    assert_eq!(before["authentication"]["symmetricKey"]["primaryKey"], PRIMARY_KEY);
    assert_eq!(after["authentication"]["symmetricKey"]["primaryKey"], other);
    assert_eq!(after["authentication"]["symmetricKey"]["secondaryKey"], other);
    assert_ne!(after["etag"], before["etag"], "another version");
    assert_eq!(after["generationId"], before["generationId"], "the same identity");
    assert_eq!(west.get(TWIN).await.ok()["tags"]["from"], "life");
}

#[tokio::test]
async fn f_7_a_disabled_enrollment_answers_disabled_and_leaves_the_identity_to_the_hub() {
    let service = enrolled(ID).await;
    register_with(&service, PRIMARY_KEY).await;
    let before = twin(&service, HUB_WEST, TWIN).await;
    enroll(&service, &individual(ID, PRIMARY_KEY, "disabled")).await;

    let state = register_with(&service, PRIMARY_KEY).await;

    assert_eq!(state["status"], "disabled");
    assert_eq!(twin(&service, HUB_WEST, TWIN).await, before);
    assert!(before.is_some());
    enroll(&service, &individual(ID, PRIMARY_KEY, "enabled")).await;
    let again = register_with(&service, PRIMARY_KEY).await;
    assert_eq!(again["substatus"], "reprovisionedToInitialAssignment", "the record stayed");
}

#[tokio::test]
async fn f_7_an_identity_that_the_hub_lost_is_made_anew_at_the_next_registration() {
    let mut town = Town::new(MIGRATE, [with_twin(HUB_WEST)]).await;
    town.register(NEWER).await;
    town.live(HUB_WEST).await;
    let mut west = BackEnd::of_hub(&town.service, HUB_WEST).await;
    assert_eq!(west.ask("DELETE", "/devices/pump-0042", Some("*"), "").await.status, 204);

    let (state, _) = town.register(NEWER).await;

    assert_eq!(state["status"], "assigned");
    assert_eq!(writer(&town.twin(HUB_WEST).await.unwrap()), "webhook", "J-120");
}
