//! `import` of what people have, and `serve --from`: the description of a service on Azure.

use serde_json::{Value, json};

use crate::support::cli::{Machine, Serve};

const KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

fn empty(machine: &Machine) -> Serve {
    let config =
        machine.file("world.toml", "idScope = \"0ne1\"\nlinkedHubs = [\"a.azure-devices.net\"]\n");
    machine.serve(&["--config", config.to_str().unwrap()])
}

fn group(id: &str) -> Value {
    json!({"enrollmentGroupId": id, "attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}})
}

#[test]
fn every_format_that_people_have_is_imported() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let yaml = format!(
        "- enrollmentGroupId: y\n  additionalProperties: {{}}\n  iotHubs: null\n  attestation:\n    type: symmetricKey\n    symmetricKey:\n      primaryKey: {KEY}\n      secondaryKey: {KEY}\n"
    );
    let pascal = json!({"EnrollmentGroupId": "p", "ProvisioningStatus": "Disabled", "AllocationPolicy": "Hashed",
        "Attestation": {"Type": "SymmetricKey", "SymmetricKey": {"PrimaryKey": KEY, "SecondaryKey": KEY}}});
    for (text, ids) in [
        (yaml, vec!["y"]),
        (format!("\u{feff}{}\r\n{}\r\n", group("l1"), group("l2")), vec!["l1", "l2"]),
        (json!({"value": [group("v")]}).to_string(), vec!["v"]),
        (
            json!({"parameters": {"id": "s", "enrollmentGroup": group("s")}, "responses": {}})
                .to_string(),
            vec!["s"],
        ),
        (pascal.to_string(), vec!["p"]),
    ] {
        let ran = machine.run_with(&["import", "--local", "-"], &[], &text).assert_exit(0);
        let said: String =
            ids.iter().map(|id| format!("Enrollment group {id}: created\n")).collect();
        assert_eq!(ran.stdout, said, "{text}");
        for id in ids {
            let show =
                ["enrollment-group", "show", "--local", "--eid", id, "--show-keys", "-o", "json"];
            let kept = machine.run(&show).assert_exit(0).json();
            assert_eq!(kept["attestation"]["symmetricKey"]["primaryKey"], KEY);
        }
    }
    let show = ["enrollment-group", "show", "--local", "--eid", "p", "-o", "json"];
    let kept = machine.run(&show).assert_exit(0).json();
    assert_eq!(
        (&kept["provisioningStatus"], &kept["allocationPolicy"]),
        (&json!("disabled"), &json!("hashed"))
    );
}

#[test]
fn a_certificate_beside_an_x509_record_is_imported_with_it() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let pki = machine.path("pki");
    machine.run(&["pki", "--out", pki.to_str().unwrap(), "--reg-id", "x"]).assert_exit(0);
    let certificate = format!("X={}", pki.join("devices/x-cert.pem").display());
    let record = json!({"registrationId": "x", "attestation": {"type": "x509", "x509": {
        "clientCertificates": {"primary": {"certificate": null, "info": {"subjectName": "CN=x"}}, "secondary": null}}}});
    let file = machine.file("x.json", &record.to_string());
    let file = file.to_str().unwrap();

    let without = machine.run(&["import", "--local", file]).assert_exit(5);
    assert!(without.stderr.contains(&format!("{file}, record 1: enrollment x: ")), "{without:?}");
    assert!(without.stderr.contains("--certificate x=FILE"), "{without:?}");
    let other = machine.run(&["import", "--local", file, "--certificate", "y=z"]).assert_exit(2);
    assert!(
        other.stderr.contains("cannot read z") || other.stderr.contains("there are: x"),
        "{other:?}"
    );
    let with = machine.run(&["import", "--local", file, "--certificate", &certificate]);
    assert_eq!(with.assert_exit(0).stdout, "Enrollment x: created\n");
}

#[test]
fn every_error_names_file_record_and_member() {
    let machine = Machine::new();
    let _serve = empty(&machine);
    let wrong = json!([group("good"), {"registrationId": "a", "attestation": {"type": "x509"}, "iotHubs": "h"}]);
    let ran = machine.run_with(&["import", "--local", "-"], &[], &wrong.to_string()).assert_exit(5);
    assert!(ran.stderr.contains("standard input, record 2: enrollment a: "), "{ran:?}");
    assert!(ran.stderr.contains("iotHubs: expected an array, found a string"), "{ran:?}");
    for (text, said) in [
        ("", "standard input: expected enrollments in JSON or YAML; it is an empty file"),
        ("<html>", "it is an HTML page"),
        ("HostName=a;SharedAccessKey=s3cret", "it is a connection string"),
        ("[1]", "standard input, record 1: it is no object"),
        (r#"[{"enrollmentGroupId":"g"},{"name":"g"}]"#, "standard input, record 2 has neither"),
        (
            r#"{"name":"my-dps","properties":{"idScope":"0ne1"}}"#,
            "it describes the provisioning service \"my-dps\"",
        ),
    ] {
        let ran = machine.run_with(&["import", "--local", "-"], &[], text).assert_exit(2);
        assert!(ran.stderr.contains(said) && !ran.stderr.contains("s3cret"), "{text}: {ran:?}");
    }
}

#[test]
fn the_description_of_a_service_on_azure_is_served() {
    let machine = Machine::new();
    let description = json!({
        "name": "my-dps", "type": "Microsoft.Devices/provisioningServices",
        "properties": {"idScope": "0ne00AB12CD", "allocationPolicy": "Static", "iotHubs": [
            {"name": "far.azure-devices.net", "applyAllocationPolicy": false, "connectionString": "HostName=far.azure-devices.net;SharedAccessKey=****"},
            {"name": "near.azure-devices.net", "allocationWeight": 3, "connectionString": "HostName=near.azure-devices.net;SharedAccessKey=****"}
        ]}
    });
    let file = machine.file("dps.json", &description.to_string());
    let _serve = machine.serve(&["--retry-after", "0s", "--from", file.to_str().unwrap()]);
    machine.run_with(&["import", "--local", "-"], &[], &group("pumps").to_string()).assert_exit(0);

    let register = ["register", "--local", "--reg-id", "pump-1", "--group-key", KEY, "-o", "json"];
    let state = machine.run(&register).assert_exit(0).json();

    assert_eq!(state["registrationState"]["assignedHub"], "near.azure-devices.net");
    let file = machine.file("none.json", "{}");
    let none = machine.run(&["serve", "--from", file.to_str().unwrap()]).assert_exit(2);
    assert!(none.stderr.contains("it describes no provisioning service"), "{none:?}");
}
