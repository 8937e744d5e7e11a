//! A service that is ended and started again on the same state (`serve --state`).

use std::fs;
use std::path::Path;

use provision_sim::api_client::{Kind, ServiceClient};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cli::{HUB, Machine, TUTORIAL_KEY};
use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{HUB_EAST, HUB_WEST, PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::service::within;

async fn started(folder: &TempDir) -> TestService {
    Setup::new().state(folder.path()).start().await
}

async fn device(service: &TestService) -> Client {
    Client::connect(service, &Device::new("Pump-0042")).await
}

#[tokio::test]
async fn j_32_a_device_finds_its_record_its_hub_and_its_last_two_operations() {
    let folder = TempDir::new().unwrap();
    let service = started(&folder).await;
    let mut client = device(&service).await;
    let first = client.provision("").await;
    let second = client.provision("").await;
    assert_eq!(second.state()["assignedHub"], HUB_WEST);
    service.stop().await;

    let service = started(&folder).await;
    let mut client = device(&service).await;

    assert_eq!(client.poll(&first.operation_id()).await.text, first.text, "A-9");
    assert_eq!(client.poll(&second.operation_id()).await.text, second.text, "J-15");
    let third = client.provision("").await;
    assert_eq!(third.state()["substatus"], "reprovisionedToInitialAssignment", "F.6");
    for member in ["assignedHub", "deviceId", "createdDateTimeUtc"] {
        assert_eq!(third.state()[member], first.state()[member]);
    }
    let gone = client.poll(&first.operation_id()).await;
    assert_eq!(gone.error().1, 404_203, "nothing grows with the number of registrations");
}

fn group(id: &str) -> Value {
    json!({
        "enrollmentGroupId": id,
        "attestation": { "type": "symmetricKey" },
        "initialTwin": { "tags": {}, "properties": { "desired": { "interval": 1.5 } } },
    })
}

async fn groups(back_end: &ServiceClient) -> Vec<Value> {
    let groups = back_end.list(Kind::Group).await.unwrap();
    groups.iter().map(provision_sim::api_client::Record::value).collect()
}

#[tokio::test]
async fn e_5_what_the_service_api_made_and_deleted_stays_made_and_deleted() {
    let folder = TempDir::new().unwrap();
    let service = started(&folder).await;
    let back_end = service.back_end();
    back_end.put(Kind::Group, "valves", &group("valves"), None).await.unwrap();
    let key = back_end.attestation(Kind::Group, "valves").await.unwrap().value();
    back_end.delete(Kind::Group, "retired", None).await.unwrap();
    let before = groups(&back_end).await;
    service.stop().await;

    let service = started(&folder).await;
    let back_end = service.back_end();

    assert_eq!(groups(&back_end).await, before, "times and etags too");
    assert_eq!(before.len(), 2);
    let attestation = back_end.attestation(Kind::Group, "valves").await.unwrap();
    assert_eq!(attestation.value(), key, "the key that was made (J-44)");
    let group_key = key["symmetricKey"]["primaryKey"].as_str().unwrap();
    let key = crate::support::service::token::derived(group_key, "valve-1");
    let mut client = Client::connect(&service, &Device::with_key("valve-1", &key)).await;
    assert_eq!(client.provision("").await.status(), 200);
}

#[tokio::test]
async fn j_32_an_operation_that_was_under_way_is_seen_through() {
    let folder = TempDir::new().unwrap();
    let answer = Reaction::hub(HUB_EAST);
    let Reaction::Answer(status, text) = answer.clone() else { panic!() };
    let mut webhook = Webhook::start([Reaction::Held(status, text), answer]).await;
    let url = webhook.url();
    let started = || Setup::custom(&url, "").state(folder.path()).start();
    let service = started().await;
    let accepted = device(&service).await.register(r#"{"payload":{"floor":1.50}}"#).await;
    let first = webhook.call().await;
    service.stop().await;

    let service = started().await;
    let second = webhook.call().await;
    let mut client = device(&service).await;
    let answer = loop {
        let answer = client.poll(&accepted.operation_id()).await;
        if answer.status() == 200 {
            break answer;
        }
    };

    assert_eq!(answer.state()["assignedHub"], HUB_EAST);
    assert_eq!(second.body, first.body, "it is asked the same once more");
    assert!(second.body.contains("1.50"), "{}", second.body);
}

#[tokio::test]
async fn j_121_an_operation_whose_enrollment_is_gone_fails_with_404201() {
    let folder = TempDir::new().unwrap();
    let mut webhook = Webhook::start([Reaction::Held(200, String::new())]).await;
    let service = Setup::custom(&webhook.url(), "").state(folder.path()).start().await;
    let accepted = device(&service).await.register("").await;
    webhook.call().await;
    service.stop().await;

    // Its device is still believed, as one of another group with the same key.
    let other = format!(
        r#"
        idScope = "{SCOPE}"
        linkedHubs = ["{HUB_EAST}"]

        [[enrollmentGroups]]
        enrollmentGroupId = "valves"
        attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{PRIMARY_KEY}" }} }}
        "#
    );
    let service = Setup::from_config(other).state(folder.path()).start().await;
    let mut client = device(&service).await;
    let answer = loop {
        let answer = client.poll(&accepted.operation_id()).await;
        if answer.status() == 200 {
            break answer;
        }
    };

    assert_eq!(answer.state()["status"], "failed");
    assert_eq!(answer.state()["errorCode"], 404_201);
}

#[tokio::test]
async fn a_state_that_is_in_use_is_refused_and_free_when_its_service_has_stopped() {
    let folder = TempDir::new().unwrap();
    let service = started(&folder).await;
    let machine = Machine::new();
    let serve = ["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "--state"];
    let path = folder.path().to_str().unwrap();
    let refused = tokio::task::spawn_blocking({
        let command =
            [&serve[..], &[path]].concat().iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        move || {
            let command: Vec<_> = command.iter().map(String::as_str).collect();
            machine.run(&command)
        }
    });
    let refused = within("the refusal", refused).await.unwrap().assert_exit(2);

    assert!(refused.stderr.contains("is in use"), "{refused:?}");
    assert!(refused.stderr.contains("another `provision-sim serve`"), "{refused:?}");
    service.stop().await;
    started(&folder).await;
}

// --- The command ---

fn refusal(machine: &Machine, state: &Path) -> String {
    let state = state.to_str().unwrap();
    let serve =
        ["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "--state", state];
    machine.run(&serve).assert_exit(2).stderr
}

#[test]
fn serve_says_what_is_wrong_with_its_state_and_what_to_do() {
    let machine = Machine::new();
    let file = machine.path("dps/state.redb");
    let (folder, shown) = (machine.path("dps"), file.display().to_string());
    machine.serve(&["--state", folder.to_str().unwrap()]).end();
    let good = fs::read(&file).unwrap();
    let refused = |content: &[u8]| {
        fs::write(&file, content).unwrap();
        refusal(&machine, &folder)
    };

    for (content, what) in [
        (&b""[..], "is no state of provision-sim: it is empty"),
        (b"hello", "is no state of provision-sim: it is a file of another kind"),
        (&good[..good.len() / 2], "is damaged: "),
        (&good[..100], "is damaged: "),
    ] {
        let told = refused(content);
        assert!(told.contains(&format!("error: --state: {shown} {what}")), "{told}");
        assert!(told.contains("move the file away"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    fs::write(&file, good).unwrap();
    let other = machine.file("other.toml", "idScope = \"0neOther\"");
    let serve = ["serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "--state"];
    let arguments = [folder.to_str().unwrap(), "--config", other.to_str().unwrap()];
    let told = machine.run(&[&serve[..], &arguments].concat()).assert_exit(2).stderr;
    assert!(told.contains("the state of ID scope 0ne00002193, the configuration has 0neOther"));
    let told = refusal(&machine, &file);
    assert!(told.contains(&format!("error: --state: {shown} is not a folder")), "{told}");
    assert!(refusal(&machine, &file.join("x")).contains("cannot make"));
}

/// J-124.
#[test]
fn the_sample_function_has_another_address_after_a_restart_and_its_group_knows_it() {
    let machine = Machine::new();
    let folder = machine.path("dps");
    let serve = || machine.serve(&["--retry-after", "0s", "--state", folder.to_str().unwrap()]);
    let register = || {
        let id = ["register", "--local", "--reg-id", "contoso-toaster-007"];
        machine
            .run(&[&id[..], &["--group-key", TUTORIAL_KEY, "-o", "json"]].concat())
            .assert_exit(0)
            .json()
    };
    let group = || {
        let id = ["--enrollment-id", "contoso-custom-allocated-devices", "-o", "json"];
        let show = [&["enrollment-group", "show", "--local"][..], &id].concat();
        machine.run(&show).assert_exit(0).json()
    };
    let first = serve();
    let (registered, before) = (register(), group());
    first.end();

    let _second = serve();
    let (again, after) = (register(), group());

    assert_eq!(registered["registrationState"]["assignedHub"], HUB);
    assert_eq!(again["registrationState"]["assignedHub"], HUB);
    assert_eq!(again["registrationState"]["substatus"], "reprovisionedToInitialAssignment");
    assert_eq!(after["etag"], before["etag"], "it is the same record");
    let address = |group: &Value| group["customAllocationDefinition"]["webhookUrl"].clone();
    assert_ne!(address(&after), address(&before));
}

/// A disk that is full is made of a limit on the size of files.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_disk_does_not_keep_is_refused_and_the_service_goes_on() {
    use provision_sim::api_client::CallError;
    use provision_sim::net::{Trust, client_config};
    let machine = Machine::new();
    let folder = machine.path("dps");
    let state = ["--state", folder.to_str().unwrap()];
    let back_end = |serve: &crate::support::cli::Serve| {
        let tls = client_config(&Trust::File(serve.ca_file().to_owned())).unwrap();
        let connection = serve.ready["serviceConnectionString"].as_str().unwrap();
        ServiceClient::new(connection.parse().unwrap(), &tls)
    };
    let large = |id: &str| {
        let mut group = group(id);
        group["addedLater"] = "x".repeat(200_000).into();
        group
    };
    // 4 MiB for dash and 8 MiB for shells that count in KiB.
    let limited = machine.serve_from_shell("trap '' XFSZ; ulimit -f 8192", &state);
    let client = back_end(&limited);
    let mut kept = 0;
    let refused = loop {
        let id = format!("group-{kept}");
        match client.put(Kind::Group, &id, &large(&id), None).await {
            Ok(_) => kept += 1,
            Err(CallError::Refused(refusal)) => break (id, refusal),
            Err(other) => panic!("{other}"),
        }
        assert!(kept < 1000, "the limit does nothing");
    };
    assert_eq!(refused.1.status, 500, "{refused:?}");
    assert!(kept > 0);
    let shown = client.get(Kind::Group, &refused.0).await.unwrap_err();
    assert!(matches!(&shown, CallError::Refused(it) if it.status == 404), "{shown}");
    assert_eq!(client.list(Kind::Group).await.unwrap().len(), kept + 2, "with the default world's");
    limited.log_with("the state cannot be written");
    drop(limited);

    let serve = machine.serve_without_events(&state);
    let client = back_end(&serve);
    assert_eq!(client.list(Kind::Group).await.unwrap().len(), kept + 2);
    client.put(Kind::Group, &refused.0, &large(&refused.0), None).await.unwrap();
}
