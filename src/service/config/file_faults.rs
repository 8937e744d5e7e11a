//! What is said of wrong configurations and of wrong records in them: each names the line, the record
//! and the member, in words of JSON, and shows no key.

use super::Config;

const HEAD: &str = "idScope = \"0ne00002193\"\nlinkedHubs = [\"a.azure-devices.net\"]\n";
const GROUP: &str = "[[enrollmentGroups]]\nenrollmentGroupId = \"pumps\"\n";
const KEYS: &str = "attestation = { type = \"symmetricKey\" }\n";

fn told(text: &str) -> String {
    match Config::from_toml(text, &[]) {
        Err(fault) => fault.to_string(),
        Ok(_) => "nothing".to_owned(),
    }
}

#[test]
fn wrong_configurations_are_told_by_line_and_member() {
    for (text, said) in [
        ("", "the file: the member `idScope` is missing"),
        ("idScope = 7", "line 1: idScope: expected a string, found the number 7"),
        ("idScope = [\"0ne1\"]", "line 1: idScope: expected a string, found an array"),
        (
            "idscope = \"0ne00002193\"",
            "line 1: unknown member `idscope`, expected one of `idScope`, `linkedHubs`, `allocationPolicy`, `certificates`, `certificateAuthorities`, `x509`, `enrollments`, `enrollmentGroups`, `retry-after`, `retryAfter`, `assigning-polls`, `assigningPolls`, `quotas`, `faults`, `serviceAuthorization`; did you mean `idScope`?",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = 5",
            "line 2: linkedHubs: expected an array, found the number 5",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = [5]",
            "line 2: linkedHubs[0]: expected a host name, or a table with a name, found the number 5",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = [{ name = \"a.b\", allocationWeight = -1 }]",
            "line 2: linkedHubs \"a.b\": allocationWeight: expected a whole number from 0 to 65535, found the number -1",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = [{ name = \"a.b\", allocationWeight = \"2\" }]",
            "line 2: linkedHubs \"a.b\": allocationWeight: expected a whole number from 0 to 65535, found a string",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = [{ name = \"a.b\", applyAllocationPolicy = 1 }]",
            "line 2: linkedHubs \"a.b\": applyAllocationPolicy: expected true or false, found the number 1",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = [{ name = \"a.b\", weight = 1 }]",
            "line 2: linkedHubs \"a.b\": unknown member `weight`, expected one of `name`, `allocationWeight`, `applyAllocationPolicy`, `latency`, `connectionProfile`",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = [{ name = \"a.b\", connectionProfile = \"mqttv5\" }]",
            "line 2: linkedHubs \"a.b\": connectionProfile: expected classic or mqttV5, found \"mqttv5\"",
        ),
        (
            "idScope = \"0ne1\"\nlinkedHubs = [{ allocationWeight = 1 }]",
            "line 2: linkedHubs[0]: the member `name` is missing",
        ),
        (
            "idScope = \"0ne1\"\nretry-after = 3",
            "line 2: retry-after: expected a string, found the number 3",
        ),
        (
            "idScope = \"0ne1\"\nassigning-polls = -1",
            "line 2: assigning-polls: expected a whole number from 0 to 4294967295, found the number -1",
        ),
        (
            "idScope = \"0ne1\"\nquotas = \"azure\"",
            "line 2: quotas: expected an object, found a string",
        ),
        (
            "idScope = \"0ne1\"\nquotas = { preset = \"Azure\" }",
            "line 2: quotas.preset: unknown value `Azure`, expected `azure` or `none`; did you mean `azure`?",
        ),
        (
            "idScope = \"0ne1\"\nquotas = { preset = 1 }",
            "line 2: quotas.preset: expected one of its words, as a string",
        ),
        (
            "idScope = \"0ne1\"\nquotas = { polls = 5 }",
            "line 2: quotas.polls: expected a string, found the number 5",
        ),
        (
            "idScope = \"0ne1\"\nenrollments = \"none\"",
            "line 2: enrollments: expected an array, found a string",
        ),
        (
            "idScope = \"0ne1\"\nserviceAuthorization = { acceptBearer = \"yes\" }",
            "line 2: serviceAuthorization.acceptBearer: expected true or false, found a string",
        ),
        ("idScope = ", "line 1: string values must be quoted, expected literal string"),
    ] {
        assert_eq!(told(text), said, "{text}");
    }
}

#[test]
fn wrong_records_are_told_by_record_and_member() {
    for (members, said) in [
        (
            "allocationPolicy = \"Static\"",
            "allocationPolicy: unknown value `Static`, expected one of `hashed`, `geoLatency`, `static`, `custom`; did you mean `static`?",
        ),
        ("allocationPolicy = 1", "allocationPolicy: expected one of its words, as a string"),
        (
            "provisioningStatus = \"Enabled\"",
            "provisioningStatus: unknown value `Enabled`, expected `enabled` or `disabled`; did you mean `enabled`?",
        ),
        ("provisioningStatus = true", "provisioningStatus: expected one of its words, as a string"),
        ("reprovisionPolicy = \"never\"", "reprovisionPolicy: expected an object, found a string"),
        (
            "reprovisionPolicy = { migrateDeviceData = \"no\" }",
            "reprovisionPolicy.migrateDeviceData: expected true or false, found a string",
        ),
        ("capabilities = [true]", "capabilities: expected an object, found an array"),
        ("capabilities = true", "capabilities: expected an object, found true"),
        (
            "capabilities = { iotEdge = \"true\" }",
            "capabilities.iotEdge: expected true or false, found a string",
        ),
        ("iotHubs = \"a.azure-devices.net\"", "iotHubs: expected an array, found a string"),
        ("iotHubs = [1]", "iotHubs[0]: expected a string, found the number 1"),
        ("iotHubHostName = []", "iotHubHostName: expected a string, found an array"),
        (
            "customAllocationDefinition = \"https://f\"",
            "customAllocationDefinition: expected an object, found a string",
        ),
        (
            "customAllocationDefinition = { webhookUrl = 1 }",
            "customAllocationDefinition.webhookUrl: expected a string, found the number 1",
        ),
        (
            "customAllocationDefinition = { apiVersion = \"2019-03-31\" }",
            "customAllocationDefinition.webhookUrl: it is missing",
        ),
        ("initialTwn = {}", "initialTwn: the member is not known; did you mean `initialTwin`?"),
    ] {
        let line = format!("{HEAD}{GROUP}{KEYS}{members}");
        assert_eq!(told(&line), format!("line 6: enrollmentGroups \"pumps\": {said}"), "{members}");
    }
    for (attestation, said) in [
        ("\"symmetricKey\"", "attestation: expected an object, found a string"),
        ("{ type = 1 }", "attestation.type: expected a string, found the number 1"),
        (
            "{ type = \"SymmetricKey\" }",
            "attestation.type: \"SymmetricKey\" is none of symmetricKey, x509, tpm",
        ),
        (
            "{ type = \"symmetricKey\", symmetricKey = \"s3cret\" }",
            "attestation.symmetricKey: expected an object, found a string",
        ),
        (
            "{ type = \"symmetricKey\", symmetricKey = { primaryKey = [\"s3cret\"] } }",
            "attestation.symmetricKey.primaryKey: expected a string, found an array",
        ),
        ("{ type = \"x509\", x509 = [] }", "attestation.x509: expected an object, found an array"),
        (
            "{ type = \"x509\", x509 = { signingCertificates = { primary = \"s3cret\" } } }",
            "attestation.x509.signingCertificates.primary: expected an object, found a string",
        ),
        (
            "{ type = \"x509\", x509 = { caReferences = { primary = {} } } }",
            "attestation.x509.caReferences.primary: expected a string, found an object",
        ),
        (
            "{ type = \"tpm\", tpm = { endorsementKey = 5 } }",
            "attestation.tpm.endorsementKey: expected a string, found the number 5",
        ),
    ] {
        let text = format!("{HEAD}{GROUP}attestation = {attestation}");
        assert_eq!(
            told(&text),
            format!("line 5: enrollmentGroups \"pumps\": {said}"),
            "{attestation}"
        );
    }
    let nameless = format!("{HEAD}[[enrollmentGroups]]\nenrollmentGroupId = 7\n{KEYS}");
    assert_eq!(
        told(&nameless),
        "line 4: enrollmentGroups[0].enrollmentGroupId: expected a string, found the number 7"
    );
}
