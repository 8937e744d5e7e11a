//! One enrollment or group (E.1 to E.5, E.7).

use serde_json::json;

use super::super::testing::{KEY_1, KEY_2, request, world};
use crate::attestation::SoftwareTpm;

fn group(members: &str) -> String {
    format!(
        r#"{{"enrollmentGroupId":"pumps","attestation":{{"type":"symmetricKey","symmetricKey":{{"primaryKey":"{KEY_1}","secondaryKey":"{KEY_2}"}}}}{members}}}"#
    )
}

const INDIVIDUAL: &str = r#"{"registrationId":"pump-0042","attestation":{"type":"symmetricKey"}}"#;

#[tokio::test]
async fn e_1_a_full_individual_enrollment_comes_back_in_the_recorded_order() {
    let world = world();
    let sent = format!(
        r#"{{"customAllocationDefinition":{{"apiVersion":"2021-10-01","webhookUrl":"https://f.example/api/Choose?code=secret"}},
        "iotHubs":["hub-west.azure-devices.net"],"allocationPolicy":"custom","vendor":{{"b":1,"a":null}},
        "reprovisionPolicy":{{"migrateDeviceData":false,"updateHubAssignment":true}},"provisioningStatus":"disabled","etag":"ignored",
        "initialTwin":{{"tags":{{"z":1,"a":2}},"properties":{{"desired":{{"speed":1.5}}}}}},"capabilities":{{"iotEdge":true}},
        "optionalDeviceInformation":{{"additionalProperties":{{"x":"y"}}}},"deviceId":"Pump#42","registrationId":"pump-0042",
        "attestation":{{"symmetricKey":{{"secondaryKey":"{KEY_2}","primaryKey":"{KEY_1}"}},"type":"symmetricKey"}}}}"#
    );
    let expected = |state: &str, attestation: &str| {
        format!(
            concat!(
                r#"{{"registrationId":"pump-0042","deviceId":"Pump#42",{}"#,
                r#""optionalDeviceInformation":{{"additionalProperties":{{"x":"y"}}}},"#,
                r#""attestation":{},"capabilities":{{"iotEdge":true}},"#,
                r#""initialTwin":{{"tags":{{"z":1,"a":2}},"properties":{{"desired":{{"speed":1.5}}}}}},"#,
                r#""etag":"{{etag}}","provisioningStatus":"disabled","#,
                r#""reprovisionPolicy":{{"updateHubAssignment":true,"migrateDeviceData":false}},"#,
                r#""createdDateTimeUtc":"{{created}}","lastUpdatedDateTimeUtc":"{{updated}}","#,
                r#""allocationPolicy":"custom","iotHubs":["hub-west.azure-devices.net"],"#,
                r#""customAllocationDefinition":{{"webhookUrl":"https://f.example/api/Choose?code=secret","apiVersion":"2021-10-01"}},"#,
                r#""vendor":{{"b":1,"a":null}}}}"#
            ),
            state, attestation
        )
    };

    let put = world.ask("PUT", "/enrollments/pump-0042", &sent).await;
    let get = world.ask("GET", "/enrollments/PUMP-0042/", "").await;

    assert_eq!((put.status, get.status), (200, 200));
    let keys = format!(
        r#"{{"type":"symmetricKey","symmetricKey":{{"primaryKey":"{KEY_1}","secondaryKey":"{KEY_2}"}}}}"#
    );
    put.is_golden(&expected("", &keys));
    let unassigned = r#""registrationState":{"registrationId":"pump-0042","status":"unassigned"},"#;
    get.is_golden(&expected(unassigned, r#"{"type":"symmetricKey"}"#));
    assert_eq!(put.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(put.header("etag"), None, "E.4: none was recorded");
}

#[tokio::test]
async fn e_1_and_j_22_the_recorded_group_with_its_nulls_and_made_keys() {
    let world = world();
    let recorded = r#"{"enrollmentGroupId":"reg_enroll_grp","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":null,"secondaryKey":null}},"allocationPolicy":"static","capabilities":null,"provisioningStatus":null,"reprovisionPolicy":null,"iotHubs":null,"iotHubHostName":null,"initialTwin":null,"customAllocationDefinition":null}"#;

    let put = world.ask("PUT", "/enrollmentGroups/reg_enroll_grp", recorded).await;
    let get = world.ask("GET", "/enrollmentgroups/reg_enroll_grp", "").await;
    let keys = world.ask("POST", "/enrollmentgroups/reg_enroll_grp/attestationmechanism", "").await;

    let made = put.json()["attestation"].to_string();
    assert_eq!(made.matches("==\"").count(), 2, "two keys of 64 bytes (D.2)");
    let rest = r#","etag":"{etag}","provisioningStatus":null,"createdDateTimeUtc":"{created}","lastUpdatedDateTimeUtc":"{updated}","allocationPolicy":"static"}"#;
    put.is_golden(&format!(r#"{{"enrollmentGroupId":"reg_enroll_grp","attestation":{made}{rest}"#));
    get.is_golden(&format!(
        r#"{{"enrollmentGroupId":"reg_enroll_grp","attestation":{{"type":"symmetricKey"}}{rest}"#
    ));
    assert_eq!((keys.status, keys.body), (200, made));
    assert_eq!(put.member("createdDateTimeUtc"), put.member("lastUpdatedDateTimeUtc"));
}

#[tokio::test]
async fn e_3_certificates_come_back_as_what_is_told_of_them() {
    let world = world();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "pumps-ca");
    let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let body = serde_json::json!({
        "enrollmentGroupId": "pumps",
        "attestation": { "type": "x509", "x509": { "signingCertificates": { "primary": { "certificate": certificate.pem() } } } }
    });

    let put = world.ask("PUT", "/enrollmentGroups/pumps", &body.to_string()).await;
    let keys = world.ask("POST", "/enrollmentGroups/pumps/attestationmechanism", "").await;

    let shown = &put.json()["attestation"];
    assert_eq!(keys.json(), *shown, "there is nothing secret in it");
    let slots = &shown["x509"]["signingCertificates"];
    assert_eq!(slots["primary"], slots["secondary"], "D.5: filled with the primary's");
    let info = slots["primary"]["info"].as_object().unwrap();
    let names: Vec<_> = info.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "subjectName",
            "sha1Thumbprint",
            "sha256Thumbprint",
            "issuerName",
            "notBeforeUtc",
            "notAfterUtc",
            "serialNumber",
            "version"
        ]
    );
    assert_eq!(info["subjectName"], "CN=pumps-ca");
    assert_eq!(info["version"], 3);

    // The object goes back as it was told, with a change: the certificate stays.
    let changed =
        put.body.replace(r#""provisioningStatus":"enabled""#, r#""provisioningStatus":"disabled""#);
    let updated = world.ask_if_match("PUT", "/enrollmentGroups/pumps", "*", &changed).await;
    assert_eq!(updated.status, 200, "{}", updated.body);
    assert_eq!(updated.json()["attestation"], *shown);
}

#[tokio::test]
async fn e_3_tpm_keys_are_always_shown() {
    let world = world();
    let tpm = SoftwareTpm::with_one_pair();
    let keys = json!({
        "endorsementKey": tpm.endorsement_key().to_base64(),
        "storageRootKey": tpm.storage_root_key().to_base64()
    });
    let attestation = json!({ "type": "tpm", "tpm": keys });
    let body = json!({ "registrationId": "t", "attestation": attestation }).to_string();

    world.ask("PUT", "/enrollments/t", &body).await;
    let get = world.ask("GET", "/enrollments/t", "").await;
    let told = world.ask("POST", "/enrollments/t/attestationmechanism", "").await;

    assert!(get.body.contains(&attestation.to_string()), "{}", get.body);
    assert_eq!(told.json(), attestation);
}

#[tokio::test]
async fn j_385_the_keys_of_a_tpm_have_to_be_such_and_the_one_that_is_not_is_named() {
    let world = world();
    let good = SoftwareTpm::with_one_pair().endorsement_key().to_base64();
    let put = async |endorsement_key: &str, storage_root_key: &str| {
        let tpm = json!({ "endorsementKey": endorsement_key, "storageRootKey": storage_root_key });
        let attestation = json!({ "type": "tpm", "tpm": tpm });
        let body = json!({ "registrationId": "t", "attestation": attestation }).to_string();
        world.ask("PUT", "/enrollments/t", &body).await
    };

    for (endorsement_key, storage_root_key, member) in [
        ("AToA", "", "endorsementKey"),
        ("?", &*good, "endorsementKey"),
        (&good, "AQ==", "storageRootKey"),
    ] {
        let refused = put(endorsement_key, storage_root_key).await;
        let (status, code, message) = refused.error();
        assert_eq!((status, code), (400, 400_004));
        assert!(message.starts_with(&format!("attestation.tpm.{member}: ")), "{message}");
    }
    assert_eq!(put(&good, "").await.status, 200, "an empty text is none");
    let group =
        r#"{"enrollmentGroupId":"g","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA"}}}"#;
    let refused = world.ask("PUT", "/enrollmentGroups/g", group).await;
    assert_eq!(refused.error().1, 400_004);
}

#[tokio::test]
async fn e_5_a_put_over_an_enrollment_that_is_there_needs_its_etag() {
    let world = world();
    let first = world.ask("PUT", "/enrollmentGroups/pumps", &group("")).await;
    world.ask("PUT", "/enrollments/pump-0042", INDIVIDUAL).await;

    let again = world.ask("PUT", "/enrollmentGroups/PUMPS", &group("")).await;
    assert_eq!(again.error(), (409, 409_202, "EnrollmentGroup already exists.".into()));
    let again = world.ask("PUT", "/enrollments/pump-0042", INDIVIDUAL).await;
    assert_eq!(again.error(), (409, 409_201, "Enrollment already exists.".into()));

    let etag = first.member("etag");
    let update = |etag: String| {
        let world = &world;
        async move { world.ask_if_match("PUT", "/enrollmentGroups/pumps", &etag, &group("")).await }
    };
    let second = update(etag.clone()).await;
    assert_eq!(second.status, 200, "E-1: bare");
    assert_ne!(second.member("etag"), etag);
    let stale = update(etag).await;
    assert_eq!(stale.error(), (412, 412_001, "Precondition failed.".into()), "J-7");
    assert_eq!(update(format!("\"{}\"", second.member("etag"))).await.status, 200, "E-1: quoted");
    assert_eq!(update("*".into()).await.status, 200, "E-1: any");
    assert_eq!(update("nonsense".into()).await.status, 412);
    assert_eq!(update(String::new()).await.error(), (400, 400_004, "ETag is invalid".into()));
    assert_eq!(update("\"\"".into()).await.status, 400);
}

#[tokio::test]
async fn j_81_an_update_of_what_is_not_there_is_404() {
    let world = world();

    let update = world.ask_if_match("PUT", "/enrollmentGroups/pumps", "*", &group("")).await;

    assert_eq!(update.error(), (404, 404_202, "EnrollmentGroup not found.".into()));
    assert_eq!(world.ask("GET", "/enrollmentGroups/pumps", "").await.status, 404);
}

#[tokio::test]
async fn e_5_an_update_replaces_the_whole_object_and_keeps_when_it_was_made() {
    let world = world();
    let full = group(
        r#","allocationPolicy":"hashed","iotHubs":["hub-west.azure-devices.net"],"capabilities":{"iotEdge":true},"vendor":1"#,
    );
    let first = world.ask("PUT", "/enrollmentGroups/pumps", &full).await;

    let bare = r#"{"enrollmentGroupId":"Pumps","attestation":{"type":"symmetricKey"}}"#;
    let second = world.ask_if_match("PUT", "/enrollmentGroups/pumps", "*", bare).await;

    second.is_golden(&format!(
        concat!(
            r#"{{"enrollmentGroupId":"Pumps","attestation":{{"type":"symmetricKey","symmetricKey":{{"primaryKey":"{}","secondaryKey":"{}"}}}},"#,
            r#""etag":"{{etag}}","provisioningStatus":"enabled","createdDateTimeUtc":"{{created}}","lastUpdatedDateTimeUtc":"{{updated}}"}}"#
        ),
        KEY_1, KEY_2
    ));
    assert_eq!(first.member("createdDateTimeUtc"), second.member("createdDateTimeUtc"));
    assert_ne!(first.member("lastUpdatedDateTimeUtc"), second.member("lastUpdatedDateTimeUtc"));
}

#[tokio::test]
async fn e_5_delete_takes_away_whatever_if_match_allows() {
    let world = world();
    world.ask("PUT", "/enrollments/pump-0042", INDIVIDUAL).await;

    let refused = world.ask_if_match("DELETE", "/enrollments/pump-0042", "AAAA", "").await;
    assert_eq!(refused.error().1, 412_001);
    let empty = world.ask_if_match("DELETE", "/enrollments/pump-0042", "", "").await;
    assert_eq!(empty.error(), (400, 400_004, "ETag is invalid".into()));
    let deleted = world.ask("DELETE", "/enrollments/Pump-0042", "").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    let gone = world.ask("DELETE", "/enrollments/pump-0042", "").await;
    assert_eq!(gone.error(), (404, 404_201, "Enrollment not found.".into()));
    let gone = world.ask("GET", "/enrollments/pump-0042", "").await;
    assert_eq!(gone.error().1, 404_201);
    let gone = world.ask("POST", "/enrollments/pump-0042/attestationmechanism", "").await;
    assert_eq!(gone.error().1, 404_201);
}

#[tokio::test]
async fn e_5_what_is_wrong_with_a_body_is_said_in_the_recorded_words() {
    let world = world();
    let refused = |body: String| {
        let world = &world;
        async move { world.ask("PUT", "/enrollmentGroups/pumps", &body).await.error() }
    };

    for (body, message) in [
        (
            group(r#","allocationPolicy":"custom""#),
            "A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'",
        ),
        (
            group(r#","iotHubs":["a.azure-devices.net"]"#),
            "Enrollment allocationPolicy must be specified when iotHubs are specified.",
        ),
        (
            group("").replace("pumps", "valves"),
            "The enrollmentGroupId of the body is not the one of the path.",
        ),
        (r#"{"attestation":{"type":"symmetricKey"}}"#.into(), "enrollmentGroupId is missing"),
        (String::new(), "The request body is empty."),
        ("[]".into(), "it is an array, not a JSON object"),
        ("hello".into(), "it is not JSON: expected value at line 1 column 1"),
    ] {
        assert_eq!(refused(body).await, (400, 400_004, message.to_owned()));
    }
    let no_secret = refused(group("").replace("MDAw", "*DAw")).await.2;
    assert!(no_secret.contains("primaryKey") && !no_secret.contains("DAw"), "{no_secret}");
    assert_eq!(refused("{".into()).await.0, 400);
    let misplaced = r#"{"enrollmentGroupId":"pumps","attestation":"MDAw\", expected"}"#;
    let message = refused(misplaced.into()).await.2;
    assert_eq!(message, "attestation: expected an object, found a string");
    let message = refused(group(r#","initialTwin":{"x":1e999}"#)).await.2;
    assert_eq!(message, "initialTwin: number out of range");
}

#[tokio::test]
async fn e_5_static_without_hubs_and_j_31_hubs_that_are_not_linked_are_stored() {
    let world = world();
    let body = group(r#","allocationPolicy":"static","iotHubs":["other.azure-devices.net"]"#);

    let put = world.ask("PUT", "/enrollmentGroups/pumps", &body).await;

    assert_eq!(put.status, 200);
    assert!(put.body.contains(r#""iotHubs":["other.azure-devices.net"]"#));
    let body = r#"{"registrationId":"a","attestation":{"type":"symmetricKey"},"allocationPolicy":"static"}"#;
    assert_eq!(world.ask("PUT", "/enrollments/a", body).await.status, 200);
}

#[tokio::test]
async fn d_1_names_come_percent_encoded() {
    let world = world();
    let body = INDIVIDUAL.replace("pump-0042", "a:b.c");

    assert_eq!(world.ask("PUT", "/enrollments/a%3ab%2Ec", &body).await.status, 200);
    assert_eq!(world.ask("GET", "/enrollments/a:b.c", "").await.status, 200);
}

#[tokio::test]
async fn h_2_bodies_that_are_too_long_or_no_json_are_refused() {
    let world = world();
    let path = "/enrollments/pump-0042";

    let long = " ".repeat(1024 * 1024) + INDIVIDUAL;
    assert_eq!(world.ask("PUT", path, &long).await.error().0, 413, "J-80");
    let typed = |value: &'static str| {
        let world = &world;
        async move { world.send(request("PUT", path, &[("content-type", value)], INDIVIDUAL)).await }
    };
    assert_eq!(typed("application/x-www-form-urlencoded").await.error().0, 415);
    assert_eq!(typed("Application/JSON; charset=utf-8").await.status, 200);
}

/// J-89.
#[tokio::test]
async fn e_5_every_request_names_a_version_and_any_date_will_do() {
    let world = world();
    let versioned = |version: Option<&'static str>| {
        let mut request = request("GET", "/enrollments/a", &[], "");
        request.query =
            version.map(|it| ("API-Version".to_owned(), it.to_owned())).into_iter().collect();
        world.send(request)
    };

    let (status, code, message) = versioned(None).await.error();
    assert_eq!((status, code), (400, 400_004));
    assert_eq!(message, "The query parameter api-version is missing.");
    assert_eq!(versioned(Some("latest")).await.error().0, 400);
    for version in ["2018-04-01", "2019-03-31", "2021-10-01", "2031-01-01-preview"] {
        assert_eq!(versioned(Some(version)).await.status, 404, "{version}");
    }
}

/// What `az iot dps enrollment update --remove-certificate` leaves, for every list of certificates.
#[tokio::test]
async fn d_5_a_record_may_have_a_secondary_certificate_alone() {
    let world = world();
    let pem = crate::pki::TestPki::new().unwrap().root().pem().to_owned();
    let certificate = serde_json::json!({ "certificate": pem });
    for (kind, name_member, list, filled) in [
        ("enrollments", "registrationId", "clientCertificates", false),
        ("enrollmentGroups", "enrollmentGroupId", "signingCertificates", true),
    ] {
        let path = format!("/{kind}/a");
        let body = |slots: serde_json::Value| serde_json::json!({ name_member: "a", "attestation": { "type": "x509", "x509": { list: slots } } });
        let slots = |answer: &super::super::testing::Answer| {
            answer.json()["attestation"]["x509"][list].clone()
        };

        let both = serde_json::json!({ "primary": certificate, "secondary": certificate });
        let put = world.ask("PUT", &path, &body(both).to_string()).await;
        // It sends back what it was told of the one that stays.
        let left = serde_json::json!({ "primary": null, "secondary": slots(&put)["secondary"] });
        let put = world.ask_if_match("PUT", &path, "*", &body(left).to_string()).await;

        assert_eq!(put.status, 200, "{}", put.body);
        assert!(slots(&put)["primary"].is_null() && slots(&put)["secondary"]["info"].is_object());
        let get = world.ask("GET", &path, "").await;
        assert_eq!(slots(&get), slots(&put));
        // The primary alone; a signing certificate fills both slots.
        let first = serde_json::json!({ "primary": certificate, "secondary": null });
        let put = world.ask_if_match("PUT", &path, "*", &body(first).to_string()).await;
        assert_eq!(slots(&put)["secondary"].is_object(), filled, "{}", put.body);
        let none = serde_json::json!({ "primary": null, "secondary": null });
        let put = world.ask_if_match("PUT", &path, "*", &body(none).to_string()).await;
        assert_eq!(put.error().2, format!("attestation.x509.{list}.primary is missing"));
    }
    let references = r#"{"enrollmentGroupId":"b","attestation":{"type":"x509","x509":{"caReferences":{"primary":null,"secondary":"root"}}}}"#;
    let put = world.ask("PUT", "/enrollmentGroups/b", references).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert!(put.body.contains(r#""caReferences":{"primary":null,"secondary":"root"}"#));
    let key = format!(
        r#"{{"registrationId":"c","attestation":{{"type":"symmetricKey","symmetricKey":{{"primaryKey":null,"secondaryKey":"{KEY_2}"}}}}}}"#
    );
    let put = world.ask("PUT", "/enrollments/c", &key).await;
    let keys = put.json()["attestation"]["symmetricKey"].clone();
    assert_eq!(keys["secondaryKey"], KEY_2, "and the other is made (D.2)");
    assert_ne!(keys["primaryKey"], KEY_2);
}

#[tokio::test]
async fn k_7_a_record_comes_back_letter_by_letter() {
    let world = world();
    for url in [
        "https://www.test.test",
        "https://www.test.test:443/",
        "http://localhost:80/a/../b",
        "https://localhost/a b?code=a b",
        "HTTPS://LocalHost/A?code=%7e",
        r"https://b\u00fccher.example/\u00e4",
    ] {
        let body = group(&format!(
            r#","allocationPolicy":"custom","customAllocationDefinition":{{"webhookUrl":"{url}","apiVersion":"2019-03-31","later":1.50}},"initialTwin":{{"tags":{{"n":[1e3,1.50,1E+2]}}}},"z":{{"n":1e3}},"a":-0.0"#
        ));
        let put = world.ask_if_match("PUT", "/enrollmentGroups/pumps", "*", &body).await;
        let put = if put.status == 404 {
            world.ask("PUT", "/enrollmentGroups/pumps", &body).await
        } else {
            put
        };
        assert_eq!(put.status, 200, "{}", put.body);
        let get = world.ask("GET", "/enrollmentGroups/pumps", "").await;
        let list = world.ask("POST", "/enrollmentGroups/query", "{}").await;
        for answer in [put, get, list] {
            for part in [
                format!(r#"{{"webhookUrl":"{url}","apiVersion":"2019-03-31","later":1.50}}"#),
                r#""initialTwin":{"tags":{"n":[1e3,1.50,1E+2]}}"#.to_owned(),
                r#""z":{"n":1e3},"a":-0.0}"#.to_owned(),
            ] {
                assert!(answer.body.contains(&part), "{part} in {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn j_190_what_means_none_is_left_out_and_what_the_service_writes_is_its_own() {
    let world = world();
    let body = r#"{"registrationId":"a","attestation":{"type":"symmetricKey","more":1},"deviceId":"","capabilities":null,
        "iotHubHostName":null,"initialTwin":null,"etag":"mine","createdDateTimeUtc":"then","iotHubs":null}"#;

    let put = world.ask("PUT", "/enrollments/a", body).await;
    let get = world.ask("GET", "/enrollments/a", "").await;

    assert_eq!(put.status, 200, "{}", put.body);
    get.is_golden(
        r#"{"registrationId":"a","registrationState":{"registrationId":"a","status":"unassigned"},"attestation":{"type":"symmetricKey"},"etag":"{etag}","provisioningStatus":"enabled","createdDateTimeUtc":"{created}","lastUpdatedDateTimeUtc":"{updated}"}"#,
    );
}
