//! Command lines of `az iot dps`, pasted: the examples of its own help for the commands that are here
//! too, with `--local` for the login, and names in the place of the holes.

use std::sync::LazyLock;

use provision_sim::attestation::SoftwareTpm;
use serde_json::{Value, json};

use crate::support::cli::{Machine, Ran, Serve};

const KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
/// In the place of those that the help makes up.
static TPM_KEYS: LazyLock<[String; 2]> = LazyLock::new(|| {
    let tpm = SoftwareTpm::with_one_pair();
    [tpm.endorsement_key().to_base64(), tpm.storage_root_key().to_base64()]
});
const WORLD: &str = "idScope = \"0ne00012345\"\nlinkedHubs = [\"a.azure-devices.net\", \"b.azure-devices.net\", \"c.azure-devices.net\"]\n";

/// A service, and the certificates that examples name.
fn world(machine: &Machine) -> Serve {
    let pki = machine.path("pki");
    machine.run(&["pki", "--out", pki.to_str().unwrap(), "--reg-id", "x"]).assert_exit(0);
    let config = machine.file("world.toml", WORLD);
    machine.serve(&["--retry-after", "0s", "--config", config.to_str().unwrap()])
}

/// A line as a shell takes it apart: double quotes hold words together.
fn words(line: &str) -> Vec<String> {
    line.split('"')
        .enumerate()
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn az(machine: &Machine, line: &str) -> Ran {
    let pki = machine.path("pki");
    let line = line
        .replace("-g {rg}", "-g my-group --dps-name my-dps --local")
        .replace("{key}", KEY)
        .replace("14963E8F3BA5B3984110B3C1CA8E8B89", &TPM_KEYS[0])
        .replace("24963E8F3BA5B3984110B3C1CA8E8B89", &TPM_KEYS[1])
        .replace("{ca}", pki.join("root-cert.pem").to_str().unwrap())
        .replace("{cert}", pki.join("devices/x-cert.pem").to_str().unwrap());
    let words = words(&line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    machine.run(&[&words[..], &["-o", "json"]].concat())
}

/// The members that the record has, each at its place.
#[track_caller]
fn has(line: &str, record: &Value, expected: &[(&str, Value)]) {
    for (place, value) in expected {
        assert_eq!(record.pointer(place), Some(value), "{line}: {place} of {record}");
    }
}

#[test]
fn the_examples_of_azs_help_for_enrollments_do_what_they_say() {
    let machine = Machine::new();
    let _serve = world(&machine);
    let us = json!({"location": {"region": "US"}});

    for (line, expected) in [
        (
            "enrollment create -g {rg} --enrollment-id x --attestation-type x509 --certificate-path {cert} --provisioning-status disabled --initial-twin-properties \"{'location':{'region':'US'}}\" --initial-twin-tags \"{'version':'1'}\" --device-info \"{'color':'red'}\" --device-id d",
            vec![
                ("/attestation/type", json!("x509")),
                ("/provisioningStatus", json!("disabled")),
                ("/initialTwin/properties/desired", us.clone()),
                ("/initialTwin/tags/version", json!("1")),
                ("/optionalDeviceInformation/color", json!("red")),
                ("/deviceId", json!("d")),
            ],
        ),
        (
            "enrollment create -g {rg} --enrollment-id t --attestation-type tpm --endorsement-key 14963E8F3BA5B3984110B3C1CA8E8B89",
            vec![
                ("/attestation/type", json!("tpm")),
                ("/attestation/tpm/endorsementKey", json!(TPM_KEYS[0])),
            ],
        ),
        (
            "enrollment create -g {rg} --enrollment-id k --attestation-type symmetrickey --primary-key {key} --secondary-key {key}",
            vec![("/attestation/symmetricKey/secondaryKey", json!(KEY))],
        ),
        (
            "enrollment create -g {rg} --enrollment-id r --attestation-type tpm --reprovision-policy never --endorsement-key 14963E8F3BA5B3984110B3C1CA8E8B89",
            vec![("/reprovisionPolicy/updateHubAssignment", json!(false))],
        ),
        (
            "enrollment create -g {rg} --enrollment-id s --attestation-type tpm --allocation-policy static --endorsement-key 14963E8F3BA5B3984110B3C1CA8E8B89 --iot-hubs a.azure-devices.net",
            vec![
                ("/allocationPolicy", json!("static")),
                ("/iotHubs", json!(["a.azure-devices.net"])),
            ],
        ),
        (
            "enrollment create -g {rg} --enrollment-id h --attestation-type tpm --allocation-policy hashed --endorsement-key 14963E8F3BA5B3984110B3C1CA8E8B89 --iot-hubs a.azure-devices.net b.azure-devices.net",
            vec![("/iotHubs", json!(["a.azure-devices.net", "b.azure-devices.net"]))],
        ),
        (
            "enrollment create -g {rg} --enrollment-id c --attestation-type symmetrickey --allocation-policy custom --webhook-url https://f.example/api/A --api-version 2019-03-31",
            vec![("/customAllocationDefinition/apiVersion", json!("2019-03-31"))],
        ),
        (
            "enrollment show --enrollment-id k -g {rg}",
            vec![("/attestation", json!({"type": "symmetricKey"}))],
        ),
        (
            "enrollment show --enrollment-id k -g {rg} --show-keys",
            vec![("/attestation/symmetricKey/primaryKey", json!(KEY))],
        ),
        // The help's etag is made up; `*` is that of every version.
        (
            "enrollment update -g {rg} --enrollment-id x --certificate-path {cert} --etag *",
            vec![("/attestation/type", json!("x509"))],
        ),
        (
            "enrollment update -g {rg} --enrollment-id t --endorsement-key 24963E8F3BA5B3984110B3C1CA8E8B89 --etag *",
            vec![("/attestation/tpm/endorsementKey", json!(TPM_KEYS[1]))],
        ),
        (
            "enrollment update -g {rg} --enrollment-id c --primary-key {key} --etag *",
            vec![("/attestation/symmetricKey/primaryKey", json!(KEY))],
        ),
        (
            "enrollment update -g {rg} --enrollment-id k --reprovision-policy reprovisionandresetdata --etag *",
            vec![("/reprovisionPolicy/migrateDeviceData", json!(false))],
        ),
        (
            "enrollment update -g {rg} --enrollment-id k --allocation-policy geolatency --etag * --iot-hubs a.azure-devices.net b.azure-devices.net c.azure-devices.net",
            vec![
                ("/allocationPolicy", json!("geoLatency")),
                ("/iotHubs/2", json!("c.azure-devices.net")),
            ],
        ),
        (
            "enrollment update -g {rg} --enrollment-id x --initial-twin-properties \"{'location':{'region':'USA'}}\" --initial-twin-tags \"{'version1':'2'}\" --device-info \"{'color':'red'}\"",
            vec![
                ("/initialTwin/properties/desired/location/region", json!("USA")),
                ("/initialTwin/tags/version1", json!("2")),
            ],
        ),
        (
            "enrollment-group create -g {rg} --enrollment-id gx --certificate-path {ca}",
            vec![("/attestation/type", json!("x509"))],
        ),
        (
            "enrollment-group create -g {rg} --enrollment-id gt --certificate-path {ca} --provisioning-status enabled --initial-twin-properties \"{'location':{'region':'US'}}\" --initial-twin-tags \"{'version_dps':'1'}\"",
            vec![("/initialTwin/properties/desired", us)],
        ),
        (
            "enrollment-group create -g {rg} --enrollment-id gk --primary-key {key} --secondary-key {key}",
            vec![("/attestation/symmetricKey/primaryKey", json!(KEY))],
        ),
        (
            "enrollment-group create -g {rg} --enrollment-id gc --allocation-policy custom --webhook-url https://f.example/api/A --api-version 2019-03-31",
            vec![("/allocationPolicy", json!("custom"))],
        ),
        (
            "enrollment-group show -g {rg} --enrollment-id gk --show-keys",
            vec![("/attestation/symmetricKey/primaryKey", json!(KEY))],
        ),
        (
            "enrollment-group update -g {rg} --enrollment-id gt --initial-twin-properties \"{'location':{'region':'USA'}}\" --initial-twin-tags \"{'version_dps':'2'}\" --etag *",
            vec![("/initialTwin/tags/version_dps", json!("2"))],
        ),
        (
            "enrollment-group update -g {rg} --enrollment-id gx --certificate-path {ca} --remove-secondary-certificate --etag *",
            vec![("/attestation/type", json!("x509"))],
        ),
        (
            "enrollment-group update -g {rg} --enrollment-id gc --primary-key {key} --etag *",
            vec![("/attestation/symmetricKey/primaryKey", json!(KEY))],
        ),
        (
            "enrollment-group compute-device-key --key {key} --registration-id d",
            vec![("/registrationId", json!("d"))],
        ),
        (
            "enrollment-group compute-device-key -g {rg} --enrollment-id gk --registration-id d",
            vec![("/registrationId", json!("d"))],
        ),
        (
            "compute-device-key --key {key} --registration-id d",
            vec![("/registrationId", json!("d"))],
        ),
        (
            "compute-device-key -g {rg} --enrollment-id gk --registration-id d",
            vec![("/registrationId", json!("d"))],
        ),
    ] {
        let ran = az(&machine, line).assert_exit(0);
        has(line, &ran.json(), &expected);
        let told = ran
            .stderr
            .lines()
            .filter(|line| line.contains("--dps-name, --resource-group: not used"))
            .count();
        let offline = line.contains("--key {key}");
        assert_eq!(
            (told, ran.stderr.lines().count()),
            if offline { (0, 0) } else { (1, 1) },
            "{ran:?}"
        );
    }
}

/// The short names, words in any case, and the part of the result that is asked for.
#[test]
fn azs_short_flags_and_its_query_work() {
    let machine = Machine::new();
    let _serve = world(&machine);
    let created = az(
        &machine,
        "enrollment-group create -g {rg} --gid pumps --pk {key} --sk {key} --ps Enabled --rp Never --ap HASHED --ih \"a.azure-devices.net b.azure-devices.net\" --ee yes --tags \"{'a':1}\" --props \"{'b':True}\"",
    );
    has(
        "create",
        &created.assert_exit(0).json(),
        &[
            ("/provisioningStatus", json!("enabled")),
            ("/allocationPolicy", json!("hashed")),
            ("/capabilities/iotEdge", json!(true)),
            ("/initialTwin/properties/desired/b", json!(true)),
        ],
    );
    for (line, said) in [
        (
            "enrollment create --local --eid t --at Tpm --ek 14963E8F3BA5B3984110B3C1CA8E8B89 --query attestation.type -o tsv",
            "tpm\n",
        ),
        (
            "enrollment create --local --eid x --at X509 --cp {cert} --scp {cert} --query enrollmentId -o text",
            "",
        ),
        (
            "enrollment update --local --eid x --rsc true --query attestation.type -o table",
            "x509\n",
        ),
        (
            "enrollment create --local --eid w --at SymmetricKey --ap Custom --wh https://f/a --av 2019-03-31 --query allocationPolicy -o tsv",
            "custom\n",
        ),
        (
            "enrollment create --local --eid n --at symmetricKey --hn a.azure-devices.net --query iotHubs -o tsv",
            "a.azure-devices.net\n",
        ),
        ("enrollment list --local --top 2 --query length(@) -o tsv", "2\n"),
        (
            "enrollment-group show --local --eid pumps --keys --query attestation.symmetricKey.primaryKey -o tsv",
            KEY,
        ),
    ] {
        let line = line.replace("{cert}", machine.path("pki/devices/x-cert.pem").to_str().unwrap());
        let line = line.replace("14963E8F3BA5B3984110B3C1CA8E8B89", &TPM_KEYS[0]);
        let words = words(&line);
        let ran = machine.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).assert_exit(0);
        assert_eq!(ran.stdout.trim_end(), said.trim_end(), "{line}");
    }
    let odd = machine.run(&["enrollment", "list", "--local", "--query", "["]).assert_exit(2);
    assert!(odd.stderr.contains("--query: "), "{odd:?}");
}

/// E.5: registrations by the service API.
#[test]
fn registrations_are_listed_shown_and_deleted() {
    let machine = Machine::new();
    let _serve = world(&machine);
    az(&machine, "enrollment-group create -g {rg} --gid pumps --pk {key}").assert_exit(0);
    for id in ["pump-1", "pump-2"] {
        let register = ["register", "--local", "--reg-id", id, "--group-key", KEY];
        machine.run(&register).assert_exit(0);
    }

    let listed = az(&machine, "registration list -g {rg} --eid pumps").assert_exit(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let table = machine.run(&["registration", "list", "--local", "--gid", "pumps", "-o", "table"]);
    assert!(table.stdout.starts_with("REGISTRATION ID"), "{table:?}");
    let one = az(&machine, "registration list -g {rg} --eid pumps --top 1").assert_exit(0).json();
    assert_eq!(one.as_array().unwrap().len(), 1);
    let shown = az(&machine, "registration show -g {rg} --registration-id pump-1").assert_exit(0);
    assert_eq!(shown.json()["status"], "assigned");
    let same = az(&machine, "enrollment-group registration show -g {rg} --rid pump-1");
    assert_eq!(same.assert_exit(0).json(), shown.json());
    az(&machine, "registration delete -g {rg} --registration-id pump-1").assert_exit(0);
    let gone = machine.run(&["registration", "show", "--local", "--rid", "pump-1"]).assert_exit(5);
    assert!(gone.stderr.contains("registration pump-1: the service answered 404"), "{gone:?}");
}
