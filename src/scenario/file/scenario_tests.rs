use std::path::Path;

use zeroize::Zeroizing;

use super::*;
use crate::attestation::{Certificate, DeviceKey, GroupKey, KeySlot};
use crate::device::{Credential, Transport};

/// Reads it with these files beside it, and without any environment.
fn read_with(text: &str, files: &[(&str, &str)]) -> Result<Scenario, Fault> {
    read_around(text, files, &[], "")
}

fn read_around(
    text: &str,
    files: &[(&str, &str)],
    variables: &[(&str, &str)],
    prefix: &str,
) -> Result<Scenario, Fault> {
    let text_of = |pairs: &[(&str, &str)], name: &str| {
        pairs.iter().find(|(other, _)| *other == name).map(|(_, text)| (*text).to_owned())
    };
    let read_file = |name: &Path| {
        let text = name.to_str().and_then(|name| text_of(files, name));
        let bytes = text.map(|text| Zeroizing::new(text.into_bytes()));
        bytes.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    Scenario::read(
        text,
        &Around {
            sources: Default::default(),
            named: &BTreeMap::new(),
            environment: &|name| text_of(variables, name),
            read_file: &read_file,
            prefix,
        },
    )
}

const DEVICE: &str =
    "[[device]]\nregistrationId = \"a\"\ngroupKey = \"AAAAAAAAAAAAAAAAAAAAAA==\"\n";

fn read(text: &str) -> Result<Scenario, Fault> {
    read_with(text, &[])
}

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn the_contoso_scenario_is_read() {
    let scenario = read(include_str!("../../../fixtures/contoso/scenario.toml")).unwrap();

    assert_eq!(scenario.service.assigning_polls, Some(1));
    let [toaster, heat_pump] = &scenario.devices[..] else { panic!() };
    assert_eq!(
        toaster.payload.as_ref().unwrap().as_json(),
        r#"{"MyDeviceFirmwareVersion":"12.0.2.5","MyDeviceProvisioningVersion":"1.0.0.0"}"#
    );
    assert_eq!(heat_pump.expect.error_code, Some(400_207));
}

/// J-240.
#[test]
fn an_expected_hub_that_cannot_be_is_told_before_anything_runs() {
    let error = refused(&format!("{DEVICE}expect = {{ assignedHub = \"a b.net\" }}"));

    assert!(error.contains("' ' at position 2"), "{error}");
}

#[test]
fn without_a_service_it_is_the_tutorials_world() {
    let scenario = read(&format!("{DEVICE}expect = {{ status = \"assigned\" }}")).unwrap();

    assert_eq!(scenario.service.id_scope, "0ne00002193");
}

#[test]
fn mistakes_are_reported_with_their_place_and_without_keys() {
    assert_eq!(refused(""), "the file: it has no [[device]]");
    assert!(refused("[[device]]\nregistrationId = 1").starts_with("line 2: "));
    assert!(refused(&format!("{DEVICE}expect = {{}}")).contains("name at least one of"));
    assert!(
        refused(&format!("{DEVICE}expect = {{ status = \"ok\" }}"))
            .contains("status \"ok\" is none of")
    );
    let both = format!("{DEVICE}deviceKey = \"AAAA\"\nexpect = {{ status = \"assigned\" }}");
    assert_eq!(
        refused(&both),
        "line 3: device \"a\": groupKey: give groupKey or deviceKey, not both"
    );
    let broken = DEVICE.replace("AAAAAAAAAAAAAAAAAAAAAA==", "c2VjcmV0*");
    let message = refused(&format!("{broken}expect = {{ status = \"assigned\" }}"));
    assert!(
        message.contains("groupKey: the key is not Base64") && !message.contains("c2Vj"),
        "{message}"
    );
    let unclosed = refused("[[device]]\ngroupKey = \"c2VjcmV0");
    assert!(unclosed.starts_with("line 2") && !unclosed.contains("c2Vj"), "{unclosed}");
}

#[test]
fn a_payload_reaches_the_service_as_it_is_written_or_not_at_all() {
    let payload = |toml: &str| {
        let text = format!("{DEVICE}expect.status = \"assigned\"\n{toml}");
        let scenario = read(&text).map_err(|fault| fault.to_string())?;
        Ok::<_, String>(scenario.devices[0].payload.as_ref().unwrap().as_json().to_owned())
    };

    assert_eq!(
        payload("payload = { z = 1.50, a = 0x10, m = { y = 18446744073709551616, b = [] } }"),
        Ok(r#"{"z":1.50,"a":16,"m":{"y":18446744073709551616,"b":[]}}"#.to_owned())
    );
    for (toml, told) in [
        (
            "payload = { when = 1979-05-27T07:32:00Z, x = nan }",
            "line 5: device \"a\": payload.when: JSON has no dates and times; write it as text: \"1979-05-27T07:32:00Z\"",
        ),
        (
            "[device.payload]\ny = 1\nx = [nan]",
            "line 7: device \"a\": payload.x[0]: JSON has no number `nan`",
        ),
    ] {
        assert_eq!(payload(toml), Err(told.to_owned()));
    }
}

#[test]
fn a_mistake_in_the_service_is_told_by_its_line_in_the_scenario() {
    let text = format!(
        "{DEVICE}expect.status = \"assigned\"\n[service]\nidScope = \"0ne1\"\n\n\
         [[service.enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\n\
         attestation.type = \"symmetricKey\"\nallocationPolicy = \"Custom\"\n"
    );

    assert_eq!(
        refused(&text),
        "line 11: service.enrollmentGroups \"pumps\": allocationPolicy: unknown value `Custom`, \
         expected one of `hashed`, `geoLatency`, `static`, `custom`; did you mean `custom`?"
    );
}

#[test]
fn a_key_may_stand_on_two_lines() {
    let text = DEVICE
        .replace("\"AAAAAAAAAAAAAAAAAAAAAA==\"", "\"\"\"\nAAAAAAAAAAAA\nAAAAAAAAAA==\n\"\"\"");

    assert!(read(&format!("{text}expect.status = \"assigned\"")).is_ok());
}

/// The tutorial's group key, which is published.
const KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

/// An instance with a group for symmetric keys of which one is written, and one for certificates.
const SERVICE: &str = r#"
[service]
idScope = "0ne1"
linkedHubs = ["west.azure-devices.net"]

[[service.enrollmentGroups]]
enrollmentGroupId = "pumps"
attestation = { type = "symmetricKey", symmetricKey = { primaryKey = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==" } }
"#;

const AUTHORITIES: &str = r#"
[[authority]]
name = "root"
[[authority]]
name = "factory"
issuer = "root"
"#;

const X509_GROUP: &str = r#"
[[service.enrollmentGroups]]
enrollmentGroupId = "valves"
attestation = { type = "x509", x509 = { signingCertificates = { primary = { certificate = "${authority:root}" } } } }
"#;

fn device(members: &str) -> String {
    format!("[[device]]\n{members}\n")
}

fn key_of(device: &DeviceSpec, slot: KeySlot) -> String {
    match device.credential_with(slot) {
        Credential::SymmetricKey(key) => key.to_base64().to_string(),
        _ => panic!("it has a certificate"),
    }
}

fn certificate_of(device: &DeviceSpec) -> Certificate {
    match device.credential_with(device.slot) {
        Credential::X509(certificate) => certificate.leaf().clone(),
        _ => panic!("it has a key"),
    }
}

/// J-272.
#[test]
fn j_272_a_group_has_its_keys_when_the_file_is_read_and_its_devices_know_them() {
    let text = format!("{SERVICE}{}", device("registrationId = \"pump-1\"\ngroup = \"PUMPS\""));

    let scenario = read(&text).unwrap();

    let [device] = &scenario.devices[..] else { panic!() };
    let group_key: GroupKey = KEY.parse().unwrap();
    let derived = group_key.derive(&device.registration_id).to_base64();
    assert_eq!(key_of(device, KeySlot::Primary), *derived);
    let served = scenario.service.enrollment_groups[0].get("attestation").unwrap();
    let secondary = served["symmetricKey"]["secondaryKey"].as_str().expect("it was made");
    let secondary: GroupKey = secondary.parse().unwrap();
    let derived = secondary.derive(&device.registration_id).to_base64();
    assert_eq!(key_of(device, KeySlot::Secondary), *derived);
    assert_eq!(scenario.secrets.mask(&format!("it is {}!", *derived)), "it is ***!");
    assert!(device.expect.status.as_deref() == Some("assigned"), "nothing else is said");
}

#[test]
fn a_group_that_a_step_makes_is_known_too() {
    let step =
        "[[step]]\nenrollment = \"new\"\ncreate = { attestation = { type = \"symmetricKey\" } }\n";
    let text = format!("{SERVICE}{}{step}", device("registrationId = \"a\"\ngroup = \"new\""));

    let scenario = read(&text).unwrap();

    let Verb::Enrollment(made) = &scenario.steps[0].verb else { panic!() };
    let Some(EnrollmentChange::Create(record)) = &made.change else { panic!() };
    let key = record["attestation"]["symmetricKey"]["primaryKey"].as_str().expect("it was made");
    let device = &scenario.devices[0];
    let derived = key.parse::<GroupKey>().unwrap().derive(&device.registration_id).to_base64();
    assert_eq!(key_of(device, KeySlot::Primary), *derived);
}

#[test]
fn a_device_of_an_enrollment_of_its_own_has_its_keys() {
    let own = DeviceKey::generate().to_base64();
    let enrollment = format!(
        "[[service.enrollments]]\nregistrationId = \"pump-7\"\n\
         attestation = {{ type = \"symmetricKey\", symmetricKey = {{ secondaryKey = \"{}\" }} }}\n",
        *own
    );
    let text = format!(
        "{SERVICE}{enrollment}{}",
        device("registrationId = \"pump-7\"\nkey = \"secondary\"")
    );

    let scenario = read(&text).unwrap();

    assert_eq!(scenario.devices[0].slot, KeySlot::Secondary);
    assert_eq!(key_of(&scenario.devices[0], KeySlot::Secondary), *own);
}

#[test]
fn devices_have_transports_versions_and_expectations_of_their_own() {
    let text = format!(
        "{SERVICE}{}",
        device(
            "registrationId = \"a\"\ngroup = \"pumps\"\ntransport = \"mqtt-ws\"\n\
             apiVersion = \"2019-03-31\"\nexpect = \"refused\""
        )
    );

    let scenario = read(&text).unwrap();

    let device = &scenario.devices[0];
    assert_eq!(
        (device.transport, device.api_version.to_string().as_str()),
        (Transport::MqttWs, "2019-03-31")
    );
    assert_eq!(device.expect.status.as_deref(), Some("refused"));
}

/// J-273.
#[test]
fn j_273_one_entry_stands_for_as_many_devices_as_it_counts() {
    let counted = device(
        "registrationId = \"pump-{n:02}\"\ncount = 3\ngroup = \"pumps\"\npayload = { serial = \"{reg_id}\", n = 0 }",
    );

    let scenario = read(&format!("{SERVICE}{counted}")).unwrap();

    let seen: Vec<_> = scenario
        .devices
        .iter()
        .map(|device| (device.name.as_str(), device.payload.as_ref().unwrap().as_json()))
        .collect();
    assert_eq!(
        seen,
        [
            ("pump-00", r#"{"serial":"pump-00","n":0}"#),
            ("pump-01", r#"{"serial":"pump-01","n":0}"#),
            ("pump-02", r#"{"serial":"pump-02","n":0}"#),
        ]
    );
}

#[test]
fn a_list_has_a_line_for_each_device_and_the_entry_what_all_have() {
    let list = "registrationId,payload,expectedHub,expectedErrorCode,expectedStatus\n\
                pump-1,\"{\"\"model\"\":\"\"x\"\"}\",west.azure-devices.net,,\n\
                pump-2,,,400207,failed\n";
    let listed = device("csv = \"devices.csv\"\ngroup = \"pumps\"\npayload = { model = \"all\" }");

    let scenario = read_with(&format!("{SERVICE}{listed}"), &[("devices.csv", list)]).unwrap();

    let [one, two] = &scenario.devices[..] else { panic!() };
    assert_eq!(one.payload.as_ref().unwrap().as_json(), r#"{"model":"x"}"#);
    assert_eq!(two.payload.as_ref().unwrap().as_json(), r#"{"model":"all"}"#);
    assert_eq!(one.expect.assigned_hub.as_ref().unwrap().as_str(), "west.azure-devices.net");
    assert_eq!(two.expect.error_code, Some(400_207));
}

#[test]
fn mistakes_in_lists_are_told_by_their_line() {
    let told = |list: &str| {
        let listed = device("group = \"pumps\"\ncsv = \"d.csv\"");
        read_with(&format!("{SERVICE}{listed}"), &[("d.csv", list)]).unwrap_err().to_string()
    };

    for (list, said) in [
        ("registrationID\na\n", "d.csv, line 1: there is no column \"registrationID\"; there are"),
        ("registrationId,key\na,first\n", "d.csv, line 2: key: unknown value `first`"),
        ("registrationId,expectedErrorCode\na,x\n", "d.csv, line 2: expectedErrorCode: expected"),
        ("registrationId,payload\na,{\n", "d.csv, line 2: payload: not valid JSON"),
        ("registrationId,group\na\n", "d.csv, line 2: it has 1 fields, and the header 2"),
        ("registrationId\n", "d.csv names no device"),
    ] {
        let told = told(list);
        assert!(told.starts_with("line 11: device[0].csv: ") && told.contains(said), "{told}");
    }
    let missing = read(&format!("{SERVICE}{}", device("csv = \"d.csv\""))).unwrap_err();
    assert!(missing.to_string().contains("csv: cannot read d.csv: "), "{missing}");
}

/// J-274.
#[test]
fn j_274_a_certificate_is_made_by_an_authority_of_the_file() {
    let text = format!(
        "{AUTHORITIES}{SERVICE}{X509_GROUP}{}{}{}",
        device("registrationId = \"of-group\"\ngroup = \"valves\""),
        device("registrationId = \"below\"\nx509 = { issuer = \"factory\" }"),
        device(
            "registrationId = \"late\"\ngroup = \"valves\"\nx509 = { flaw = \"expired\" }\nexpect = \"refused\""
        ),
    );

    let scenario = read(&text).unwrap();

    let group = scenario.service.enrollment_groups[1].get("attestation").unwrap();
    let root = group["x509"]["signingCertificates"]["primary"]["certificate"].as_str().unwrap();
    let root = Certificate::from_text(root).unwrap();
    let [of_group, below, late] = &scenario.devices[..] else { panic!() };
    assert!(certificate_of(of_group).is_signed_by(&root));
    assert!(!certificate_of(below).is_signed_by(&root));
    let Credential::X509(chain) = below.credential_with(below.slot) else { panic!() };
    assert!(chain.chain()[1].is_signed_by(&root), "the intermediate is sent too");
    assert!(certificate_of(late).info().not_after < std::time::SystemTime::now());
}

#[test]
fn an_authority_and_a_certificate_may_be_files() {
    let pki = crate::pki::TestPki::new().unwrap();
    let device_certificate = pki.device(&"own".parse().unwrap()).unwrap();
    let authority =
        "[[authority]]\nname = \"root\"\ncertificate = \"ca.pem\"\nkey = \"ca-key.pem\"\n";
    let text = format!(
        "{authority}{SERVICE}{X509_GROUP}{}{}",
        device("registrationId = \"a\"\ngroup = \"valves\""),
        device(
            "registrationId = \"own\"\nx509 = { certificate = \"own.pem\", key = \"own-key.pem\" }"
        ),
    );
    let (ca_key, own_key) = (pki.root().key_pem(), device_certificate.key_pem());

    let scenario = read_with(
        &text,
        &[
            ("ca.pem", pki.root().pem()),
            ("ca-key.pem", &ca_key),
            ("own.pem", device_certificate.chain_pem()),
            ("own-key.pem", &own_key),
        ],
    )
    .unwrap();

    let root = Certificate::from_text(pki.root().pem()).unwrap();
    assert!(certificate_of(&scenario.devices[0]).is_signed_by(&root));
    let Proof::X509(own) = &scenario.devices[1].proof else { panic!() };
    assert_eq!(own.chain_pem, device_certificate.chain_pem());
    assert_eq!(*own.key_pem, *own_key);
}

#[test]
fn an_enrollment_can_have_the_certificate_of_a_device() {
    let text = format!(
        "{SERVICE}\n[[service.enrollments]]\nregistrationId = \"lone\"\n\
         attestation = {{ type = \"x509\", x509 = {{ clientCertificates = {{ primary = {{ certificate = \"${{device:lone}}\" }} }} }} }}\n{}",
        device("registrationId = \"lone\"\nx509 = { selfSigned = true }"),
    );

    let scenario = read(&text).unwrap();

    let attestation = scenario.service.enrollments[0].get("attestation").unwrap();
    let enrolled = &attestation["x509"]["clientCertificates"]["primary"]["certificate"];
    let enrolled = Certificate::from_text(enrolled.as_str().unwrap()).unwrap();
    assert_eq!(enrolled.der(), certificate_of(&scenario.devices[0]).der());
}

#[test]
fn j_488_an_enrollment_has_the_key_of_a_devices_tpm_which_speaks_over_https() {
    let enrolled = "[[service.enrollments]]\nregistrationId = \"pump-tpm\"\n\
                    attestation = { type = \"tpm\", tpm = { endorsementKey = \"${tpm:pump-tpm}\" } }";
    let text = |members: &str| {
        format!(
            "{SERVICE}\n{enrolled}\n{}",
            device(&format!("registrationId = \"pump-tpm\"\n{members}"))
        )
    };

    let scenario = read(&text("tpm = true")).unwrap();

    let device = &scenario.devices[0];
    let Proof::Tpm(tpm) = &device.proof else { panic!("{:?}", device.proof) };
    let attestation = scenario.service.enrollments[0].get("attestation").unwrap();
    assert_eq!(attestation["tpm"]["endorsementKey"], tpm.endorsement_key().to_base64());
    assert_eq!(device.transport, Transport::Https);
    assert!(matches!(device.credential(), Credential::Tpm(_)));
    let none = refused(&text("group = \"pumps\""));
    assert!(none.contains("device \"pump-tpm\" has no TPM: give it tpm = true"), "{none}");
}

#[test]
fn variables_stand_in_every_text_and_the_lines_of_mistakes_stay() {
    let text = format!(
        "[variables]\nhub = \"west.azure-devices.net\"\nname = \"pump\"\n\
         key = {{ secret = true, default = \"{KEY}\" }}\n{}",
        device(
            "registrationId = \"${name}-1\"\ngroupKey = \"${key}\"\npayload = { to = [\"${hub}\"], as = \"$${hub}\" }\n\
             expect.assignedHub = \"${hub}\""
        )
    );

    let scenario = read(&text).unwrap();

    let device = &scenario.devices[0];
    assert_eq!(device.name, "pump-1");
    assert_eq!(
        device.payload.as_ref().unwrap().as_json(),
        r#"{"to":["west.azure-devices.net"],"as":"${hub}"}"#
    );
    assert_eq!(scenario.secrets.mask(KEY), "***");
    assert_eq!(scenario.variables.iter().collect::<Vec<_>>(), ["hub", "key", "name"]);
    let by_environment = read_around(&text, &[], &[("name", "valve")], "").unwrap();
    assert_eq!(by_environment.devices[0].name, "valve-1");

    let wrong = read(&text.replace("\"${hub}\"]", "\"${hubb}\"]")).unwrap_err().to_string();
    assert!(
        wrong.starts_with(
            "line 8: device \"${name}-1\": payload.to \"${hubb}\": the variable `hubb` has no value"
        ),
        "{wrong}"
    );
}

#[test]
fn a_device_with_two_certificates_is_declared_twice_with_names() {
    let text = format!(
        "{AUTHORITIES}{SERVICE}{}{}",
        device("registrationId = \"a\"\nx509 = { issuer = \"root\" }"),
        device("registrationId = \"a\"\nname = \"a, renewed\"\nx509 = { issuer = \"factory\" }"),
    );

    let devices = read(&text).unwrap().devices;

    assert_eq!((devices[0].name.as_str(), devices[1].name.as_str()), ("a", "a, renewed"));
    assert_eq!(devices[0].registration_id, devices[1].registration_id);
    let again = read(&text.replace("name = \"a, renewed\"\n", "")).unwrap().devices;
    assert_eq!((again[1].name.as_str(), again[1].shown.as_str()), ("a (2)", "a"));
    let step = "\n[[step]]\nregister = \"a\"\n";
    let called = refused(&format!("{}{step}", text.replace("name = \"a, renewed\"\n", "")));
    assert!(called.contains("registrationId: another device has it too; give one"), "{called}");
    let taken = refused(&text.replace("a, renewed", "A"));
    assert!(taken.contains("name: another device has this name"), "{taken}");
    let many = format!(
        "{SERVICE}{}",
        device("registrationId = \"a-{n}\"\nname = \"x\"\ncount = 2\ngroup = \"pumps\"")
    );
    assert!(refused(&many).contains("name: several devices have it"), "{}", refused(&many));
}

#[test]
fn where_an_instance_is_shared_every_registration_id_has_what_stands_before_it() {
    let text = format!("{SERVICE}{}", device("registrationId = \"pump-1\"\ngroup = \"pumps\""));

    let scenario = read_around(&text, &[], &[], "run7-").unwrap();

    let device = &scenario.devices[0];
    assert_eq!((device.name.as_str(), device.registration_id.as_str()), ("pump-1", "run7-pump-1"));
    let group_key: GroupKey = KEY.parse().unwrap();
    let derived = group_key.derive(&"run7-pump-1".parse().unwrap()).to_base64();
    assert_eq!(key_of(device, KeySlot::Primary), *derived);
}

#[test]
fn what_no_device_can_be_is_refused_with_its_place() {
    for (members, told) in [
        (
            "group = \"pump\"",
            "group: no enrollment group has the name \"pump\"; did you mean \"pumps\"?",
        ),
        (
            "",
            "registrationId: how does it prove who it is? Give group, groupKey, deviceKey or x509",
        ),
        (
            "group = \"pumps\"\ndeviceKey = \"AAAA\"",
            "deviceKey: the keys of group \"pumps\" are known; leave out deviceKey",
        ),
        ("deviceKey = \"AAAA\"\nkey = \"secondary\"", "key: it has one proof only"),
        (
            "group = \"pumps\"\ntransport = \"coap\"",
            "transport: unknown value `coap`, expected one of `mqtt`, `mqtt-ws`",
        ),
        ("group = \"pumps\"\napiVersion = \"7\"", "apiVersion: an API version is a date"),
        (
            "group = \"pumps\"\nx509 = { flaw = \"expired\" }",
            "x509: the devices of group \"pumps\" have no certificates",
        ),
        (
            "group = \"pumps\"\nx509 = { issuer = \"roto\" }",
            "x509.issuer: no [[authority]] above has the name \"roto\"; did you mean \"root\"?",
        ),
        (
            "x509 = { issuer = \"root\", flaw = \"late\" }",
            "x509.flaw: \"late\" is none of expired, not-yet-valid, wrong-name",
        ),
        ("x509 = {}", "x509: give a certificate and its key, an issuer, or selfSigned"),
        ("x509 = { certificate = \"none.pem\" }", "x509.certificate: cannot read none.pem"),
        (
            "group = \"pumps\"\ntpm = true",
            "group: it has a TPM, and no other proof; a TPM is enrolled individually",
        ),
        ("group = \"pumps\"\ncount = 2", "registrationId: it has no {n}"),
        ("group = \"pumps\"\ncount = 0", "count: 1 to 10000 devices"),
        (
            "group = \"pumps\"\nexpect = { payload = { a = { regex = \"(\" } } }",
            "expect.payload: no regular expression",
        ),
    ] {
        let text = format!(
            "{AUTHORITIES}{SERVICE}{}",
            device(&format!("registrationId = \"a\"\n{members}"))
        );
        let refused = refused(&text);
        assert!(refused.contains(&format!("device \"a\": {told}")), "{refused}");
    }
    let authority =
        |members: &str| refused(&format!("[[authority]]\nname = \"a\"\n{members}\n{DEVICE}"));
    assert!(
        authority("issuer = \"b\"")
            .starts_with("line 3: authority \"a\": issuer: no [[authority]] above")
    );
    assert!(authority("key = \"b\"").contains("key: it has no certificate; give both, or neither"));
    let unknown = refused(&format!(
        "{SERVICE}{X509_GROUP}{}",
        device("registrationId = \"a\"\ngroup = \"valves\"")
    ));
    assert!(unknown.contains("no [[authority]] above has the name \"root\""), "{unknown}");
}
