//! Webhooks that are asked from the page: for a device that is described, and again for one that registered.

use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{HUB_EAST, HUB_WEST, Setup, TestService};
use crate::support::service::webhook::{Reaction, Webhook};

const ID: &str = "pump-0042";
const AT_PUMPS: &str = "/ui/enrollment?kind=group&name=pumps";
const PUMPS: [(&str, &str); 2] = [("kind", "group"), ("name", "pumps")];

async fn with_page(setup: Setup) -> (TestService, Browser) {
    let service = setup.admin().start().await;
    let browser = Browser::open(service.inside().admin_address().unwrap()).await;
    (service, browser)
}

async fn provision(service: &TestService, id: &str, body: &str) {
    Client::connect(service, &Device::new(id)).await.provision(body).await;
}

#[tokio::test]
async fn j_228_a_webhook_is_asked_from_the_page_and_judged_and_nothing_is_registered() {
    let mut webhook = Webhook::start([
        Reaction::Answer(200, format!(r#"{{"iotHubHostName":"{HUB_EAST}","x":"<i>"}}"#)),
        Reaction::Answer(400, "no <b>such</b> pump".to_owned()),
    ])
    .await;
    let (service, browser) = with_page(Setup::custom(&webhook.url(), "")).await;
    let fields = [("id", ID), ("enrollment", "pumps"), ("payload", "{\"n\":1.50}")];

    let accepted = browser.post("/ui/try/webhook", &fields).await;
    let refused = browser.post("/ui/try/webhook", &fields).await;

    accepted
        .has("Accepted")
        .has(HUB_EAST)
        .has("`x`, which DPS ignores")
        .lacks("<i>")
        .lacks("s3cret");
    refused.has("Refused").has("400207").lacks("<b>").lacks("s3cret");
    let asked: Value = serde_json::from_str(&webhook.call().await.body).unwrap();
    assert_eq!(asked["deviceRuntimeContext"]["registrationId"], ID);
    assert_eq!(webhook.count_calls(), 1);
    assert!(service.inside().journal().entries().is_empty(), "nothing is registered");
    for (fields, said) in [
        (&[("id", "")][..], "registration ID"),
        (&[("id", ID), ("enrollment", "pumps"), ("payload", "{")], "not JSON"),
        (&[("id", ID), ("enrollment", "pumps"), ("url", "ftp://x")], "http"),
        (&[("id", ID), ("enrollment", "nobody")], "There is no enrollment"),
    ] {
        let wrong = browser.post("/ui/try/webhook", fields).await;
        assert_eq!(wrong.status, 400, "{fields:?}");
        wrong.has(said);
    }
    // A service of a library has nobody who simulates devices.
    browser.get("/ui/try").await.has("nobody who simulates");
    let nobody = browser.post("/ui/try/device", &[("id", ID)]).await;
    assert_eq!(nobody.status, 400);
}

#[tokio::test]
async fn j_238_the_request_of_a_registration_is_sent_again_from_its_page_and_judged() {
    let mut webhook = Webhook::start([
        Reaction::hub(HUB_EAST),
        Reaction::Answer(400, "no <b>such</b> pump".to_owned()),
        Reaction::Answer(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}","x":1}}"#)),
    ])
    .await;
    let (service, browser) = with_page(Setup::custom(&webhook.url(), "")).await;
    provision(&service, ID, r#"{"payload":{"n":1.50}}"#).await;
    let again = || browser.post("/ui/registration/1/webhook", &[]);
    let first = webhook.call().await;

    browser.get("/ui/registration/1").await.has("Ask its webhook again").lacks("asked again</h2>");
    let refused = again().await;
    let accepted = again().await;

    assert_eq!((refused.status, accepted.status), (200, 200));
    refused.has("asked again</h2>").has("Refused").has("400207").lacks("<b>such").lacks("s3cret");
    accepted.has("Accepted").has("`x`, which DPS ignores").lacks("s3cret");
    for page in [&refused, &accepted] {
        page.has(HUB_EAST).has("Ask its webhook again").lacks("another webhook by now");
    }
    for _ in 0..2 {
        let call = webhook.call().await;
        assert_eq!(
            (call.body, call.path_and_query),
            (first.body.clone(), first.path_and_query.clone())
        );
    }
    assert_eq!(service.inside().journal().entries().len(), 1, "nothing is registered");
    browser.get(&format!("/ui/record?id={ID}")).await.has(HUB_EAST).lacks(HUB_WEST);

    // What cannot be sent says why, and nothing is sent.
    let long = format!(r#"{{"payload":{{"log":"{}"}}}}"#, "x".repeat(5000));
    provision(&service, "pump-0043", &long).await;
    webhook.call().await;
    let cut = browser.post("/ui/registration/2/webhook", &[]).await;
    assert_eq!(cut.status, 409);
    cut.has("Only the beginning of the request was kept").lacks("Accepted");
    assert_eq!(browser.post("/ui/registration/99/webhook", &[]).await.status, 404);
    assert_eq!(browser.post("/ui/registration/x/webhook", &[]).await.status, 404);
    assert_eq!(webhook.count_calls(), 0);
}

#[tokio::test]
async fn j_238_it_is_sent_to_the_webhook_that_the_enrollment_has_by_now() {
    let mut old = Webhook::start([Reaction::hub(HUB_EAST)]).await;
    let mut new = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let (service, browser) = with_page(Setup::custom(&old.url(), "")).await;
    provision(&service, ID, "{}").await;
    let asked = old.call().await.body;
    let edit = async |members: &str| {
        let page = browser.get("/ui/enrollment/edit?kind=group&name=pumps").await;
        let record = format!(
            r#"{{"enrollmentGroupId":"pumps","attestation":{{"type":"symmetricKey"}},{members}}}"#
        );
        let etag = page.field("etag");
        let fields = [&PUMPS[..], &[("etag", &etag), ("record", &record)]].concat();
        assert_eq!(browser.post("/ui/enrollment/edit", &fields).await.location(), AT_PUMPS);
    };
    let again = || browser.post("/ui/registration/1/webhook", &[]);

    edit(&format!(
        r#""allocationPolicy":"custom","customAllocationDefinition":{{"webhookUrl":"{}","apiVersion":"2021-10-01"}}"#,
        new.url()
    ))
    .await;
    let moved = again().await;
    edit(r#""allocationPolicy":"hashed""#).await;
    provision(&service, ID, "{}").await;
    let without = again().await;
    let never = browser.post("/ui/registration/2/webhook", &[]).await;
    let etag = browser.get(AT_PUMPS).await.field("etag");
    let fields = [&PUMPS[..], &[("etag", &etag)]].concat();
    browser.post("/ui/enrollment/delete", &fields).await;
    let gone = again().await;

    moved.has("Accepted").has(HUB_WEST).has("another webhook by now").lacks("s3cret");
    assert_eq!(new.call().await.body, asked);
    for (page, said) in [
        (without, "“pumps” has no webhook any more"),
        (never, "asked no webhook"),
        (gone, "There is no enrollment “pumps” any more"),
    ] {
        assert_eq!(page.status, 409);
        page.has(said);
    }
    browser.get("/ui/registration/2").await.lacks("Ask its webhook again");
    assert_eq!((old.count_calls(), new.count_calls()), (0, 0));
}
