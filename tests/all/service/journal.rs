//! What the service remembers of registrations, as tests of others read it.

use std::time::Duration;

use provision_sim::service::{EntryAttestation, EntryStatus, JournalEntry};

use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{HUB_WEST, RETIRED_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::{UPPER, derived};
use crate::support::service::webhook::{Reaction, Webhook, nobody};
use crate::support::service::within;

const ID: &str = "pump-0042";

/// The entry for which it holds, once there is one.
async fn entry(
    service: &TestService,
    predicate: impl FnMut(&JournalEntry) -> bool,
) -> std::sync::Arc<JournalEntry> {
    within("an entry of the journal", service.inside().journal().wait_for(predicate)).await
}

#[tokio::test]
async fn a_registration_is_there_while_it_goes_on_and_completes() {
    let held = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}"}}"#));
    let webhook = Webhook::start([held]).await;
    let service = Setup::custom(&webhook.url(), "").start().await;
    let mut client = Client::connect(&service, &Device::new("Pump-0042")).await;

    let operation_id = client.register(r#"{"payload":{"n": 1.50}}"#).await.operation_id();
    let begun = entry(&service, |entry| entry.webhook.is_some()).await;
    client.poll(&operation_id).await;
    webhook.release();
    let done = entry(&service, |entry| entry.status == EntryStatus::Assigned).await;

    assert_eq!((begun.status, begun.took, begun.sequence), (EntryStatus::Assigning, None, 1));
    assert_eq!(done.sequence, begun.sequence, "the same entry");
    assert_eq!(done.registration_id, "Pump-0042");
    assert_eq!((&*done.id_scope, &*done.api_version), (SCOPE, "2021-06-01"));
    assert_eq!(done.operation_id.as_deref(), Some(&*operation_id));
    assert_eq!(done.payload.as_deref(), Some(r#"{"n":1.50}"#));
    assert!(matches!(done.attestation, Some(EntryAttestation::SymmetricKey { .. })));
    assert_eq!(done.assigned_hub.as_ref().map(|hub| hub.as_str()), Some(HUB_WEST));
    assert_eq!(done.device_id.as_deref(), Some("Pump-0042"));
    assert!(done.took.is_some());
    assert_eq!(done.polls, 1);
}

#[tokio::test]
async fn g_2_every_answer_of_the_webhook_is_there_and_no_function_key() {
    let echo = Reaction::Answer(500, "no luck at /api/Choose?code=s3cret%3D%3D&x=1".to_owned());
    let webhook = Webhook::start([echo, Reaction::Answer(400, "key s3cret==".to_owned())]).await;
    let service = Setup::custom(&webhook.url(), "").webhook_retries(3).start().await;

    let answer = Client::connect(&service, &Device::new(ID)).await.provision("").await;

    let failed = entry(&service, |entry| entry.status == EntryStatus::Failed).await;
    assert_eq!(answer.failure().0, 400_207);
    let exchange = failed.webhook.as_ref().unwrap();
    assert!(exchange.url.ends_with("/api/Choose?****"), "{}", exchange.url);
    assert!(exchange.request.contains(r#""registrationId":"pump-0042""#), "{}", exchange.request);
    let attempts: Vec<_> =
        exchange.attempts.iter().map(|it| (it.status, it.body.as_deref().unwrap())).collect();
    assert_eq!(
        attempts,
        [(Some(500), "no luck at /api/Choose?code=****&x=1"), (Some(400), "key ****")]
    );
    assert_eq!(failed.error_code.unwrap().0, 400_207);
    let message = failed.error_message.as_deref().unwrap();
    assert_eq!(message, "Custom allocation failed with status code: 400");
    let reason = failed.reason.as_deref().unwrap();
    assert_eq!(reason, r#"the webhook answered 400: "key ****""#, "as in the log");
    let shown = serde_json::to_string(&*failed).unwrap();
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn d_3_a_refused_device_is_there_with_the_check_that_failed_in_words() {
    let service = Setup::new().start().await;
    let expired = UPPER.token_until(&derived(RETIRED_KEY, ID), SCOPE, ID, 1);

    let mut client = Client::connect(&service, &Device::with_password(ID, &expired)).await;
    client.register(r#"{"payload":{"a":7}}"#).await;
    client.register("{").await;

    let refused = entry(&service, |entry| entry.failed_check == Some("expired")).await;
    assert_eq!((refused.status, refused.error_code.unwrap().0), (EntryStatus::Refused, 401_000));
    let reason = refused.reason.as_deref().unwrap();
    assert!(reason.contains("expired") && reason.contains("clock"), "{reason}");
    assert_eq!(refused.payload.as_deref(), Some(r#"{"a":7}"#));
    assert!(refused.operation_id.is_none() && refused.enrollment.is_none());
    let shown = serde_json::to_string(&*refused).unwrap();
    assert!(!shown.contains("sig="), "{shown}");

    let malformed = entry(&service, |entry| entry.sequence == 2).await;
    assert_eq!((malformed.failed_check, malformed.payload.is_none()), (Some("request"), true));
}

#[tokio::test]
async fn a_disabled_enrollment_shows_as_such() {
    let service = Setup::new().start().await;
    let device = Device::with_key(ID, &derived(RETIRED_KEY, ID));

    Client::connect(&service, &device).await.register("").await;

    let entry = entry(&service, |entry| entry.status == EntryStatus::Disabled).await;
    assert_eq!(entry.enrollment.as_ref().unwrap().name, "retired");
    assert_eq!((&entry.assigned_hub, entry.error_code), (&None, None));
}

#[tokio::test]
async fn j_99_a_reset_ends_what_goes_on_and_leaves_nothing_of_it() {
    let held = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}"}}"#));
    let mut webhook = Webhook::start([held, Reaction::hub(HUB_WEST)]).await;
    let setup = Setup::custom(&webhook.url(), "").retry_after(Duration::ZERO);
    let service = setup.start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    let operation_id = client.register("").await.operation_id();
    webhook.call().await;

    within("the reset", service.inside().reset()).await.expect("a reset");

    assert!(service.inside().journal().entries().is_empty());
    assert_eq!(client.poll(&operation_id).await.error().1, 404_203, "the device begins again");
    let again = client.provision("").await;
    assert_eq!(again.state()["substatus"], "initialAssignment");
    let entries = service.inside().journal().entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].sequence, 2, "numbers are not given twice");
}

#[tokio::test]
async fn j_1_why_a_webhook_is_out_of_reach_is_told_in_the_words_of_the_device() {
    let script = || [Reaction::hub(HUB_WEST)];
    let (secure, other) = (Webhook::start_tls(script()).await, Webhook::start_tls(script()).await);
    let (plain, silent) =
        (Webhook::start(script()).await, Webhook::start([Reaction::HangUp]).await);
    let stranger = other.ca_pem.as_deref().unwrap();
    let why = async |url: &str| {
        let service = Setup::custom(url, "").webhook_ca(stranger).start().await;
        Client::connect(&service, &Device::new(ID)).await.provision("").await;
        let failed = entry(&service, |entry| entry.status == EntryStatus::Failed).await;
        let attempt = failed.webhook.as_ref().unwrap().attempts[0].error.clone();
        assert_eq!(failed.reason, attempt, "as in the log");
        attempt.unwrap().to_string()
    };
    let origin = |url: &str| url.split("/api/").next().unwrap().to_owned();
    let nobody = nobody().await;
    let address = origin(&nobody).replace("http://", "");

    assert_eq!(
        why(&secure.url()).await,
        format!(
            "the webhook cannot be reached: no TLS connection to {}: the server's certificate is \
             not signed by a trusted authority",
            origin(&secure.url()).replace("https://", "")
        )
    );
    let not_tls = why(&plain.url().replace("http://", "https://")).await;
    assert!(not_tls.contains(": the server does not speak TLS on this port; "), "{not_tls}");
    assert!(not_tls.ends_with("webhookUrl begins with https: is it an http address?"), "{not_tls}");
    let not_plain = why(&secure.url().replace("https://", "http://")).await;
    assert!(
        not_plain.ends_with("webhookUrl begins with http: is it an https address?"),
        "{not_plain}"
    );
    assert_eq!(
        why(&nobody).await,
        format!(
            "the webhook cannot be reached: cannot connect to {address} ({address}): connection refused"
        )
    );
    assert_eq!(
        why(&silent.url()).await,
        format!(
            "the webhook did not answer: {}: the connection was closed without an answer",
            origin(&silent.url())
        )
    );
}
