//! Devices with a TPM over HTTPS (B.5, D.6): the challenge, what is signed with it, and the key for the hub.
//! The TPM is the software one, which checks what it is given as a TPM does.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::attestation::{DeviceKey, SoftwareTpm};
use provision_sim::pki::{TestCertificate, new_request};
use provision_sim::service::{EntryAttestation, EntryStatus, JournalEntry, timeline};
use rumqttc::mqttbytes::v4::ConnectReturnCode;
use serde_json::{Value, json};

use crate::support::service::back_end::{BackEnd, Told};
use crate::support::service::client::{Client, Device, Manners};
use crate::support::service::golden::normalised;
use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::service::token::{NODE_SDK, UPPER, hub_token, now, of_device};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::within;
use crate::support::x509::Identity;

const ID: &str = "mydevice";

static TPM: LazyLock<SoftwareTpm> = LazyLock::new(SoftwareTpm::generate);
static OTHER: LazyLock<SoftwareTpm> = LazyLock::new(SoftwareTpm::with_one_pair);

fn ek(tpm: &SoftwareTpm) -> String {
    tpm.endorsement_key().to_base64()
}

fn srk(tpm: &SoftwareTpm) -> String {
    tpm.storage_root_key().to_base64()
}

/// The device [`ID`], enrolled with a TPM; `more` are members of the enrollment.
fn enrolled(more: &str) -> Setup {
    Setup::from_config(format!(
        r#"
        idScope = "{SCOPE}"
        linkedHubs = ["{HUB_WEST}"]

        [[enrollmentGroups]]
        enrollmentGroupId = "pumps"
        attestation.type = "symmetricKey"

        [[enrollments]]
        registrationId = "{ID}"
        attestation.type = "tpm"
        attestation.tpm.endorsementKey = "{}"
        {more}
        "#,
        ek(&TPM)
    ))
    .retry_after(Duration::ZERO)
}

/// One connection of a device, or of somebody who says that it is one.
struct Line(BackEnd);

impl Line {
    async fn open(service: &TestService) -> Self {
        Self(BackEnd::open(service, "localhost", "").await)
    }

    async fn ask(&mut self, method: &str, id: &str, rest: &str, token: &str, body: &str) -> Told {
        let target = format!("/{SCOPE}/registrations/{id}{rest}?api-version=2019-03-31");
        let authorization = [("authorization", token)];
        let headers = if token.is_empty() { &[][..] } else { &authorization };
        self.0.send_with(method, &target, headers, body).await
    }

    async fn register(&mut self, tpm: &SoftwareTpm, token: &str) -> Told {
        self.ask("PUT", ID, "/register", token, &body(tpm)).await
    }

    /// The key of a challenge, which the TPM opens.
    async fn challenged(&mut self, tpm: &SoftwareTpm) -> DeviceKey {
        let told = self.register(tpm, "").await;
        assert_eq!(told.status, 401, "{}", told.text);
        opened(tpm, &json_of(&told)["authenticationKey"])
    }

    async fn poll(&mut self, operation: &str, token: &str) -> Told {
        self.ask("GET", ID, &format!("/operations/{operation}"), token, "").await
    }

    /// From a challenge to the result.
    async fn provision(&mut self, tpm: &SoftwareTpm) -> Value {
        let key = self.challenged(tpm).await;
        self.provision_with(tpm, &token(&key)).await
    }

    async fn provision_with(&mut self, tpm: &SoftwareTpm, token: &str) -> Value {
        let told = self.register(tpm, token).await;
        assert_eq!(told.status, 202, "{}", told.text);
        let operation = json_of(&told)["operationId"].as_str().unwrap().to_owned();
        loop {
            let told = self.poll(&operation, token).await;
            match told.status {
                202 => {}
                200 => return json_of(&told),
                _ => panic!("{}", told.text),
            }
        }
    }
}

fn body(tpm: &SoftwareTpm) -> String {
    let tpm = json!({ "endorsementKey": ek(tpm), "storageRootKey": srk(tpm) });
    json!({ "registrationId": ID, "tpm": tpm }).to_string()
}

fn json_of(told: &Told) -> Value {
    serde_json::from_str(&told.text).unwrap()
}

fn code(told: &Told) -> u64 {
    let body = json_of(told);
    let code = body["errorCode"].as_u64().unwrap_or_else(|| panic!("{body}"));
    assert_eq!(u64::from(told.status), code / 1000, "{body}");
    code
}

fn opened(tpm: &SoftwareTpm, blob: &Value) -> DeviceKey {
    tpm.open(&STANDARD.decode(blob.as_str().unwrap()).unwrap()).unwrap()
}

fn raw(key: &DeviceKey) -> Vec<u8> {
    STANDARD.decode(&*key.to_base64()).unwrap()
}

fn token(key: &DeviceKey) -> String {
    NODE_SDK.token(&raw(key), SCOPE, ID)
}

async fn entry(
    service: &TestService,
    is_it: impl Fn(&JournalEntry) -> bool,
) -> std::sync::Arc<JournalEntry> {
    within("the entry", service.inside().journal().wait_for(is_it)).await
}

#[tokio::test]
async fn b_5_the_challenge_member_by_member() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;

    let told = line.register(&TPM, "").await;

    assert_eq!(told.status, 401);
    let blob = json_of(&told)["authenticationKey"].as_str().unwrap().to_owned();
    assert_eq!(
        told.text,
        format!(
            r#"{{"message":"Authorization required, resend request using supplied key","authenticationKey":"{blob}","unencryptedAuthenticationKey":null,"keyName":"registration"}}"#
        )
    );
    assert_eq!(STANDARD.decode(&blob).unwrap().len(), 766);
    assert_eq!(told.header("x-ms-error-code"), None, "there is no error code");
    assert_eq!(opened(&TPM, &json!(blob)).length(), 32);
}

/// The request, the runtime context and the answer of the article on custom allocation, member by member.
#[tokio::test]
async fn g_3_a_tpm_before_the_webhook_and_what_the_device_is_told() {
    let answer = format!(r#"{{"iotHubHostName":"{HUB_WEST}","payload":{{"property1":"value1"}}}}"#);
    let mut webhook = Webhook::start([Reaction::Answer(200, answer)]).await;
    let url = webhook.url();
    let more = format!(
        r#"
        deviceId = "myDeviceId"
        allocationPolicy = "custom"
        customAllocationDefinition = {{ webhookUrl = "{url}", apiVersion = "2021-10-01" }}
        "#
    );
    let service = enrolled(&more).start().await;
    let mut line = Line::open(&service).await;
    let (ek, srk) = (ek(&TPM), srk(&TPM));
    let payload = r#"{"property1":"value1","property2":{"propertyA":"valueA","property2-2":1234}}"#;
    let request = format!(
        r#"{{"registrationId":"{ID}","tpm":{{"endorsementKey":"{ek}","storageRootKey":"{srk}"}},"payload":{payload}}}"#
    );
    let told = line.ask("PUT", ID, "/register", "", &request).await;
    let token = token(&opened(&TPM, &json_of(&told)["authenticationKey"]));

    let accepted = line.ask("PUT", ID, "/register", &token, &request).await;
    let operation = json_of(&accepted)["operationId"].as_str().unwrap().to_owned();
    let asked = webhook.call().await;
    let told = loop {
        let told = line.poll(&operation, &token).await;
        if told.status == 200 {
            break told;
        }
    };

    let masked = url.split_once('?').unwrap().0;
    assert_eq!(
        normalised(&asked.body),
        [
            &format!(r#"{{"individualEnrollment":{{"registrationId":"{ID}","deviceId":"myDeviceId","#),
            &format!(r#""attestation":{{"type":"tpm","tpm":{{"endorsementKey":"{ek}"}}}},"#),
            r#""etag":"<etag>","provisioningStatus":"enabled","createdDateTimeUtc":"<time>","#,
            r#""lastUpdatedDateTimeUtc":"<time>","allocationPolicy":"custom","#,
            &format!(r#""customAllocationDefinition":{{"webhookUrl":"{masked}?****","apiVersion":"2021-10-01"}}}},"#),
            &format!(r#""deviceRuntimeContext":{{"registrationId":"{ID}","tpm":{{"endorsementKey":"{ek}","storageRootKey":"{srk}"}},"#),
            &format!(r#""payload":{payload}}},"linkedHubs":["{HUB_WEST}"]}}"#),
        ]
        .concat()
    );
    let blob = json_of(&told)["registrationState"]["tpm"]["authenticationKey"].clone();
    assert_eq!(
        normalised(&told.text),
        [
            r#"{"operationId":"<operation>","status":"assigned","registrationState":{"#,
            &format!(r#""tpm":{{"authenticationKey":{blob}}},"registrationId":"{ID}","createdDateTimeUtc":"<time>","#),
            &format!(r#""assignedHub":"{HUB_WEST}","deviceId":"myDeviceId","status":"assigned","substatus":"initialAssignment","#),
            r#""lastUpdatedDateTimeUtc":"<time>","etag":"<etag>","payload":{"property1":"value1"}}}"#,
        ]
        .concat()
    );
    assert_ne!(
        raw(&opened(&TPM, &blob)),
        raw(&opened(&TPM, &json_of(&line.register(&TPM, "").await)["authenticationKey"]))
    );
}

#[tokio::test]
async fn g_6_the_heat_pump_is_refused_with_a_tpm_too() {
    let webhook = Webhook::start([Reaction::Answer(400, "no heat pumps here".to_owned())]).await;
    let more = format!(
        r#"
        allocationPolicy = "custom"
        customAllocationDefinition = {{ webhookUrl = "{}", apiVersion = "2021-10-01" }}
        "#,
        webhook.url()
    );
    let service = enrolled(&more).start().await;

    let told = Line::open(&service).await.provision(&TPM).await;

    let state = &told["registrationState"];
    assert_eq!(told["status"], "failed");
    assert_eq!(state["errorCode"], 400_207);
    assert_eq!(state["errorMessage"], "Custom allocation failed with status code: 400");
    assert_eq!(state.get("tpm"), None, "no hub, no key");
}

/// J-388.
#[tokio::test]
async fn b_5_the_hub_takes_the_key_of_the_last_registration_alone() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    let mut keys = Vec::new();
    for substatus in ["initialAssignment", "initialAssignment"] {
        let told = line.provision(&TPM).await;
        assert_eq!(told["registrationState"]["substatus"], substatus);
        keys.push(opened(&TPM, &told["registrationState"]["tpm"]["authenticationKey"]));
    }

    let signs_in = [hub_says(&service, &keys[0]).await, hub_says(&service, &keys[1]).await];

    assert_eq!(signs_in, [ConnectReturnCode::NotAuthorized, ConnectReturnCode::Success]);
}

/// How the hub answers a device that signs with this key.
async fn hub_says(service: &TestService, key: &DeviceKey) -> ConnectReturnCode {
    let password = hub_token(&raw(key), HUB_WEST, ID);
    let device = Device { password, ..Device::at_hub(ID, HUB_WEST) };
    let mut client = Client::dial(service).await;
    client.say_hello(&device, Manners::default()).await.expect("an answer").code
}

/// J-439, J-440.
#[tokio::test]
async fn b_7_a_device_with_a_tpm_is_issued_a_certificate_in_place_of_its_key_for_once() {
    let service = enrolled("certificatePolicyName = \"default\"").start().await;
    let mut line = Line::open(&service).await;
    let tpm = json!({ "endorsementKey": ek(&TPM), "storageRootKey": srk(&TPM) });
    let request = json!({ "tpm": tpm, "csr": new_request(ID).unwrap().to_base64() }).to_string();
    let register = format!("/{SCOPE}/registrations/{ID}/register?api-version=2026-11-01");
    let challenge = json_of(&line.0.send("PUT", &register, None, &request).await);
    let authorization = token(&opened(&TPM, &challenge["authenticationKey"]));
    let headers = [("authorization", &*authorization)];

    let mut told = json_of(&line.0.send_with("PUT", &register, &headers, &request).await);
    while told["status"] == "assigning" {
        let operation = told["operationId"].as_str().unwrap();
        let poll = register.replace("/register?", &format!("/operations/{operation}?"));
        told = json_of(&line.0.send_with("GET", &poll, &headers, "").await);
    }

    let state = &told["registrationState"];
    assert_eq!(state["issuedCertificateChain"].as_array().map(Vec::len), Some(3), "{told}");
    let first = opened(&TPM, &state["tpm"]["authenticationKey"]);
    assert_eq!(hub_says(&service, &first).await, ConnectReturnCode::NotAuthorized);
    let told = line.provision(&TPM).await;
    let second = opened(&TPM, &told["registrationState"]["tpm"]["authenticationKey"]);
    assert_eq!(hub_says(&service, &second).await, ConnectReturnCode::Success);
}

/// J-382.
#[tokio::test]
async fn j_8_an_unknown_device_and_a_foreign_tpm_are_404201_and_a_foreign_owner_is_401002() {
    let more = format!("attestation.tpm.storageRootKey = \"{}\"", srk(&TPM));
    let service = enrolled(&more).start().await;
    let mut line = Line::open(&service).await;

    let unknown =
        line.ask("PUT", "nobody", "/register", "", &body(&TPM).replace(ID, "nobody")).await;
    assert_eq!(code(&unknown), 404_201);
    assert_eq!(json_of(&unknown)["message"], "Enrollment not found.");
    assert_eq!(code(&line.register(&OTHER, "").await), 404_201);
    let keys = json!({ "endorsementKey": ek(&TPM), "storageRootKey": srk(&OTHER) });
    let cleared = json!({ "registrationId": ID, "tpm": keys }).to_string();
    assert_eq!(code(&line.ask("PUT", ID, "/register", "", &cleared).await), 401_002);
    for (keys, member) in [
        (json!({}), "endorsementKey"),
        (json!({ "endorsementKey": ek(&TPM) }), "storageRootKey"),
        (json!({ "endorsementKey": "AToA", "storageRootKey": srk(&TPM) }), "endorsementKey"),
    ] {
        let body = json!({ "registrationId": ID, "tpm": keys }).to_string();
        assert_eq!(code(&line.ask("PUT", ID, "/register", "", &body).await), 400_004);
        let entries = service.inside().journal().entries();
        let refused = entries.last().unwrap();
        assert_eq!(refused.failed_check, Some("tpmKeys"));
        let reason = refused.reason.as_ref().unwrap();
        assert!(reason.contains(&format!("`tpm.{member}`")), "{reason}");
    }
    let words: Vec<_> =
        service.inside().journal().entries().iter().filter_map(|it| it.failed_check).collect();
    assert_eq!(words[..3], ["notEnrolled", "endorsementKey", "storageRootKey"]);
    assert_eq!(code(&line.ask("PUT", ID, "/register", "", "{}").await), 401_002, "shows no TPM");
}

#[tokio::test]
async fn j_381_a_token_for_a_key_that_is_not_remembered_is_answered_with_another_challenge() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    let forgotten = DeviceKey::generate();

    assert_eq!(
        code(&line.poll("5.none", &token(&forgotten)).await),
        401_002,
        "a poll shows no TPM"
    );
    let told = line.register(&TPM, &token(&forgotten)).await;
    let first = opened(&TPM, &json_of(&told)["authenticationKey"]);
    let second = line.challenged(&TPM).await;

    let told = line.register(&TPM, &token(&first)).await;
    assert_eq!(code(&told), 401_002, "only the last one is good");
    let expired = UPPER.token_until(&raw(&second), SCOPE, ID, now() - 5);
    assert_eq!(code(&line.register(&TPM, &expired).await), 401_002);
    let foreign = UPPER.token(&raw(&second), SCOPE, "other");
    assert_eq!(code(&line.register(&TPM, &foreign).await), 401_002);
    let told = line.provision_with(&TPM, &token(&second)).await;
    assert_eq!(told["status"], "assigned");
    let words: Vec<_> =
        service.inside().journal().entries().iter().filter_map(|it| it.failed_check).collect();
    assert_eq!(words, ["signature", "expired", "registrationId"]);
}

#[tokio::test]
async fn j_383_any_storage_root_key_will_do_where_none_is_enrolled_and_the_key_is_for_that_one() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    let keys = json!({ "endorsementKey": ek(&TPM), "storageRootKey": srk(&OTHER) });
    let cleared = json!({ "registrationId": ID, "tpm": keys }).to_string();

    let told = line.ask("PUT", ID, "/register", "", &cleared).await;

    assert_eq!(told.status, 401);
    let blob = json_of(&told)["authenticationKey"].as_str().unwrap().to_owned();
    assert!(
        TPM.open(&STANDARD.decode(blob).unwrap()).is_err(),
        "made for another storage root key"
    );
}

#[tokio::test]
async fn j_384_a_look_up_tells_where_the_registration_stands_and_no_key() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    let key = line.challenged(&TPM).await;
    line.provision_with(&TPM, &token(&key)).await;

    let told = line.ask("POST", ID, "", &token(&key), &body(&TPM)).await;
    assert_eq!((told.status, json_of(&told)["status"].as_str()), (200, Some("assigned")));
    assert_eq!(json_of(&told).get("tpm"), None);
    let told = line.ask("POST", ID, "", "", &body(&TPM)).await;
    assert_eq!(told.status, 401, "{}", told.text);
    opened(&TPM, &json_of(&told)["authenticationKey"]);
    let mut back_end = BackEnd::of_service(&service).await;
    let told = back_end.get(&format!("/registrations/{ID}?api-version=2021-10-01")).await;
    assert_eq!((told.ok()["status"].as_str(), told.ok().get("tpm")), (Some("assigned"), None));
}

#[tokio::test]
async fn b_5_a_disabled_device_is_challenged_and_told_at_the_poll() {
    let service = enrolled("provisioningStatus = \"disabled\"").start().await;

    let told = Line::open(&service).await.provision(&TPM).await;

    assert_eq!(told["status"], "disabled");
}

#[tokio::test]
async fn d_6_over_mqtt_there_is_no_way_and_the_log_says_which_there_are() {
    let service = enrolled("").start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;

    let answer = client.register(&body(&TPM)).await;

    assert_eq!(answer.error(), (401, 401_000, "Unauthorized".to_owned()));
    let refused = entry(&service, |it| it.status == EntryStatus::Refused).await;
    assert_eq!(refused.failed_check, Some("otherAttestation"));
    let reason = refused.reason.as_ref().unwrap();
    assert!(reason.contains("with its TPM over HTTPS or AMQP (MQTT has no way to)"), "{reason}");
}

#[tokio::test]
async fn j_389_keys_of_a_tpm_mean_nothing_where_a_token_of_a_group_will_do() {
    let service = Setup::at_once().start().await;
    let mut line = Line::open(&service).await;
    let body = body(&TPM).replace(ID, "pump-0042");

    let told = line.ask("PUT", "pump-0042", "/register", &of_device("pump-0042"), &body).await;

    assert_eq!(told.status, 202, "{}", told.text);
}

#[tokio::test]
async fn b_5_a_service_that_starts_again_answers_the_poll_for_a_new_challenge_and_keeps_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let service = enrolled("").state(folder.path()).start().await;
    let mut line = Line::open(&service).await;
    let key = line.challenged(&TPM).await;
    let told = line.provision_with(&TPM, &token(&key)).await;
    let operation = told["operationId"].as_str().unwrap().to_owned();
    drop(line);
    service.stop().await;

    let service = enrolled("").state(folder.path()).start().await;
    let mut line = Line::open(&service).await;
    assert_eq!(code(&line.poll(&operation, &token(&key)).await), 401_002, "nobody remembers it");
    let key = line.challenged(&TPM).await;
    let again = line.poll(&operation, &token(&key)).await;

    assert_eq!(json_of(&again)["registrationState"]["tpm"], told["registrationState"]["tpm"]);
}

#[tokio::test]
async fn j_387_a_registration_with_a_tpm_is_one_entry_from_the_challenge_on() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    line.challenged(&TPM).await;
    let key = line.challenged(&TPM).await;
    let waiting = service.inside().journal().entries().remove(0);
    assert_eq!((waiting.status, waiting.operation_id.as_ref()), (EntryStatus::Assigning, None));
    assert_eq!(waiting.challenge.as_ref().unwrap().answered, None);
    assert_eq!(waiting.answers[0].count, 2);

    line.provision_with(&TPM, &token(&key)).await;

    let assigned = entry(&service, |it| it.status == EntryStatus::Assigned).await;
    assert_eq!((assigned.sequence, service.inside().journal().entries().len()), (1, 1));
    assert_eq!(assigned.attestation, Some(EntryAttestation::Tpm));
    let titles: Vec<_> = timeline(&assigned).into_iter().map(|it| it.title).collect();
    let operation = assigned.operation_id.as_ref().unwrap();
    let begins = format!("begins the operation {operation}");
    let told = [
        "asks to register",
        "checks the ID scope",
        "checks the registration ID",
        "checks the request",
        "checks the enrollment",
        "checks the kind of proof",
        "checks the keys of the TPM",
        "checks the TPM's endorsement key",
        "checks the TPM's storage root key",
        "checks the kind of the TPM's keys",
        "checks the key that the TPM was given",
        "answers register with 401, and a key for its TPM to sign with",
        "asks to register again, with a token",
        "checks the token's signature",
        &begins,
        "answers register with 202",
    ];
    let mut rest = titles.iter();
    for title in told {
        assert!(rest.any(|it| it.starts_with(title)), "{title} in its place: {titles:#?}");
    }
    line.register(&TPM, &token(&key)).await;
    assert_eq!(service.inside().journal().entries().len(), 2, "the same key, another registration");
}

#[tokio::test]
async fn j_387_a_token_that_is_wrong_ends_the_entry_of_its_challenge() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    line.challenged(&TPM).await;

    for _ in 0..2 {
        assert_eq!(code(&line.register(&TPM, &token(&DeviceKey::generate())).await), 401_002);
    }

    let entries = service.inside().journal().entries();
    let told: Vec<_> = entries.iter().map(|it| (it.failed_check, it.challenge.is_some())).collect();
    assert_eq!(told, [(Some("signature"), true), (Some("signature"), false)]);
    let reason = entries[0].reason.as_ref().unwrap();
    assert!(reason.contains("not signed with the key that its TPM was given last"), "{reason}");
}

/// J-92, B.7.
#[tokio::test]
async fn j_387_whatever_a_device_is_refused_for_that_came_back_ends_the_entry_of_its_challenge() {
    let service = enrolled("").quotas("registrations = \"1/h\"").start().await;
    let mut line = Line::open(&service).await;
    let csr = json!({ "csr": "AAAA", "tpm": { "endorsementKey": ek(&TPM), "storageRootKey": srk(&TPM) } });
    let target = format!("/{SCOPE}/registrations/{ID}/register?api-version=2026-11-01");

    let key = line.challenged(&TPM).await;
    let authorization = token(&key);
    let headers = [("authorization", &*authorization)];
    let told = line.0.send_with("PUT", &target, &headers, &csr.to_string()).await;
    assert_eq!(code(&told), 400_004);
    let key = line.challenged(&TPM).await;
    assert_eq!(line.register(&TPM, &token(&key)).await.status, 429);

    let entries = service.inside().journal().entries();
    let told: Vec<_> =
        entries.iter().map(|it| (it.status, it.failed_check, it.challenge.is_some())).collect();
    let refused = EntryStatus::Refused;
    assert_eq!(told, [(refused, Some("certificateRequest"), true), (refused, Some("quota"), true)]);
}

#[tokio::test]
async fn j_387_a_key_that_a_look_up_was_given_goes_on_with_the_entry_of_the_register() {
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    line.challenged(&TPM).await;
    let told = line.ask("POST", ID, "", "", &body(&TPM)).await;
    let key = opened(&TPM, &json_of(&told)["authenticationKey"]);

    line.provision_with(&TPM, &token(&key)).await;

    let entries = service.inside().journal().entries();
    let told: Vec<_> = entries.iter().map(|it| (it.status, it.challenge.is_some())).collect();
    assert_eq!(told, [(EntryStatus::Assigned, true)]);
}

/// J-387.
#[tokio::test]
async fn g_2_a_function_key_that_came_after_the_challenge_is_in_no_entry() {
    let echo = Reaction::Answer(500, "no luck at /api/Choose?code=s3cret%3D%3D".to_owned());
    let webhook = Webhook::start([echo]).await;
    let service = enrolled("").start().await;
    let mut line = Line::open(&service).await;
    let key = line.challenged(&TPM).await;
    let enrollment = json!({
        "registrationId": ID,
        "attestation": { "type": "tpm", "tpm": { "endorsementKey": ek(&TPM) } },
        "allocationPolicy": "custom",
        "customAllocationDefinition": { "webhookUrl": webhook.url(), "apiVersion": "2021-10-01" },
    });
    let mut back_end = BackEnd::of_service(&service).await;
    back_end
        .ask("PUT", &format!("/enrollments/{ID}"), Some("*"), &enrollment.to_string())
        .await
        .ok();

    line.provision_with(&TPM, &token(&key)).await;

    let failed = entry(&service, |it| it.status == EntryStatus::Failed).await;
    let shown = serde_json::to_string(&*failed).unwrap();
    assert!(shown.contains("no luck at") && !shown.contains("s3cret"), "{shown}");
    assert!(failed.challenge.is_some());
}

/// B.3.
#[tokio::test]
async fn j_389_keys_of_a_tpm_mean_nothing_where_a_certificate_will_do() {
    let made = TestCertificate::self_signed("pump-0042").unwrap();
    let service = Setup::individual_x509("pump-0042", made.pem()).start().await;
    let stream = service.https_with(Identity::of(&made).tls(&service)).await;
    let mut line = Line(BackEnd::over(stream, "localhost", "").await);
    let body = body(&TPM).replace(ID, "pump-0042");

    let told = line.ask("PUT", "pump-0042", "/register", "", &body).await;

    assert_eq!(told.status, 202, "{}", told.text);
}

#[tokio::test]
async fn j_262_a_fault_for_an_enrollment_strikes_the_challenge_of_its_tpm_too() {
    let service = enrolled("")
        .fault("register status=503 times=1 enrollment=pumps")
        .fault(&format!("register status=429 times=1 enrollment={ID}"))
        .start()
        .await;
    let mut line = Line::open(&service).await;

    assert_eq!(code(&line.register(&OTHER, "").await), 404_201, "nobody lets it in");
    assert_eq!(code(&line.register(&TPM, "").await), 429_001);
    line.provision(&TPM).await;
}
