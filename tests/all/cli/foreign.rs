//! What a service may do to whoever reads its answers: nothing. And what of them counts as success.

use serde_json::json;

use crate::support::cli::{Machine, Ran};
use crate::support::scripted::http::{HttpServer, answer};

/// A service that gives this answer to everything.
async fn service(status: u16, body: &str) -> HttpServer {
    HttpServer::start([vec![answer(status, &[], body)]]).await
}

/// A command of a device, over HTTPS.
fn run(machine: &Machine, server: &HttpServer, command: &str, more: &[&str]) -> Ran {
    let ca_file = machine.file("ca.pem", server.ca_pem());
    let host = server.address().to_string();
    let device = [
        command,
        "--host",
        &host,
        "--ca-file",
        ca_file.to_str().unwrap(),
        "--id-scope",
        "0ne00002193",
        "--reg-id",
        "pump-0042",
        "--device-key",
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "--transport",
        "https",
    ];
    machine.run(&[&device, more].concat())
}

fn state(hub: &str, device_id: &str, registration_id: &str) -> serde_json::Value {
    json!({
        "registrationId": registration_id, "assignedHub": hub, "deviceId": device_id,
        "status": "assigned",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn j_240_an_assignment_to_no_hub_or_of_another_device_is_none_and_is_not_kept() {
    for (state, told) in [
        (state("", "pump-0042", "pump-0042"), "assignedHub` is \"\", which is none: it is empty"),
        (state(" ", "pump-0042", "pump-0042"), "assignedHub` is \" \", which is none"),
        (state("https://hub.net/", "pump-0042", "pump-0042"), "which is none: ':' at position 6"),
        (state("hub..net", "pump-0042", "pump-0042"), "empty part between dots"),
        (state("hub.net", "", "pump-0042"), "deviceId` is \"\", which is none"),
        (state("hub.net", "a/b", "pump-0042"), "'/' at position 2"),
        (state("hub.net", "pump-0042", "pump-0043"), "it is about the device \"pump-0043\""),
    ] {
        let machine = Machine::new();
        let cache = machine.path("cache.json");
        let kept = cache.to_str().unwrap();
        let body = json!({"operationId": "5.x", "status": "assigned", "registrationState": state});

        let registering = service(200, &body.to_string()).await;
        let registered = run(&machine, &registering, "register", &["--cache", kept]).assert_exit(5);
        let asked = service(200, &state.to_string()).await;
        let looked = run(&machine, &asked, "status", &[]).assert_exit(5);

        for ran in [registered, looked] {
            assert!(ran.stderr.contains("the service's answer breaks the protocol"), "{ran:?}");
            assert!(ran.stderr.contains(told), "{told}: {ran:?}");
        }
        assert!(!cache.exists(), "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j_240_the_case_of_a_registration_id_does_not_make_another_device() {
    let machine = Machine::new();
    let server = service(200, &state("Hub.net", "p-42", "PUMP-0042").to_string()).await;

    let looked = run(&machine, &server, "status", &[]).assert_exit(0);

    assert!(looked.stdout.contains("Hub.net, deviceId: p-42"), "{looked:?}");
}
