//! What can be seen and done on the page besides the registrations, over a real socket: enrollments, hubs and
//! twins, lines to connect a device.

use provision_sim::attestation::{GroupKey, SoftwareTpm};
use provision_sim::service::{Attestation, Kind};

use crate::support::browser::{Browser, Shown, unescaped};
use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{
    HUB_EAST, HUB_WEST, PRIMARY_KEY, SCOPE, SECONDARY_KEY, Setup, TestService,
};

const ID: &str = "pump-0042";
const PUMPS: &str = "/ui/enrollment?kind=group&name=pumps";

async fn open(service: &TestService) -> Browser {
    Browser::open(service.inside().admin_address().unwrap()).await
}

async fn with_page(setup: Setup) -> (TestService, Browser) {
    let service = setup.admin().start().await;
    let browser = open(&service).await;
    (service, browser)
}

async fn provision(service: &TestService) {
    Client::connect(service, &Device::new(ID)).await.provision("{}").await;
}

fn pumps() -> [(&'static str, &'static str); 2] {
    [("kind", "group"), ("name", "pumps")]
}

/// The form of an enrollment, with the version that a page shows.
fn of(page: &Shown) -> String {
    page.field("etag")
}

#[tokio::test]
async fn enrollments_are_listed_searched_and_shown_without_their_keys() {
    let (_service, browser) = with_page(Setup::new()).await;

    let all = browser.get("/ui/enrollments").await;
    let found = browser.get("/ui/enrollments?q=RETI&status=disabled&kind=group").await;
    let none = browser.get("/ui/enrollments?q=nobody").await;
    let pumps = browser.get(PUMPS).await;

    all.has(">pumps<").has(">retired<").has("2 in all");
    found.has(">retired<").lacks(">pumps<");
    none.has("No enrollment is like that");
    pumps.has("Symmetric key").has(HUB_WEST).has("&#34;enrollmentGroupId&#34;: &#34;pumps&#34;");
    for page in [&all, &found, &pumps] {
        assert_eq!(page.status, 200);
        page.lacks(PRIMARY_KEY).lacks(SECONDARY_KEY);
    }
    assert_eq!(browser.get("/ui/enrollment?kind=group&name=nobody").await.status, 404);
    assert_eq!(browser.get("/ui/enrollment?kind=x&name=pumps").await.status, 404);
    assert_eq!(browser.get("/ui/enrollment").await.status, 404);
}

/// D.6, J-437.
#[tokio::test]
async fn an_enrollment_shows_the_keys_of_its_tpm_and_who_issues_its_certificates() {
    let key = SoftwareTpm::with_one_pair().endorsement_key().to_base64();
    let config = format!(
        "idScope = \"{SCOPE}\"\nlinkedHubs = [\"{HUB_WEST}\"]\n\
         [[enrollments]]\nregistrationId = \"pump\"\ncertificatePolicyName = \"default\"\n\
         attestation = {{ type = \"tpm\", tpm = {{ endorsementKey = \"{key}\" }} }}\n\
         [[enrollments]]\nregistrationId = \"valve\"\ncertificatePolicyName = \"none\"\n\
         attestation = {{ type = \"symmetricKey\" }}\n"
    );
    let (_service, browser) = with_page(Setup::from_config(config)).await;

    let pump = browser.get("/ui/enrollment?kind=individual&name=pump").await;
    let valve = browser.get("/ui/enrollment?kind=individual&name=valve").await;

    assert!(unescaped(&pump.body).contains(&format!("<code>{key}</code>")), "{}", pump.body);
    pump.has("<dd>provision-sim/provision-sim, policy default: valid for 30 days</dd>");
    valve
        .has("it names the certificate policy &#34;none&#34;, which no authority has")
        .lacks("Endorsement key");
}

#[tokio::test]
async fn j_251_keys_are_shown_once_to_who_asks_with_the_token() {
    let (_service, browser) = with_page(Setup::new()).await;

    let shown = browser.post("/ui/enrollment/keys", &pumps()).await;
    let refused = browser.post_with("/ui/enrollment/keys", &pumps()).await;
    let asked = browser.get("/ui/enrollment/keys?kind=group&name=pumps").await;
    let later = browser.get(PUMPS).await;

    assert_eq!(unescaped(&shown.body).matches(PRIMARY_KEY).count(), 2, "text and copy button");
    assert!(shown.head.contains("cache-control: no-store"), "{}", shown.head);
    assert_eq!(refused.status, 403);
    assert_ne!(asked.status, 200);
    for page in [refused, asked, later] {
        assert!(!unescaped(&page.body).contains(PRIMARY_KEY), "{page:?}");
    }
}

#[tokio::test]
async fn a_device_is_refused_as_soon_as_its_enrollment_is_disabled_and_taken_again() {
    let (mut service, browser) = with_page(Setup::at_once()).await;
    let status = |etag: String, status: &'static str| {
        let browser = &browser;
        async move {
            let fields = [&pumps()[..], &[("status", status), ("etag", &etag)]].concat();
            browser.post("/ui/enrollment/status", &fields).await
        }
    };

    let page = browser.get(PUMPS).await;
    let disabled = status(of(&page), "disabled").await;
    assert_eq!(disabled.location(), PUMPS);
    provision(&service).await;
    assert_eq!(service.event().await.status.as_str(), "disabled");

    let page = browser.get(PUMPS).await;
    page.has("Disabled").has("value=\"enabled\"");
    status(of(&page), "enabled").await.location();
    provision(&service).await;
    assert_eq!(service.event().await.status.as_str(), "assigned");

    let enrollments = service.inside().enrollments();
    let pumps = enrollments.find(Kind::Group, "pumps").unwrap();
    let Attestation::GroupKeys(keys) = &pumps.attestation else { panic!("other keys") };
    assert_eq!(*keys.primary.to_base64(), *PRIMARY_KEY, "keys stay");
}

#[tokio::test]
async fn j_251_two_editors_do_not_overwrite_each_other() {
    let (service, browser) = with_page(Setup::new()).await;
    let edit = "/ui/enrollment/edit?kind=group&name=pumps";
    let seen = browser.get(edit).await;
    let record = |twin: &str| {
        format!(
            r#"{{"enrollmentGroupId":"pumps","attestation":{{"type":"symmetricKey"}},"initialTwin":{twin}}}"#
        )
    };
    let save = |etag: String, record: String| {
        let browser = &browser;
        async move {
            let fields = [&pumps()[..], &[("etag", &etag), ("record", &record)]].concat();
            browser.post("/ui/enrollment/edit", &fields).await
        }
    };

    let first = save(of(&seen), record(r#"{"tags":{"n":1.50}}"#)).await;
    let second = save(of(&seen), record(r#"{"tags":{"n":2}}"#)).await;
    let deleted = browser
        .post("/ui/enrollment/delete", &[&pumps()[..], &[("etag", &of(&seen))]].concat())
        .await;
    let wrong = save(of(&browser.get(edit).await), "{\"a\":".to_owned()).await;

    assert_eq!(first.location(), PUMPS);
    assert_eq!(second.status, 412);
    second.has("Somebody else has changed it").has("&#34;n&#34;:2");
    assert_eq!(deleted.status, 412);
    assert_eq!(wrong.status, 400);
    wrong.has("{&#34;a&#34;:");
    let kept = service.inside().enrollments();
    let twin = kept.find(Kind::Group, "pumps").unwrap().initial_twin.clone().unwrap();
    assert!(twin.as_json().contains("1.50"), "K-7: {twin:?}");
}

#[tokio::test]
async fn j_251_an_enrollment_is_made_by_the_rules_of_the_service_api_and_deleted() {
    let (service, browser) = with_page(Setup::new()).await;
    let form = browser.get("/ui/enrollments/new").await;
    form.has("name=\"hub\"").has(HUB_EAST);
    let create = |fields: &'static [(&'static str, &'static str)]| {
        browser.post("/ui/enrollments/new", fields)
    };

    let made = create(&[
        ("kind", "individual"),
        ("name", "valve-1"),
        ("deviceId", "valve#north%1"),
        ("attestation", "symmetricKey"),
        ("allocation", "hashed"),
        ("hub", HUB_EAST),
        ("hub", HUB_WEST),
        ("twin", r#"{"properties":{"desired":{"n":1.50}}}"#),
    ])
    .await;
    assert_eq!(made.location(), "/ui/enrollment?kind=individual&name=valve-1");
    let shown = browser.get(&made.location()).await;
    shown.has("valve#north%1").has("evenly weighted").has("1.50");

    let key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=";
    for (fields, status, said) in [
        (&[("kind", "group"), ("name", "pumps")][..], 409, "already exists"),
        (&[("kind", "group")], 400, "needs a name"),
        (&[("kind", "group"), ("name", "a b\"'<x>#%ü")], 400, "enrollmentGroupId"),
        (&[("kind", "group"), ("name", "g"), ("twin", "{")], 400, "not JSON"),
        (&[("kind", "group"), ("name", "g"), ("allocation", "custom")], 400, "webhookUrl"),
        (
            &[("kind", "group"), ("name", "g"), ("attestation", "x509"), ("certificate", "x")],
            400,
            "signingCertificates",
        ),
        (&[("kind", "group"), ("name", "g"), ("primaryKey", "QQ==")], 400, "primaryKey"),
        (
            &[("kind", "group"), ("name", "g"), ("primaryKey", key), ("twin", "[]")],
            400,
            "initialTwin",
        ),
    ] {
        let refused = browser.post("/ui/enrollments/new", fields).await;
        assert_eq!(refused.status, status, "{fields:?}: {}", refused.body);
        refused.has(said).lacks(key).lacks("<x>");
    }
    assert_eq!(service.inside().enrollments().iter().count(), 3);

    let etag = of(&shown);
    let fields = [("kind", "individual"), ("name", "valve-1"), ("etag", &*etag)];
    assert_eq!(browser.post("/ui/enrollment/delete", &fields).await.location(), "/ui/enrollments");
    assert_eq!(browser.get(&made.location()).await.status, 404);
}

#[tokio::test]
async fn j_225_nothing_is_changed_without_the_token() {
    let (service, browser) = with_page(Setup::new()).await;
    provision(&service).await;
    let device = [("hub", HUB_WEST), ("id", ID)];
    for (path, fields) in [
        ("/ui/enrollments/new", &[("kind", "group"), ("name", "made")][..]),
        ("/ui/enrollment/status", &[("kind", "group"), ("name", "pumps"), ("status", "disabled")]),
        ("/ui/enrollment/delete", &pumps()),
        ("/ui/enrollment/edit", &[("kind", "group"), ("name", "pumps"), ("record", "{}")]),
        ("/ui/record/delete", &[("id", ID)]),
        ("/ui/device/desired", &[device[0], device[1], ("patch", "{\"a\":1}")]),
        ("/ui/device/method", &[device[0], device[1], ("method", "m")]),
        ("/ui/connect", &[("id", ID)]),
        ("/ui/try/device", &[("id", ID)]),
        ("/ui/try/webhook", &[("id", ID)]),
        ("/ui/registration/1/webhook", &[]),
    ] {
        assert_eq!(browser.post_with(path, fields).await.status, 403, "{path}");
        let wrong = [&[("token", "0")], fields].concat();
        assert_eq!(browser.post_with(path, &wrong).await.status, 403, "{path}");
        assert!(browser.get(path).await.status != 500, "{path}");
    }
    let enrollments = service.inside().enrollments();
    assert!(enrollments.find(Kind::Group, "pumps").unwrap().is_enabled());
    assert_eq!(enrollments.iter().count(), 2);
    assert_eq!(browser.get(&format!("/ui/record?id={ID}")).await.status, 200);
}

#[tokio::test]
async fn e_7_a_registration_record_is_shown_and_deleted() {
    let (service, browser) = with_page(Setup::at_once()).await;
    provision(&service).await;
    let path = format!("/ui/record?id={ID}");

    let shown = browser.get(&path).await;
    shown.has(HUB_WEST).has("symmetric key").has(&format!("/ui/device?hub={HUB_WEST}&#38;id={ID}"));
    browser.get(PUMPS).await.has(&format!(">{ID}<"));
    let stale = browser.post("/ui/record/delete", &[("id", ID), ("etag", "AAAA")]).await;
    let deleted = browser.post("/ui/record/delete", &[("id", ID), ("etag", &of(&shown))]).await;

    assert_eq!(stale.status, 412);
    assert_eq!(deleted.status, 303);
    assert_eq!(browser.get(&path).await.status, 404);
    assert_eq!(browser.get("/ui/record?id=%22%3Cscript%3E").await.status, 404);
}

#[tokio::test]
async fn a_desired_property_arrives_at_a_device_and_what_it_reports_is_seen_arriving() {
    let (service, browser) = with_page(Setup::at_once()).await;
    provision(&service).await;
    let path = format!("/ui/device?hub={HUB_WEST}&id={ID}");
    let mut page = browser.listen(&format!("/ui/device/events?hub={HUB_WEST}&id={ID}")).await;
    page.update_with("Not connected").await;
    let mut device = Client::at_hub(&service, ID, HUB_WEST).await;
    page.update_with(">Connected<").await;

    let name = [("hub", HUB_WEST), ("id", ID)];
    let patch = [&name[..], &[("patch", " {\"interval\": 1.50}"), ("how", "patch")]].concat();
    let changed = browser.post("/ui/device/desired", &patch).await;

    assert_eq!(changed.location(), path);
    let told = device.answer().await;
    assert_eq!(told.body()["interval"], 1.5);
    page.update_with("1.50").await;
    device.report("{\"interval\":\"<b>\\\"x\\\"</b>\"}").await;
    let update = page.update_with("&#60;b&#62;").await;
    assert!(!update.contains("<b>"), "{update}");

    let seen = browser.get(&path).await;
    let (etag, again) = (seen.field("etag"), "{\"only\":1}");
    let replace = |etag: &str| {
        let fields =
            [("hub", HUB_WEST), ("id", ID), ("patch", again), ("how", "replace"), ("etag", etag)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let browser = &browser;
        async move {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
            browser.post("/ui/device/desired", &fields).await
        }
    };
    assert_eq!(replace(&etag).await.status, 303);
    let stale = replace(&etag).await;
    assert_eq!(stale.status, 400);
    stale.has("Somebody has changed the twin").has("{&#34;only&#34;:1}");
}

#[tokio::test]
async fn j_252_a_change_that_breaks_a_rule_is_refused_with_the_rule() {
    let (service, browser) = with_page(Setup::at_once()).await;
    provision(&service).await;
    let deep = format!("{}1{}", "{\"a\":".repeat(11), "}".repeat(11));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(900_000));
    for (patch, said) in [
        ("", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("{\"a.b\":1}", "a.b"),
        (&deep, "levels"),
        (&long, "32"),
    ] {
        let fields = [("hub", HUB_WEST), ("id", ID), ("patch", patch), ("how", "patch")];
        let refused = browser.post("/ui/device/desired", &fields).await;
        assert_eq!(refused.status, 400, "{}", &patch[..patch.len().min(40)]);
        refused.has(said);
    }
    let too_long = "x".repeat(2 << 20);
    let fields = [("hub", HUB_WEST), ("id", ID), ("patch", &*too_long)];
    assert_eq!(browser.post("/ui/device/desired", &fields).await.status, 400);
}

#[tokio::test]
async fn a_method_is_called_from_the_page() {
    let (service, browser) = with_page(Setup::at_once()).await;
    provision(&service).await;
    let call = [("hub", HUB_WEST), ("id", ID), ("method", "reboot"), ("payload", "{\"n\":1.50}")];

    let away = browser.post("/ui/device/method", &call).await;

    assert_eq!(away.status, 400);
    away.has("not connected");
    let bad = [call[0], call[1], call[2], ("payload", "{")];
    browser.post("/ui/device/method", &bad).await.has("not JSON");
    browser.post("/ui/device/method", &call[..2]).await.has("needs a name");
}

#[tokio::test]
async fn j_250_hubs_and_their_devices_are_counted_searched_and_live() {
    let (service, browser) = with_page(Setup::at_once()).await;
    let mut page = browser.listen("/ui/hubs/events").await;
    page.update_with(HUB_EAST).await;
    provision(&service).await;

    page.update_with("data-label=\\\"Devices\\\">1<").await;
    let hub = format!("/ui/hub?name={HUB_WEST}");
    browser.get(&hub).await.has(&format!(">{ID}<")).has("Not connected");
    browser.get(&format!("{hub}&q=PUMP")).await.has(&format!(">{ID}<"));
    browser.get(&format!("{hub}&q=valve")).await.has("No device is like that");
    browser.get(&format!("{hub}&online=1")).await.lacks(&format!(">{ID}<"));
    let _device = Client::at_hub(&service, ID, HUB_WEST).await;
    browser.get(&format!("{hub}&online=1")).await.has(&format!(">{ID}<"));
    assert_eq!(browser.get("/ui/hub?name=other").await.status, 404);
    assert_eq!(browser.get(&format!("/ui/device?hub={HUB_WEST}&id=x")).await.status, 404);
    assert_eq!(browser.get("/ui/device?hub=&id=%3Cscript%3E").await.lacks("<script>").status, 404);
}

#[tokio::test]
async fn the_lines_to_connect_a_device_have_its_key_only_for_who_asks() {
    let (service, browser) = with_page(Setup::new()).await;
    let group: GroupKey = PRIMARY_KEY.parse().unwrap();
    let key = group.derive(&"dev:ice_1".parse().unwrap()).to_base64().to_string();
    let path = "/ui/connect?id=dev%3Aice_1&enrollment=pumps";

    for sdk in ["c", "python", "node", "dotnet", "java", "az", "curl"] {
        let shown = browser.get(&format!("{path}&sdk={sdk}")).await;
        shown.has("dev:ice_1").has("/ca.pem");
        assert!(!unescaped(&shown.body).contains(&key), "{sdk}");
        let fields = [("id", "dev:ice_1"), ("enrollment", "pumps"), ("sdk", sdk)];
        let with_key = browser.post("/ui/connect", &fields).await;
        assert!(unescaped(&with_key.body).matches(&key).count() >= 2, "{sdk}: {}", with_key.body);
        assert!(with_key.head.contains("cache-control: no-store"));
    }
    let port = service.address().port().to_string();
    browser.get(&format!("{path}&sdk=curl")).await.has(&service.https_address().port().to_string());
    browser.get(&format!("{path}&sdk=python")).await.has(&port);
    browser.get("/ui/connect?id=a%22b%3C").await.has("cannot be a registration ID").lacks("a\"b<");
    browser.get("/ui/connect?id=a&enrollment=nobody").await.has("There is no enrollment");
    browser.get("/ui/connect").await.has("Show the lines");
}

#[tokio::test]
async fn every_page_says_what_it_allows_and_no_page_has_a_script_of_its_own() {
    let (service, browser) = with_page(Setup::at_once()).await;
    provision(&service).await;
    for path in [
        "/ui/enrollments",
        "/ui/enrollments/new",
        PUMPS,
        "/ui/enrollment/edit?kind=group&name=pumps",
        "/ui/hubs",
        &format!("/ui/hub?name={HUB_WEST}"),
        &format!("/ui/device?hub={HUB_WEST}&id={ID}"),
        &format!("/ui/record?id={ID}"),
        "/ui/connect?id=a&enrollment=pumps",
        "/ui/try",
        "/ui/faults",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.head.contains("content-security-policy: default-src 'none'"), "{path}");
        let body = &page.body;
        assert!(!body.contains("style=\"") && !body.contains("onclick"), "{path}");
        assert_eq!(body.matches("<script").count(), body.matches("<script src=\"/ui/").count());
        assert_eq!(body.matches("<h1").count(), 1, "{path}");
    }
}

#[tokio::test]
async fn j_254_faults_are_added_counted_as_they_strike_and_taken_away() {
    let (service, browser) = with_page(Setup::at_once()).await;
    browser.get("/ui/faults").await.has("Nothing goes wrong on purpose").lacks("Remove all");
    let add = async |rule: &str| browser.post("/ui/faults", &[("rule", rule)]).await;

    let added = add("register status=429 retry-after=0 times=1").await;
    assert_eq!((added.status, added.location()), (303, "/ui/faults".to_owned()));
    add("tls close nth=2").await;
    let mut live = browser.listen("/ui/faults/events").await;
    live.update_with("never").await;
    Client::connect(&service, &Device::new(ID)).await.register("").await;
    live.update_with("data-label=\\\"Struck\\\">1<").await;
    assert!(Client::try_dial(&service, service.tls.clone()).await.is_err());
    let both = browser.get("/ui/faults").await;
    assert_eq!(both.body.matches("data-label=\"Struck\">1<").count(), 2, "{}", both.body);

    for (rule, told) in [
        ("poll statsu=503", "did you mean status?"),
        ("poll connack=5", "connack can never strike at poll"),
        ("<b>", "is no place where a fault strikes"),
        ("", "the rule is empty"),
    ] {
        let wrong = add(rule).await;
        assert_eq!(wrong.status, 400, "{rule}");
        wrong.has(told).has("aria-invalid").lacks("<b>");
        assert_eq!(unescaped(&wrong.field("rule")), rule, "what was typed is still there");
    }
    let remove = async |fields: &[(&str, &str)]| browser.post("/ui/faults/remove", fields).await;
    assert_eq!(remove(&[("id", "1")]).await.status, 303);
    assert_eq!(remove(&[("id", "1")]).await.status, 303, "it is gone already");
    assert_eq!(remove(&[("id", "one")]).await.status, 400);
    browser.get("/ui/faults").await.lacks("status=429 retry-after=0").has("tls nth=2 close");
    remove(&[]).await;
    browser.get("/ui/faults").await.has("Nothing goes wrong on purpose");
    assert!(service.inside().faults().list().is_empty());
    let foreign = browser.post_with("/ui/faults", &[("rule", "poll close"), ("token", "x")]).await;
    assert_eq!(foreign.status, 403);
}
