//! What a service may do to whoever reads its answers: nothing. And what of them counts as success.

use serde_json::json;

use crate::support::cli::{Machine, Ran};
use crate::support::scripted::http::{HttpServer, answer};

/// A service that gives this answer to everything, and closes the connection.
async fn service(status: u16, body: &str) -> HttpServer {
    HttpServer::start([vec![answer(status, &["Connection: close"], body)]]).await
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

/// Sets a title, forges a line, clears the screen (C1), turns letters round.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\nerror: forged\r\u{9b}2J\u{202e}";

/// Nothing but text and line ends, and no line that the service has begun.
#[track_caller]
fn assert_inert(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(steers), "{text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("error: forged")), "{text}");
    }
    assert!(ran.stdout.contains("owned") || ran.stderr.contains("owned"), "not shown: {ran:?}");
}

fn hostile_error() -> String {
    json!({"errorCode": 400004, "trackingId": HOSTILE, "message": HOSTILE, "timestampUtc": HOSTILE})
        .to_string()
}

/// What is in the answers reaches both streams, in every format.
#[tokio::test(flavor = "multi_thread")]
async fn j_241_no_answer_to_a_device_steers_the_terminal() {
    let assigned = json!({
        "registrationId": "pump-0042", "assignedHub": "hub.net", "deviceId": "p-42",
        "status": "assigned", "payload": { "a": HOSTILE }, "etag": HOSTILE,
    });
    let failed = json!({
        "status": "failed", "errorCode": 400207, "errorMessage": HOSTILE,
        "lastUpdatedDateTimeUtc": HOSTILE,
    });
    let strange = json!({ "status": HOSTILE, "assignedHub": HOSTILE });
    let elsewhere = json!({ "status": "assigned", "assignedHub": HOSTILE, "deviceId": HOSTILE });
    for (state, exit) in [(assigned, 0), (failed, 5), (strange, 5), (elsewhere, 5)] {
        let body =
            json!({"operationId": "5.x", "status": state["status"], "registrationState": state});
        // As it is allowed in JSON: line ends between members, C1 and marks of direction in texts.
        let body = serde_json::to_string_pretty(&body).unwrap();
        let registering = service(200, &body).await;
        let asked = service(200, &serde_json::to_string_pretty(&state).unwrap()).await;
        let machine = Machine::new();
        for format in ["text", "json", "jsonl"] {
            for more in [&["-o", format][..], &["-o", format, "--explain"]] {
                assert_inert(&run(&machine, &registering, "register", more).assert_exit(exit));
            }
            assert_inert(&run(&machine, &asked, "status", &["-o", format]).assert_exit(exit));
        }
    }
    for (status, body) in [(400, hostile_error()), (200, HOSTILE.to_owned())] {
        let server = service(status, &body).await;
        let machine = Machine::new();
        for format in ["text", "json", "jsonl"] {
            for command in ["register", "status", "diagnose"] {
                let ran = run(&machine, &server, command, &["-o", format]).assert_exit(5);
                assert_inert(&ran);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j_241_nor_what_a_busy_service_says_while_the_device_waits() {
    let busy = answer(429, &["Retry-After: 600"], &hostile_error());
    let server = HttpServer::start([vec![busy]]).await;
    let machine = Machine::new();

    for command in ["register", "status"] {
        assert_inert(&run(&machine, &server, command, &["--timeout", "30s", "-v"]).assert_exit(6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j_241_nor_what_a_fleet_is_told_and_what_it_writes() {
    let server = service(400, &hostile_error()).await;
    let machine = Machine::new();
    let ca_file = machine.file("ca.pem", server.ca_pem());
    let results = machine.path("results.jsonl");
    let host = server.address().to_string();
    for format in ["text", "json", "jsonl"] {
        let ran = machine.run(&[
            "fleet",
            "--host",
            &host,
            "--ca-file",
            ca_file.to_str().unwrap(),
            "--id-scope",
            "0ne00002193",
            "--group-key",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "--count",
            "1",
            "--transport",
            "https",
            "--results",
            results.to_str().unwrap(),
            "-o",
            format,
        ]);
        assert_inert(&ran);
        let file = std::fs::read_to_string(&results).unwrap();
        assert!(!file.trim_end().contains(char::is_control) && file.contains("forged"), "{file:?}");
    }
}

/// The service API: anybody who may write enrollments is foreign to who lists them.
#[tokio::test(flavor = "multi_thread")]
async fn j_241_nor_the_records_of_a_service_and_its_refusals() {
    let record = json!({
        "enrollmentGroupId": HOSTILE, "registrationId": HOSTILE, "deviceId": HOSTILE,
        "attestation": { "type": HOSTILE }, "allocationPolicy": HOSTILE, "iotHubs": [HOSTILE],
        "provisioningStatus": HOSTILE, "etag": HOSTILE, "initialTwin": { "tags": HOSTILE },
        "customAllocationDefinition": { "webhookUrl": HOSTILE },
    });
    let machine = Machine::new();
    let found = service(200, &serde_json::to_string_pretty(&record).unwrap()).await;
    let list = service(200, &serde_json::to_string_pretty(&json!([record])).unwrap()).await;
    let refusing = service(400, &hostile_error()).await;
    let call = |server: &HttpServer, command: &[&str], format: &str| {
        let ca_file = machine.file("ca.pem", server.ca_pem());
        let connection = format!(
            "HostName={};SharedAccessKeyName=a;SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAA==",
            server.address()
        );
        let ca_file = ["--ca-file", ca_file.to_str().unwrap()];
        let more = ["--connection-string", &connection, "-o", format];
        machine.run(&[command, &ca_file, &more].concat())
    };
    for format in ["text", "json", "jsonl"] {
        for kind in ["enrollment", "enrollment-group"] {
            let show = [kind, "show", "--enrollment-id", "a"];
            assert_inert(&call(&found, &show, format).assert_exit(0));
            assert_inert(&call(&list, &[kind, "list"], format).assert_exit(0));
            for command in ["show", "delete"] {
                let ran = call(&refusing, &[kind, command, "--enrollment-id", "a"], format);
                assert_inert(&ran.assert_exit(5));
            }
        }
        assert_inert(&call(&list, &["export", "-"], format).assert_exit(0));
        assert_inert(&call(&refusing, &["export", "-"], format).assert_exit(5));
    }
}

#[test]
fn j_241_nor_what_stands_in_files_and_caches() {
    let machine = Machine::new();
    let serve = machine.serve(&["--retry-after", "0s"]);
    let cache = json!({
        "version": 1, "host": serve.mqtt(), "idScope": "0ne00002193", "assignedHub": "hub.net",
        "registrationId": HOSTILE, "deviceId": "a",
    });
    let cache = machine.file("cache.json", &cache.to_string());
    let report = machine.file("report.json", &json!({ HOSTILE: HOSTILE }).to_string());
    let list = machine
        .file("list.csv", &format!("registrationId,{}\na,b\n", HOSTILE.replace(['\n', '\r'], " ")));

    let connect = ["--local", "--reg-id", "contoso-toaster-007", "--connect"];
    let kept =
        machine.run(&[&["register"], &connect[..], &["--cache", cache.to_str().unwrap()]].concat());
    let listed = machine.run(&["fleet", "--local", "--reg-ids", list.to_str().unwrap()]);
    let merged = machine.run(&["fleet", "merge", report.to_str().unwrap()]);

    assert_inert(&kept.assert_exit(0));
    assert_inert(&listed.assert_exit(2));
    assert!(!merged.stderr.contains('\u{1b}'), "{merged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn j_242_a_status_alone_convinces_nobody_and_who_answers_is_told() {
    let page = "<html><head><title>Blocked by\n\u{1b}[31mcontoso proxy</title></head></html>";
    for status in [200, 401, 403, 407] {
        let server = service(status, page).await;
        let machine = Machine::new();
        for command in ["register", "status", "diagnose"] {
            let ran = run(&machine, &server, command, &[]).assert_exit(3);

            let told = format!("{}{}", ran.stdout, ran.stderr);
            assert!(told.contains("something else answers in the service's place"), "{told}");
            assert!(told.contains("Blocked by \\u{1b}[31mcontoso proxy"), "{told}");
            assert!(!told.contains("the key is not") && !told.contains('\u{1b}'), "{told}");
        }
        let ca_file = machine.file("ca.pem", server.ca_pem());
        let connection = format!(
            "HostName={};SharedAccessKeyName=a;SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAA==",
            server.address()
        );
        let ran = machine.run(&[
            "enrollment",
            "list",
            "--ca-file",
            ca_file.to_str().unwrap(),
            "--connection-string",
            &connection,
        ]);
        if status != 200 {
            let ran = ran.assert_exit(3);
            assert!(ran.stderr.contains("something else than a provisioning service"), "{ran:?}");
            assert!(ran.stderr.contains("contoso proxy"), "{ran:?}");
        }
    }
    let portal = answer(302, &["Location: http://login.hotel.example/"], "");
    let portal = HttpServer::start([vec![portal]]).await;
    let ran = run(&Machine::new(), &portal, "register", &[]).assert_exit(3);
    assert!(ran.stderr.contains("sends the device to \"http://login.hotel.example/\""), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_8_a_hub_that_refuses_dps_is_not_the_devices_fault() {
    let words = r#"{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized","ExceptionMessage":"Tracking ID:1"}"#;
    let twice = json!({ "Message": words }).to_string();
    let of = |code: u32, message: &str| {
        json!({"operationId": "5.x", "status": "failed", "registrationState": {
            "status": "failed", "errorCode": code, "errorMessage": message,
        }})
    };
    let throttled = r#"{"Message":"ErrorCode:ThrottlingBacklogTimeout;Wait 10 seconds"}"#;
    for (code, message, told) in [
        (
            401_002,
            words,
            "answered the provisioning service with IotHubUnauthorizedAccess (Unauthorized)",
        ),
        (400_000, &twice, "link the hub anew"),
        (401_002, "", "link the hub anew"),
        (429_001, throttled, "with ThrottlingBacklogTimeout (Wait 10 seconds)"),
    ] {
        let server = service(200, &of(code, message).to_string()).await;
        let machine = Machine::new();

        let ran = run(&machine, &server, "register", &[]).assert_exit(5);
        let explained = machine.run(&["explain", &of(code, message).to_string()]).assert_exit(0);

        assert!(ran.stderr.contains(told), "{ran:?}");
        for text in [&ran.stderr, &explained.stdout] {
            assert!(
                text.contains("evice is believed")
                    || text.contains("was believed")
                    || text.contains("link the hub"),
                "{text}"
            );
            for never in ["the key is not", "401002 Unauthorized", "clock"] {
                assert!(!text.contains(never), "{never}: {text}");
            }
        }
    }
}
