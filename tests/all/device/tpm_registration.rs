//! Our device with a TPM against our service, over HTTPS (B.5): from the first request to the hub.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provision_sim::attestation::{
    Asked, DeviceKey, KeyBlob, Signer, SoftwareTpm, Tpm, TpmError, TpmPublicKeys,
};
use provision_sim::device::{
    Class, Credential, Error, HubClient, HubError, HubSettings, HubSettingsError, Notice, Ports,
    ProvisioningClient, Received, Registered, Sent, Settings, Transport,
};
use provision_sim::net::{Trust, client_config};
use provision_sim::wire::{ErrorCode, Status};

use crate::support::scripted::http::{HttpServer, answer};
use crate::support::service::device::{self, hub};
use crate::support::service::setup::{HUB_WEST, SCOPE, Setup, TestService};
use crate::support::service::webhook::{Reaction, Webhook};

const ID: &str = "mydevice";
const HUBS: [Transport; 4] =
    [Transport::Mqtt, Transport::MqttWs, Transport::Amqp, Transport::AmqpWs];

static TPM: LazyLock<Arc<SoftwareTpm>> = LazyLock::new(|| Arc::new(SoftwareTpm::generate()));
static OTHER: LazyLock<Arc<SoftwareTpm>> = LazyLock::new(|| Arc::new(SoftwareTpm::with_one_pair()));

/// The device [`ID`], enrolled with [`TPM`]; `more` are members of the enrollment.
fn enrolled(more: &str) -> Setup {
    Setup::individual_tpm(ID, TPM.endorsement_key(), more)
}

fn settings(service: &TestService, tpm: Arc<dyn Tpm>) -> Settings {
    device::settings(service, ID, Transport::Https, Credential::Tpm(tpm))
}

async fn register(settings: &Settings) -> Result<Registered, Error> {
    register_and_tell(settings, &mut Vec::new()).await
}

async fn register_and_tell(
    settings: &Settings,
    notices: &mut Vec<Notice>,
) -> Result<Registered, Error> {
    let client = ProvisioningClient::new(settings.clone());
    client.register(&mut |notice| notices.push(notice)).await
}

/// What becomes of a key on its way to the TPM.
enum Meddling {
    /// This byte is another one.
    Changes(usize),
    /// Another TPM is in its place.
    GoesTo(Arc<SoftwareTpm>),
    /// The TPM is gone.
    Fails,
    /// The service is started anew meanwhile.
    Restarts(Arc<TestService>),
}

/// [`TPM`], with one of the keys that it is given meddled with.
struct Meddled {
    /// Which of them, from 0.
    which: usize,
    how: Meddling,
    given: AtomicUsize,
}

impl Meddled {
    fn with(which: usize, how: Meddling) -> Arc<Self> {
        Arc::new(Self { which, how, given: AtomicUsize::new(0) })
    }
}

impl fmt::Debug for Meddled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddled")
    }
}

impl Tpm for Meddled {
    fn keys(&self) -> Asked<'_, TpmPublicKeys, TpmError> {
        TPM.keys()
    }

    fn take_key<'a>(&'a self, blob: &'a [u8]) -> Asked<'a, Arc<dyn Signer>, TpmError> {
        Box::pin(async move {
            let mut blob = blob.to_vec();
            if self.given.fetch_add(1, Ordering::SeqCst) == self.which {
                match &self.how {
                    Meddling::Changes(at) => blob[*at] ^= 1,
                    Meddling::GoesTo(other) => return other.take_key(&blob).await,
                    Meddling::Fails => return Err(TpmError::Unusable("it is gone".to_owned())),
                    Meddling::Restarts(service) => service.inside().reset().await.unwrap(),
                }
            }
            TPM.take_key(&blob).await
        })
    }
}

/// The requests and answers on the way, each with what is to be known of it, and the keys.
fn told(notices: &[Notice]) -> Vec<String> {
    let told = notices.iter().filter_map(|notice| match notice {
        Notice::Sent(Sent::Request { method, headers, body, .. }) => {
            let has_token = headers.iter().any(|(name, _)| name == "authorization");
            let shows_tpm = String::from_utf8_lossy(body).contains("endorsementKey");
            let token = if has_token { " token" } else { "" };
            Some(format!("{method}{token}{}", if shows_tpm { " keys" } else { "" }))
        }
        Notice::Received(Received::Response { status, .. }) => Some(status.to_string()),
        Notice::KeyTaken { for_hub: false } => Some("proof".to_owned()),
        Notice::KeyTaken { for_hub: true } => Some("hub".to_owned()),
        Notice::KeyForgotten => Some("forgotten".to_owned()),
        _ => None,
    });
    let mut told: Vec<_> = told.collect();
    // How often it is asked for the result is a matter of time.
    told.dedup_by(|second, first| second == "202" && first == "202");
    told
}

#[tokio::test]
async fn b_5_the_device_answers_the_challenge_and_signs_in_at_its_hub_with_the_key_that_comes() {
    let service = enrolled("").start().await;
    let settings = settings(&service, TPM.clone());
    let mut notices = Vec::new();

    let registered = register_and_tell(&settings, &mut notices).await.unwrap();

    assert_eq!((registered.assigned_hub.as_str(), registered.device_id.as_str()), (HUB_WEST, ID));
    let told = told(&notices);
    assert_eq!(told[..5], ["PUT keys", "401", "proof", "PUT token keys", "202"]);
    assert_eq!(told[5], "GET token");
    assert_eq!(told[told.len() - 2..], ["200", "hub"]);
    let debug = format!("{notices:?}{registered:?}");
    let signatures: Vec<_> = debug.split("sig=").skip(1).collect();
    assert!(!signatures.is_empty() && signatures.iter().all(|it| it.starts_with("(not shown)")));
    for transport in HUBS {
        let connected = HubClient::connect(&hub(&settings, &registered, transport)).await;
        let connected = connected.unwrap_or_else(|error| panic!("{transport}: {error}"));
        connected.twin().await.unwrap();
        connected.close().await;
    }
}

#[tokio::test]
async fn b_5_the_key_of_an_earlier_registration_is_good_no_more() {
    let service = enrolled("").start().await;
    let settings = settings(&service, TPM.clone());

    let first = register(&settings).await.unwrap();
    let second = register(&settings).await.unwrap();

    assert_ne!(first.hub_key, second.hub_key);
    let refused = HubClient::connect(&hub(&settings, &first, Transport::Mqtt)).await.unwrap_err();
    assert!(matches!(refused, HubError::Refused { .. }), "{refused}");
    assert!(refused.calls_for_provisioning());
    let taken = HubClient::connect(&hub(&settings, &second, Transport::Mqtt)).await.unwrap();
    taken.close().await;
}

#[tokio::test]
async fn d_6_a_tpm_that_is_not_enrolled_a_disabled_device_and_a_refusing_webhook_give_no_hub() {
    let service = enrolled("").start().await;
    let foreign = register(&settings(&service, OTHER.clone())).await.unwrap_err();
    let unknown =
        Settings { registration_id: "nobody".parse().unwrap(), ..settings(&service, TPM.clone()) };
    let unknown = register(&unknown).await.unwrap_err();
    let service = enrolled("provisioningStatus = \"disabled\"").start().await;
    let disabled = register(&settings(&service, TPM.clone())).await.unwrap_err();
    let webhook = Webhook::start([Reaction::Answer(400, "no heat pumps here".to_owned())]).await;
    let custom = format!(
        "allocationPolicy = \"custom\"\ncustomAllocationDefinition = {{ webhookUrl = \"{}\", apiVersion = \"2021-10-01\" }}",
        webhook.url()
    );
    let service = enrolled(&custom).start().await;
    let refused = register(&settings(&service, TPM.clone())).await.unwrap_err();

    for error in [foreign, unknown] {
        assert!(matches!(error, Error::Rejected(_)), "{error}");
        assert_eq!(error.code(), Some(ErrorCode::ENROLLMENT_NOT_FOUND));
    }
    assert!(matches!(disabled, Error::Disabled { .. }), "{disabled}");
    assert!(matches!(refused, Error::Failed { code: Some(ErrorCode(400_207)), .. }), "{refused}");
}

/// B.6: where each part of a key begins, and what it means that it was changed.
#[tokio::test]
async fn j_377_each_part_of_a_key_that_was_changed_on_its_way_is_named() {
    let service = enrolled("").start().await;
    let register = async |which, how| {
        let error = register(&settings(&service, Meddled::with(which, how))).await.unwrap_err();
        assert_eq!((error.class(), error.kind()), (Class::Identity, "tpm"));
        error.to_string()
    };

    for (at, named) in [
        (0, "(part 1)"),
        (20, "(part 1)"),
        (54 + 20, "(part 2)"),
        (312 + 20, "(parts 3 and 5)"),
        (456 + 20, "(part 4)"),
        (714 + 5, "(part 5)"),
        (714 + 40, "(parts 3 and 5)"),
        (765, "(part 6)"),
    ] {
        let told = register(0, Meddling::Changes(at)).await;
        assert!(told.starts_with("the TPM does not take the key: "), "{told}");
        assert!(told.contains(named), "byte {at}: {told}");
    }
    let of_the_hub = register(1, Meddling::Changes(20)).await;
    assert!(of_the_hub.contains("(part 1)"), "{of_the_hub}");
    let other = register(0, Meddling::GoesTo(OTHER.clone())).await;
    assert!(other.contains("for another TPM"), "{other}");
    let cleared = register(0, Meddling::GoesTo(Arc::new(cleared()))).await;
    assert!(cleared.contains("another storage root key"), "{cleared}");
}

/// [`TPM`] with another storage root key.
fn cleared() -> SoftwareTpm {
    let (own, other) = (TPM.to_pem(), OTHER.to_pem());
    let storage_root = |pem: &str| pem.find("Storage root").unwrap();
    let own = &own[..storage_root(&own)];
    SoftwareTpm::from_pem(format!("{own}{}", &other[storage_root(&other)..]).as_bytes()).unwrap()
}

#[tokio::test]
async fn a_tpm_that_is_gone_in_the_middle_ends_the_registration() {
    let service = enrolled("").start().await;

    for which in [0, 1] {
        let tpm = Meddled::with(which, Meddling::Fails);
        let error = register(&settings(&service, tpm)).await.unwrap_err();

        assert_eq!((error.class(), error.kind()), (Class::Identity, "tpm"));
        assert_eq!(error.to_string(), "the TPM cannot be used: it is gone");
    }
}

#[tokio::test]
async fn j_401_a_service_that_starts_anew_before_the_token_comes_is_answered_once_more() {
    let service = Arc::new(enrolled("").start().await);
    let tpm = Meddled::with(0, Meddling::Restarts(service.clone()));
    let mut notices = Vec::new();

    let registered = register_and_tell(&settings(&service, tpm), &mut notices).await.unwrap();

    assert_eq!(registered.assigned_hub, HUB_WEST);
    let challenged =
        ["PUT keys", "401", "proof", "PUT token keys", "401", "proof", "PUT token keys"];
    assert_eq!(told(&notices)[..7], challenged);
}

#[tokio::test]
async fn j_401_a_poll_that_is_not_believed_any_more_goes_on_with_another_key() {
    let wrapped = || {
        let (endorsement, storage_root) = (TPM.endorsement_key(), TPM.storage_root_key());
        let blob = KeyBlob::wrap(&DeviceKey::generate(), endorsement, storage_root).unwrap();
        STANDARD.encode(blob.as_bytes())
    };
    let challenge = || {
        let body = format!(
            r#"{{"message":"","authenticationKey":"{}","keyName":"registration"}}"#,
            wrapped()
        );
        answer(401, &[], &body)
    };
    let assigning =
        answer(202, &["Retry-After: 0"], r#"{"operationId":"5.one","status":"assigning"}"#);
    let unauthorized = r#"{"errorCode":401002,"trackingId":"t","message":"Unauthorized"}"#;
    let state = format!(
        r#"{{"tpm":{{"authenticationKey":"{}"}},"assignedHub":"hub.net","deviceId":"{ID}","status":"assigned"}}"#,
        wrapped()
    );
    let assigned =
        format!(r#"{{"operationId":"5.one","status":"assigned","registrationState":{state}}}"#);
    let script = vec![
        challenge(),
        assigning,
        answer(401, &[], unauthorized),
        challenge(),
        answer(200, &[], &assigned),
    ];
    let server = HttpServer::start([script]).await;
    let settings = Settings {
        transport: Transport::Https,
        ports: Ports { mqtt: 1, https: server.address().port(), amqp: 1 },
        ..Settings::new(
            "127.0.0.1".parse().unwrap(),
            SCOPE.parse().unwrap(),
            ID.parse().unwrap(),
            Credential::Tpm(TPM.clone()),
            client_config(&Trust::Pem(server.ca_pem().to_owned())).unwrap(),
        )
    };
    let mut notices = Vec::new();

    let registered = register_and_tell(&settings, &mut notices).await.unwrap();

    assert!(registered.hub_key.is_some());
    let lines: Vec<_> = server.asked().iter().map(|it| it.line[..4].to_owned()).collect();
    assert_eq!(lines, ["PUT ", "PUT ", "GET ", "PUT ", "GET "]);
    assert!(told(&notices).contains(&"forgotten".to_owned()));
    let tokens: Vec<_> =
        server.asked().iter().map(|it| it.header("authorization").is_some()).collect();
    assert_eq!(tokens, [false, true, true, false, true]);
}

#[tokio::test]
async fn j_384_a_look_up_and_a_resumed_registration_begin_with_a_challenge_too() {
    let service = enrolled("").start().await;
    let settings = settings(&service, TPM.clone());
    let client = ProvisioningClient::new(settings.clone());

    let before = client.look_up(&mut |_| {}).await.unwrap_err();
    let registered = register(&settings).await.unwrap();
    let mut notices = Vec::new();
    let looked = client.look_up(&mut |notice| notices.push(notice)).await.unwrap();
    let operation = registered.operation_id.clone().unwrap();
    let resumed = client.resume(operation, &mut |_| {}).await.unwrap();

    assert!(matches!(before, Error::Rejected(_)), "{before}");
    assert_eq!(looked.state.status, Some(Status::Assigned));
    assert_eq!(looked.state.tpm, None, "no key");
    let asked = ["POST keys", "401", "proof", "POST token keys", "200"];
    assert_eq!(told(&notices), asked);
    let hub = hub(&settings, &resumed, Transport::Mqtt);
    HubClient::connect(&hub).await.unwrap().close().await;
}

#[tokio::test]
async fn j_403_over_mqtt_nothing_is_sent_and_auto_finds_https() {
    let service = enrolled("").start().await;
    for transport in [Transport::Mqtt, Transport::MqttWs] {
        let settings = Settings { transport, ..settings(&service, TPM.clone()) };
        let mut notices = Vec::new();

        let error = register_and_tell(&settings, &mut notices).await.unwrap_err();

        assert!(matches!(error, Error::NotForTpm(_)), "{error:?}");
        assert!(error.to_string().ends_with("use https, amqp or amqp-ws"), "{error}");
        assert_eq!(notices, []);
    }
    let settings = Settings { transport: Transport::Auto, ..settings(&service, TPM.clone()) };
    let mut notices = Vec::new();
    register_and_tell(&settings, &mut notices).await.unwrap();
    assert!(notices.contains(&Notice::Through { transport: Transport::Https }));
}

#[tokio::test]
async fn j_402_a_hub_that_was_kept_is_of_no_use_without_the_key() {
    let service = enrolled("").start().await;
    let settings = settings(&service, TPM.clone());

    let kept = HubSettings::new(&settings, &HUB_WEST.parse().unwrap(), &ID.parse().unwrap());

    assert_eq!(kept.unwrap_err(), HubSettingsError::NoKey);
}
