//! `enrollment-group`, `enrollment`, `export` and `import` against a service that runs.

use serde_json::Value;

use crate::support::cli::{HUB, Machine, Ran, Serve, TUTORIAL_KEY};
use crate::support::proxy::{ConnectProxy, Manner};

const GROUP_KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
const DEVICE_KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";
/// The tutorial's function, as a configuration writes it.
const FUNCTION: &str = "contoso:HttpTrigger1";
const EMPTY_WORLD: &str =
    "idScope = \"0ne00012345\"\nlinkedHubs = [\"a.azure-devices.net\", \"b.azure-devices.net\"]\n";

/// A service without enrollments.
fn empty(machine: &Machine) -> Serve {
    let config = machine.file("world.toml", EMPTY_WORLD);
    machine.serve(&["--retry-after", "0s", "--config", config.to_str().unwrap()])
}

/// A command about one record, against the service of `machine`.
fn records(machine: &Machine, command: &str, action: &str, id: &str, more: &[&str]) -> Ran {
    machine.run(&[&[command, action, "--local", "--enrollment-id", id], more].concat())
}

fn group(machine: &Machine, action: &str, id: &str, more: &[&str]) -> Ran {
    records(machine, "enrollment-group", action, id, more)
}

fn enrollment(machine: &Machine, action: &str, id: &str, more: &[&str]) -> Ran {
    records(machine, "enrollment", action, id, more)
}

/// A line of a record for people.
#[track_caller]
fn row(ran: &Ran, name: &str) -> String {
    let mut lines = ran.stdout.lines();
    let line = lines.find_map(|line| line.strip_prefix(&format!("{name:<18}")));
    line.unwrap_or_else(|| panic!("no {name}: {ran:?}")).to_owned()
}

fn register(machine: &Machine, id: &str, key: &[&str]) -> Ran {
    machine.run(&[&["register", "--local", "--reg-id", id, "-o", "json"], key].concat())
}

#[test]
fn the_tutorial_from_its_enrollment_to_its_device_with_commands_alone() {
    let machine = Machine::new();
    let _serve = machine.serve(&["--retry-after", "0s"]);
    let name = "contoso-custom-allocated-devices";
    group(&machine, "delete", name, &[]).assert_exit(0);
    assert_eq!(register(&machine, "contoso-toaster-007", &["--group-key", TUTORIAL_KEY]).exit, 4);

    // Create the enrollment, note the primary key.
    let policy = ["--allocation-policy", "custom", "--iot-hubs", HUB];
    let webhook = ["--webhook-url", FUNCTION, "--webhook-api-version", "2019-03-31"];
    let created = group(&machine, "create", name, &[policy, webhook].concat());
    let created = created.assert_exit(0);
    assert!(!created.stdout.contains("Primary key"), "{created:?}");
    let shown = group(&machine, "show", name, &["--show-keys"]).assert_exit(0);
    let key = row(&shown, "Primary key");
    assert_ne!(key, TUTORIAL_KEY, "the service made one");

    // Derive the device's key, register.
    let derive = ["derive-key", "--group-key", &key, "--reg-id", "contoso-toaster-007"];
    let derived = machine.run(&derive).assert_exit(0).stdout;
    let assigned = register(&machine, "contoso-toaster-007", &["--device-key", derived.trim()]);
    assert_eq!(assigned.assert_exit(0).json()["registrationState"]["assignedHub"], HUB);
}

#[test]
fn j_221_the_name_of_the_tutorials_function_is_taken_where_its_address_is() {
    let machine = Machine::new();
    let webhook = ["--webhook-url", FUNCTION, "--webhook-api-version", "2019-03-31"];
    let custom = [&["--allocation-policy", "custom"], &webhook[..]].concat();
    let dps = machine.path("dps.json");
    let dps = dps.to_str().unwrap();
    let hub = |id| {
        let state = register(&machine, id, &["--group", "toasters"]).assert_exit(0).json();
        state["registrationState"]["assignedHub"].clone()
    };
    {
        let _serve = machine.serve(&["--retry-after", "0s"]);
        group(&machine, "create", "toasters", &["--iot-hubs", HUB]).assert_exit(2);
        group(&machine, "create", "toasters", &[]).assert_exit(0);
        group(&machine, "update", "toasters", &custom).assert_exit(0);
        assert_eq!(hub("contoso-toaster-1"), HUB);
        machine.run(&["export", "--local", dps]).assert_exit(0);
    }
    // Its address is another one when the service is started again.
    let _serve = machine.serve(&["--retry-after", "0s"]);
    machine.run(&["import", "--local", dps]).assert_exit(0);
    assert_eq!(hub("contoso-toaster-1"), HUB);
}

#[test]
fn j_221_a_service_without_the_tutorials_function_is_not_sent_its_name() {
    let machine = Machine::new();
    let serve = empty(&machine);
    let custom = ["--allocation-policy", "custom", "--webhook-url", FUNCTION, "--av", "2019-03-31"];

    let here = group(&machine, "create", "toasters", &custom).assert_exit(2);
    assert!(here.stderr.contains("the service has no function contoso:HttpTrigger1"), "{here:?}");

    let connection = serve.ready["serviceConnectionString"].as_str().unwrap();
    let there = ["enrollment-group", "create", "--eid", "toasters", "-l", connection];
    let there = machine.run(&[&there[..], &custom].concat()).assert_exit(2);
    assert!(there.stderr.contains("only `provision-sim serve` runs"), "{there:?}");
    assert!(there.stderr.contains("try: give --local"), "{there:?}");

    let typed = ["--allocation-policy", "custom", "--webhook-url", "contoso:Trigger"];
    let typed = group(&machine, "create", "g", &[&typed[..], &["--av", "2019-03-31"]].concat());
    assert!(typed.assert_exit(2).stderr.contains("is contoso:HttpTrigger1"));
}

#[test]
fn a_group_is_created_listed_shown_updated_and_deleted() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let list = |format| machine.run(&["enrollment-group", "list", "--local", "-o", format]);
    assert_eq!(list("text").assert_exit(0).stdout, "No enrollment groups\n");
    assert_eq!(list("json").assert_exit(0).stdout, "[]\n");

    let made = group(
        &machine,
        "create",
        "pumps",
        &[
            "--primary-key",
            GROUP_KEY,
            "--iot-hubs",
            "a.azure-devices.net b.azure-devices.net",
            "--allocation-policy",
            "hashed",
            "--initial-twin-tags",
            r#"{"site":1}"#,
            "--webhook-url",
            "https://f.example/api/A?code=s3cret",
            "--api-version",
            "2021-10-01",
        ],
    )
    .assert_exit(0);
    assert_eq!(row(&made, "Webhook"), "https://f.example/api/A?****");
    assert_eq!(row(&made, "IoT hubs"), "a.azure-devices.net b.azure-devices.net");
    assert!(!made.stdout.contains(GROUP_KEY) && made.stderr.is_empty(), "{made:?}");

    let table = list("text").assert_exit(0).stdout;
    assert!(table.contains("pumps  symmetricKey  hashed      enabled"), "{table}");
    let all = list("json").assert_exit(0).json();
    assert_eq!(all[0]["attestation"], serde_json::json!({ "type": "symmetricKey" }));
    assert_eq!(list("jsonl").stdout.lines().count(), 1);

    let before = group(&machine, "show", "pumps", &["-o", "json"]).assert_exit(0).json();
    let url = "https://f.example/api/A?code=s3cret";
    assert_eq!(before["customAllocationDefinition"]["webhookUrl"], url);
    let changed = [
        "--provisioning-status",
        "disabled",
        "--reprovision-policy",
        "never",
        "--edge-enabled",
        "true",
        "--initial-twin-properties",
        r#"{"fan":2}"#,
    ];
    group(&machine, "update", "pumps", &changed).assert_exit(0);
    let after = group(&machine, "show", "pumps", &["--show-keys", "-o", "json"]);
    let after = after.assert_exit(0).json();
    assert_eq!(after["provisioningStatus"], "disabled");
    assert_eq!(after["reprovisionPolicy"]["updateHubAssignment"], false);
    assert_eq!(after["capabilities"]["iotEdge"], true);
    let twin =
        serde_json::json!({ "tags": { "site": 1 }, "properties": { "desired": { "fan": 2 } } });
    assert_eq!(after["initialTwin"], twin);
    assert_eq!(after["attestation"]["symmetricKey"]["primaryKey"], GROUP_KEY, "kept");
    assert_eq!(after["createdDateTimeUtc"], before["createdDateTimeUtc"]);
    for same in ["iotHubs", "allocationPolicy", "customAllocationDefinition"] {
        assert_eq!(after[same], before[same], "{same}");
    }

    let deleted = group(&machine, "delete", "pumps", &[]).assert_exit(0);
    assert_eq!(deleted.stdout, "Enrollment group pumps is deleted\n");
    let gone = group(&machine, "show", "pumps", &[]).assert_exit(5);
    assert!(gone.stderr.contains("404202") && gone.stderr.contains("tracking id: "), "{gone:?}");
    assert!(gone.stderr.contains("enrollment-group list"), "{gone:?}");
}

#[test]
fn an_enrollment_is_created_listed_shown_updated_and_deleted() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let key_file = machine.file("device.key", DEVICE_KEY);
    let key = format!("@{}", key_file.display());
    let flags =
        ["--attestation-type", "symmetricKey", "--primary-key", &key, "--device-id", "north"];

    let untyped = enrollment(&machine, "create", "pump-1", &[]).assert_exit(2);
    assert!(untyped.stderr.contains("--attestation-type"), "{untyped:?}");
    enrollment(&machine, "create", "pump-1", &flags).assert_exit(0);
    let assigned = register(&machine, "pump-1", &["--device-key", DEVICE_KEY]).assert_exit(0);
    assert_eq!(assigned.json()["registrationState"]["deviceId"], "north");

    let shown = enrollment(&machine, "show", "pump-1", &[]).assert_exit(0);
    assert_eq!(
        (row(&shown, "Device ID"), row(&shown, "Registration")),
        ("north".into(), "assigned".into())
    );
    assert!(!shown.stdout.contains("key "), "{shown:?}");
    let keys = enrollment(&machine, "show", "pump-1", &["--show-keys"]).assert_exit(0);
    assert_eq!(row(&keys, "Primary key"), DEVICE_KEY);
    let table = machine.run(&["enrollment", "list", "--local"]).assert_exit(0).stdout;
    assert!(table.lines().nth(1).unwrap().ends_with("enabled  north"), "{table}");

    enrollment(&machine, "update", "pump-1", &["--provisioning-status", "disabled"]).assert_exit(0);
    assert_eq!(register(&machine, "pump-1", &["--device-key", DEVICE_KEY]).exit, 5);
    let json = enrollment(&machine, "delete", "pump-1", &["-o", "json"]).assert_exit(0).json();
    assert_eq!(
        json,
        serde_json::json!({ "action": "deleted", "kind": "enrollments", "id": "pump-1" })
    );
    let gone = enrollment(&machine, "delete", "pump-1", &["-o", "json"]).assert_exit(5).json();
    assert_eq!(gone["error"]["code"], 404_201);
}

#[test]
fn d_5_certificates_and_names_of_cas_make_x509_records() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let out = machine.path("pki");
    machine.run(&["pki", "--out", out.to_str().unwrap(), "--reg-id", "pump-2"]).assert_exit(0);
    let file = |name: &str| out.join(name).to_str().unwrap().to_owned();

    let root = file("root-cert.pem");
    let made = group(&machine, "create", "signed", &["--certificate-path", &root]).assert_exit(0);
    assert_eq!(row(&made, "Attestation"), "x509");
    assert!(row(&made, "Primary cert.").starts_with("CN="), "{made:?}");
    // What the service tells of a certificate is enough to keep it.
    group(&machine, "update", "signed", &["--edge-enabled", "true"]).assert_exit(0);
    let named = group(&machine, "create", "named", &["--root-ca-name", "my-root"]).assert_exit(0);
    assert_eq!(row(&named, "Primary CA"), "my-root");
    let certificate = file("devices/pump-2-cert.pem");
    let x509 = ["--attestation-type", "x509", "--certificate-path", &certificate];
    enrollment(&machine, "create", "pump-2", &x509).assert_exit(0);

    let key = file("devices/pump-2-key.pem");
    let refused = group(&machine, "create", "wrong", &["--certificate-path", &key]).assert_exit(2);
    assert!(refused.stderr.contains("holds a private key"), "{refused:?}");
    assert!(!refused.stderr.contains("BEGIN"), "{refused:?}");
    enrollment(&machine, "create", "pump-3", &["--attestation-type", "x509"]).assert_exit(2);
}

#[test]
fn e_5_a_duplicate_and_an_old_etag_are_refused_and_explained() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let made = group(&machine, "create", "pumps", &["-o", "json"]).assert_exit(0).json();
    let old = made["etag"].as_str().unwrap();

    let twice = group(&machine, "create", "pumps", &[]).assert_exit(5);
    assert!(twice.stderr.contains("409202 EnrollmentGroupAlreadyExists"), "{twice:?}");
    assert!(twice.stderr.contains("try: change it with `provision-sim enrollment-group update`"));

    group(&machine, "update", "pumps", &["--edge-enabled", "--etag", old]).assert_exit(0);
    for action in ["update", "delete"] {
        let stale = group(&machine, action, "pumps", &["--etag", old]).assert_exit(5);
        assert!(stale.stderr.contains("412") && stale.stderr.contains("changed meanwhile"));
    }
    let error = group(&machine, "delete", "pumps", &["--etag", old, "-o", "json"]).json();
    assert_eq!(error["error"]["exitCode"], 5);
    let now = group(&machine, "show", "pumps", &["-o", "json"]).json();
    let now = now["etag"].as_str().unwrap();
    group(&machine, "delete", "pumps", &["--etag", now]).assert_exit(0);
}

#[test]
fn bad_input_exits_2_before_anything_is_sent_and_repeats_no_secret() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let cases: [&[&str]; 12] = [
        &["--primary-key", "s3cret!"],
        &["--primary-key", "czNjcmV0"],
        &["--primary-key", "-", "--initial-twin-tags", "-"],
        &["--primary-key", GROUP_KEY, "--root-ca-name", "s3cret"],
        &["--attestation-type", "x509", "--primary-key", GROUP_KEY],
        &["--webhook-url", "s3cret?code=s3cret", "--api-version", "2021-10-01"],
        &["--webhook-url", "https://f.example/?code=s3cret"],
        &["--allocation-policy", "custom"],
        &["--allocation-policy", "static"],
        &["--iot-hubs", "a.azure-devices.net"],
        &["--initial-twin-tags", "s3cret"],
        &["s3cret"],
    ];
    for flags in cases {
        let ran = group(&machine, "create", "pumps", flags).assert_exit(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.contains("s3cret"), "{ran:?}");
        assert!(!ran.stderr.contains("czNj") && !ran.stderr.contains(GROUP_KEY), "{ran:?}");
    }
    for text in ["s3cret", "HostName=a;SharedAccessKeyName=b;SharedAccessKey=s3cret!"] {
        let ran = machine.run(&["enrollment", "list", "--connection-string", text]).assert_exit(2);
        assert!(!ran.stderr.contains("s3cret"), "{ran:?}");
    }
    machine.run(&["enrollment", "list"]).assert_exit(2);
    let file =
        machine.file("bad.json", r#"{"enrollments":[{"registrationId":"a"},{"k":"s3cret"}]}"#);
    let ran = machine.run(&["import", "--local", file.to_str().unwrap()]).assert_exit(2);
    assert!(ran.stderr.contains("record 2") && !ran.stderr.contains("s3cret"), "{ran:?}");
    let left = machine.run(&["enrollment-group", "list", "--local", "-o", "json"]);
    assert_eq!(left.stdout, "[]\n");
}

#[test]
fn e_6_a_connection_string_opens_the_service_and_a_wrong_one_exits_4() {
    let machine = Machine::new();
    let serve = empty(&machine);
    let good = serve.ready["serviceConnectionString"].as_str().unwrap();
    let ca = serve.ca_file().to_str().unwrap();
    let list = ["enrollment-group", "list", "--ca-file", ca];
    let variable = |text| [("PROVISION_SIM_CONNECTION_STRING", text)];

    machine.run_with(&list, &variable(good), "").assert_exit(0);
    let piped = [&list[..], &["--connection-string", "-"]].concat();
    machine.run_with(&piped, &variable("flags beat it"), good).assert_exit(0);

    let wrong = format!("{}{DEVICE_KEY}", &good[..good.rfind("Key=").unwrap() + 4]);
    let ran = machine.run_with(&list, &variable(&wrong), "").assert_exit(4);
    assert!(ran.stderr.contains("401") && !ran.stderr.contains(DEVICE_KEY), "{ran:?}");
    let json = [&list[..], &["-o", "json"]].concat();
    let ran = machine.run_with(&json, &variable(&wrong), "").assert_exit(4).json();
    assert_eq!(ran["error"]["kind"], "unauthorized");
}

#[test]
fn whom_it_cannot_reach_or_trust_exits_3() {
    let machine = Machine::new();
    let local = machine.run(&["enrollment", "list", "--local"]).assert_exit(3);
    assert!(local.stderr.contains("no service is running"), "{local:?}");
    let serve = empty(&machine);
    let good = serve.ready["serviceConnectionString"].as_str().unwrap().to_owned();
    let other = machine.path("other");
    machine.run(&["pki", "--out", other.to_str().unwrap()]).assert_exit(0);
    let other = other.join("root-cert.pem");
    let ca = serve.ca_file().to_str().unwrap().to_owned();
    let list = |ca: &str, text: &str| {
        machine.run(&["enrollment", "list", "--ca-file", ca, "--connection-string", text])
    };

    let stranger = list(other.to_str().unwrap(), &good).assert_exit(3);
    assert!(stranger.stderr.contains("not signed by a trusted authority"), "{stranger:?}");
    assert!(stranger.stderr.contains("--ca-file"), "{stranger:?}");
    drop(serve);
    let closed = list(&ca, &good).assert_exit(3);
    assert!(closed.stderr.contains("cannot connect to localhost:"), "{closed:?}");
    assert!(closed.stderr.contains("): connection refused"), "{closed:?}");
}

#[test]
fn what_one_service_exports_another_imports_and_its_devices_still_register() {
    let (first, second) = (Machine::new(), Machine::new());
    let _one = empty(&first);
    let flags = ["--attestation-type", "symmetricKey", "--primary-key", DEVICE_KEY];
    enrollment(&first, "create", "pump-1", &flags).assert_exit(0);
    group(&first, "create", "pumps", &["--primary-key", GROUP_KEY]).assert_exit(0);
    group(&first, "create", "fans", &["--root-ca-name", "my-root"]).assert_exit(0);
    let file = first.path("dps.json");
    let path = file.to_str().unwrap();

    let said = first.run(&["export", "--local", path]).assert_exit(0);
    assert!(said.stdout.contains("enrollment groups: 2, enrollments: 1"), "{said:?}");
    assert!(!said.stdout.contains(GROUP_KEY));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let piped = first.run(&["export", "--local", "-"]).assert_exit(0).json();
    assert_eq!(written, piped);

    let _two = empty(&second);
    let actions = |ran: Ran| -> Vec<String> {
        let all = ran.assert_exit(0).json();
        let items = all.as_array().unwrap().iter();
        items.map(|it| it["action"].as_str().unwrap().to_owned()).collect()
    };
    let import = ["import", "--local", path, "-o", "json"];
    assert_eq!(actions(second.run(&import)), ["created", "created", "created"]);
    assert_eq!(actions(second.run(&import)), ["updated", "updated", "updated"]);
    register(&second, "pump-1", &["--device-key", DEVICE_KEY]).assert_exit(0);
    register(&second, "pump-9", &["--group-key", GROUP_KEY]).assert_exit(0);

    // One record, as `show` prints it; and without keys those that are there stay.
    let one = group(&first, "show", "pumps", &["-o", "json"]).assert_exit(0).stdout;
    let ran = second.run_with(&["import", "--local", "-"], &[], &one).assert_exit(0);
    assert_eq!(ran.stdout, "Enrollment group pumps: updated\n");
    register(&second, "pump-9", &["--group-key", GROUP_KEY]).assert_exit(0);
}

#[test]
fn an_import_goes_on_after_a_record_that_is_refused() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let records = format!(
        r#"[{{"registrationId":"a","attestation":{{"type":"none"}}}},
            {{"enrollmentGroupId":"pumps","etag":"x","iotHubs":null,"attestation":{{"type":"symmetricKey","tpm":null,"x509":null,
             "symmetricKey":{{"primaryKey":"{GROUP_KEY}","secondaryKey":"{GROUP_KEY}"}}}}}}]"#
    );

    let ran = machine.run_with(&["import", "--local", "-"], &[], &records).assert_exit(5);

    assert_eq!(ran.stdout, "Enrollment group pumps: created\n");
    assert!(
        ran.stderr
            .contains("error: standard input, record 1: enrollment a: the service answered 400"),
        "{ran:?}"
    );
}

#[test]
fn e_5_a_list_has_all_pages() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let names: Vec<String> = (0..250).map(|nth| format!("pump-{nth:03}")).collect();
    let record = |name| serde_json::json!({ "registrationId": name, "attestation": { "type": "symmetricKey" } });
    let all = Value::from_iter(names.iter().map(record)).to_string();
    machine.run_with(&["import", "--local", "-", "-q"], &[], &all).assert_exit(0);

    let listed =
        machine.run(&["enrollment", "list", "--local", "-o", "json"]).assert_exit(0).json();

    let listed = listed.as_array().unwrap().iter().map(|it| it["registrationId"].as_str().unwrap());
    let mut listed: Vec<_> = listed.collect();
    listed.sort_unstable();
    assert_eq!(listed, names);
}

/// A list, asked of a service that is reached by a connection string.
fn list_there(machine: &Machine, serve: &Serve, host: &str, proxy: &[&str], env: &str) -> Ran {
    let connection = serve.ready["serviceConnectionString"].as_str().unwrap();
    let (name, rest) = connection.split_once(';').unwrap();
    assert!(name.starts_with("HostName=localhost:"), "{name}");
    let connection = if host.is_empty() { connection } else { &format!("HostName={host};{rest}") };
    let list = ["enrollment", "list", "--ca-file", serve.ca_file().to_str().unwrap()];
    let arguments = [&list[..], &["--connection-string", connection], proxy].concat();
    machine.run_with(&arguments, &[("HTTPS_PROXY", env)], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_api_is_reached_through_a_proxy_whose_password_is_not_shown() {
    let machine = Machine::new();
    let serve = empty(&machine);
    let proxy = ConnectProxy::start(Manner::Open(Some("Basic dXNlcjpzZWNyZXQ="))).await;
    let right = format!("http://user:secret@{}", proxy.address());
    let wrong = format!("http://user:s3cret@{}", proxy.address());
    let list = |proxy: &[&str], env| list_there(&machine, &serve, "", proxy, env);

    list(&["--proxy", &right], "").assert_exit(0);
    assert_eq!(proxy.asked().len(), 1, "{:?}", proxy.asked());
    list(&[], &right).assert_exit(0);
    assert_eq!(proxy.asked().len(), 1, "a variable is not for this machine");
    let refused = list(&["--proxy", &wrong], "").assert_exit(3);

    assert!(refused.stderr.contains("it refused the user name and password (407)"), "{refused:?}");
    assert!(refused.stderr.contains("--proxy"), "{refused:?}");
    assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
    list(&["--proxy", "socks5://user:s3cret@b:1"], "").assert_exit(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_api_elsewhere_is_behind_the_proxy_of_the_environment() {
    let machine = Machine::new();
    let serve = empty(&machine);
    let proxy = ConnectProxy::start(Manner::Say("HTTP/1.1 403 Forbidden\r\n\r\n")).await;
    let variable = format!("http://{}", proxy.address());

    let through = list_there(&machine, &serve, "dps.invalid", &[], &variable).assert_exit(3);
    let direct =
        list_there(&machine, &serve, "dps.invalid", &["--proxy", ""], &variable).assert_exit(3);

    assert!(through.stderr.contains("opened no tunnel to dps.invalid:443"), "{through:?}");
    assert!(direct.stderr.contains("cannot find the address of dps.invalid"), "{direct:?}");
    assert_eq!(proxy.asked().len(), 1, "{:?}", proxy.asked());
}

/// J-192.
#[test]
fn what_is_hardly_meant_is_told_with_the_records_name_at_the_start_and_when_it_is_stored() {
    let machine = Machine::new();
    let config = machine.file(
        "doubtful.toml",
        "idScope = \"0ne00002193\"\nlinkedHubs = [\"west.net\", \"east.net\"]\n\
         [[enrollmentGroups]]\nenrollmentGroupId = \"early\"\nallocationPolicy = \"static\"\n\
         attestation = { type = \"symmetricKey\" }\n",
    );
    let serve = machine.serve(&["--config", config.to_str().unwrap()]);

    serve.log_with("enrollment early: its allocationPolicy is static, but it has no iotHubs");
    let create = ["enrollment-group", "create", "--local", "--enrollment-id", "late"];
    machine.run(&[&create[..], &["--allocation-policy", "geoLatency"]].concat()).assert_exit(0);
    serve.log_with("enrollment late: its allocationPolicy is geoLatency, but no hub has a latency");
}

#[test]
fn k_10_a_hub_that_is_linked_twice_is_told_at_the_start() {
    let machine = Machine::new();
    let hubs = "idScope = \"0ne00002193\"\nlinkedHubs = [\"west.net\", \"WEST.net\"]\n";
    let config = machine.file("twice.toml", hubs);

    let refused = machine.run(&["serve", "--config", config.to_str().unwrap()]).assert_exit(2);

    assert!(
        refused.stderr.contains("linkedHubs \"WEST.net\": the hub is linked twice"),
        "{refused:?}"
    );
}
