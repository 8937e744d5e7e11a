//! The page of registrations over a real socket: what it shows and tells, and what it lets nobody do
//! (J-224 to J-227).

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;
use std::net::SocketAddr;

use provision_sim::service::{Commentary, EntryStatus, Explanation, JournalEntry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::browser::Browser;
use crate::support::html::{self, Html};
use crate::support::service::client::{Client, Device, Manners};
use crate::support::service::setup::{
    HUB_WEST, PRIMARY_KEY, SCOPE, SECONDARY_KEY, Setup, TestService,
};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::within;

const LIST: &str = "/ui/registrations/events?after=0";

fn address(service: &TestService) -> SocketAddr {
    service.inside().admin_address().unwrap()
}

async fn with_page(setup: Setup) -> (TestService, Browser) {
    let service = setup.admin().start().await;
    let browser = Browser::open(address(&service)).await;
    (service, browser)
}

async fn provision(service: &TestService, id: &str) {
    Client::connect(service, &Device::new(id)).await.provision("{}").await;
}

async fn is_refused(service: &TestService, id: &str) {
    let stranger = Device::with_password(id, "hello");
    Client::connect(service, &stranger).await.register("").await;
}

/// The status, the head in lower case and the body of an answer to a request as it stands here.
async fn exchange(address: SocketAddr, request: &str) -> (u16, String, String) {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let length = body.len();
        let head = format!("{head}\nContent-Length: {length}\nConnection: close\n\n");
        stream.write_all((head.replace('\n', "\r\n") + body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = within("an answer", exchange).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

/// The registration IDs of a list, as they stand in it.
fn listed(page: &str) -> Vec<&str> {
    let names = page.split("class=\"name\"").skip(1);
    names.filter_map(|it| it.split(['>', '<']).nth(1)).collect()
}

/// What `GET` on a page's `data-events` would follow.
fn events_of(page: &str) -> String {
    let (_, rest) = page.split_once("data-events=\"").expect("a live list");
    rest.split_once('"').unwrap().0.replace("&#38;", "&")
}

#[tokio::test]
async fn registrations_are_listed_newest_first_with_how_they_ended() {
    let (service, browser) = with_page(Setup::new()).await;
    browser.get("/").await.has("No device has asked yet").has(SCOPE);
    provision(&service, "pump-1").await;
    is_refused(&service, "pump-2").await;

    let page = browser.get("/").await;

    html::read(&page.body);
    assert_eq!(listed(&page.body), ["pump-2", "pump-1"]);
    page.has("Assigned").has("Refused").has(">hub-west<").has("pumps").has("malformed token");
    page.has("datetime=\"20").has("MQTT");
}

#[tokio::test]
async fn a_view_stands_in_the_address() {
    let (service, browser) = with_page(Setup::new()).await;
    provision(&service, "pump-1").await;
    is_refused(&service, "pump-2").await;
    provision(&service, "Fan-3").await;

    for (query, expected) in [
        ("?q=PUMP-", vec!["pump-2", "pump-1"]),
        ("?q=hub-west", vec!["Fan-3", "pump-1"]),
        ("?q=malformed", vec!["pump-2"]),
        ("?status=refused", vec!["pump-2"]),
        ("?status=assigned&q=fan", vec!["Fan-3"]),
        ("?enrollment=PUMPS", vec!["Fan-3", "pump-1"]),
        ("?hub=hub-east.azure-devices.net", vec![]),
        ("?transport=https", vec![]),
        ("?transport=mqtt&status=failed", vec![]),
        ("?before=2", vec!["pump-1"]),
        ("?q=%3Cscript%3E", vec![]),
        ("?q=%00%FF%E2%80%AE", vec![]),
    ] {
        let page = browser.get(&format!("/{query}")).await;

        html::read(&page.body);
        assert_eq!(listed(&page.body), expected, "{query}");
    }
    let wrong = browser.get("/?status=banana&before=x&transport=pigeon").await;
    wrong
        .has("There is no status “banana”")
        .has("There is no before “x”")
        .has("no transport “pigeon”");
    assert_eq!(listed(&wrong.body).len(), 3);
    // What was searched for stays in the form and in the tabs.
    let found = browser.get("/?q=pump&hub=hub-east.azure-devices.net").await;
    assert_eq!(found.field("q"), "pump");
    found.has("/?q=pump&#38;hub=hub-east.azure-devices.net&#38;status=failed");
}

#[tokio::test]
async fn older_registrations_are_on_pages_of_their_own_which_stand_still() {
    let (service, browser) = with_page(Setup::new()).await;
    let mut client = Client::connect(&service, &Device::with_password("pump-1", "hello")).await;
    for _ in 0..102 {
        client.register("").await;
    }

    let first = browser.get("/").await;
    let older = browser.get("/?before=3").await;

    assert_eq!(listed(&first.body).len(), 100);
    first.has("href=\"/?before=3\"").has("data-events=");
    assert_eq!(listed(&older.body).len(), 2);
    older.has("href=\"/\"").lacks("data-events=").lacks(">Older<");
}

#[tokio::test]
async fn j_226_new_registrations_reach_an_open_page_as_rows_with_the_counts() {
    let (service, browser) = with_page(Setup::new()).await;
    provision(&service, "pump-1").await;
    let page = browser.get("/").await;
    let mut live = browser.listen(&events_of(&page.body)).await;

    provision(&service, "pump-2").await;
    let update = live.update_with("Assigned").await;

    assert!(update.contains("pump-2") && !update.contains("pump-1"), "what is known is not told");
    assert!(update.contains(r#""reset":false,"counts":{"all":2,"each":[2,0,0,0,0]}"#), "{update}");
    let json: serde_json::Value =
        serde_json::from_str(update.trim_start_matches("data: ")).unwrap();
    let row = json["rows"][0]["html"].as_str().unwrap();
    html::read(&format!("<!doctype html>\n<table>{row}</table>"));
    assert_eq!(json["rows"][0]["sequence"], 2);
}

#[tokio::test]
async fn j_226_what_is_no_longer_wanted_is_told_too() {
    let held = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}"}}"#));
    let webhook = Webhook::start([held]).await;
    let (service, browser) = with_page(Setup::custom(&webhook.url(), "")).await;
    let page = browser.get("/?status=assigning").await;
    let mut live = browser.listen(&events_of(&page.body)).await;
    let mut client = Client::connect(&service, &Device::new("pump-1")).await;

    let accepted = client.register("").await;
    live.update_with("In progress").await;
    webhook.release();
    client.result_of(&accepted).await;

    live.update_with(r#""gone":[1]"#).await;
}

#[tokio::test]
async fn j_226_a_page_of_an_earlier_service_and_one_after_a_reset_begin_anew() {
    let (service, browser) = with_page(Setup::new()).await;
    provision(&service, "pump-1").await;
    // A revision that this service has never had.
    let mut live = browser.listen("/ui/registrations/events?after=17").await;
    let first = live.update_with("\"reset\":true").await;
    assert!(first.contains("pump-1"), "{first}");

    let done = browser.post("/ui/reset", &[("sure", "yes")]).await;

    assert_eq!(done.location(), "/");
    live.update_with(r#""reset":true,"counts":{"all":0,"#).await;
}

#[tokio::test]
async fn j_226_a_page_is_told_no_more_rows_than_it_shows() {
    let (service, browser) = with_page(Setup::new()).await;
    let mut client = Client::connect(&service, &Device::with_password("pump-1", "hello")).await;
    for _ in 0..120 {
        client.register("").await;
    }

    let mut live = browser.listen(LIST).await;
    let update = live.update_with("\"all\":120").await;

    assert_eq!(update.matches("\"sequence\":").count(), 100);
}

#[tokio::test]
async fn a_registration_is_shown_as_a_whole_conversation() {
    let body = format!(r#"{{"iotHubHostName":"{HUB_WEST}","payload":{{"n":1.50}}}}"#);
    let webhook = Webhook::start([Reaction::Answer(200, body)]).await;
    let (service, browser) = with_page(Setup::custom(&webhook.url(), "")).await;
    let mut client = Client::connect(&service, &Device::new("pump-1")).await;
    client.provision(r#"{"payload":{"t": 20.50, "big": 12345678901234567890}}"#).await;

    let page = browser.get("/ui/registration/1").await;

    html::read(&page.body);
    // K-7: letter by letter.
    page.has("  &#34;t&#34;: 20.50,\n  &#34;big&#34;: 12345678901234567890\n");
    page.has("&#34;n&#34;: 1.50").has("asks the webhook").has("answers 200").has(HUB_WEST);
    page.has("/api/Choose?****")
        .lacks("s3cret")
        .has("Assigned")
        .has("/ui/enrollment?kind=group&#38;name=pumps");
    page.has("curl http://localhost/journal/1");
}

#[tokio::test]
async fn a_registration_that_goes_on_is_told_to_its_open_page() {
    let held = Reaction::Held(400, "no pumps today".to_owned());
    let webhook = Webhook::start([held]).await;
    let (service, browser) = with_page(Setup::custom(&webhook.url(), "")).await;
    let mut client = Client::connect(&service, &Device::new("pump-1")).await;
    let accepted = client.register("").await;
    let mut live = browser.listen("/ui/registration/1/events").await;
    live.update_with("In progress").await;

    webhook.release();
    client.result_of(&accepted).await;

    live.update_with("no pumps today").await;
}

/// What a stranger may write anywhere.
const HOSTILE: &str =
    "</pre><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\u{202e}";

#[tokio::test]
async fn j_227_nothing_that_others_wrote_is_more_than_text() {
    let webhook = Webhook::start([Reaction::Answer(400, format!("{HOSTILE}\u{1b}[31m"))]).await;
    let (service, browser) = with_page(Setup::custom(&webhook.url(), "")).await;
    let long = serde_json::json!({ HOSTILE: [HOSTILE, "\u{1b}[31m", "x".repeat(96 << 10)] });
    let payload = format!(r#"{{"payload":{long}}}"#);
    Client::connect(&service, &Device::new("pump-1")).await.provision(&payload).await;
    // Whoever is turned away is quoted.
    let stranger = Device { client_id: HOSTILE.to_owned(), ..Device::new("pump-2") };
    Client::dial(&service).await.say_hello(&stranger, Manners::default()).await;
    let turned_away = service.inside().journal().wait_for(|entry| entry.sequence == 2);
    within("the entry of who was turned away", turned_away).await;

    let mut live = browser.listen(LIST).await;
    let row = live.update_with("pump-1").await;
    for path in [
        "/",
        "/?q=%3Cscript%3E%22%1B",
        "/ui/registration/1",
        "/ui/registration/2",
        "/ui/%3Cscript%3E",
    ] {
        let page = browser.get(path).await;

        let Html { texts, .. } = html::read(&page.body);
        page.lacks("<img src=x").lacks("<script>").lacks("\u{202e}").lacks("\u{1b}");
        assert!(page.body.len() < 64 << 10, "{path} is {} bytes long", page.body.len());
        let is_visible = texts.iter().any(|text| text.contains("<script>"));
        assert!(is_visible || path == "/ui/%3Cscript%3E", "{path}: {}", page.body);
    }
    assert!(!row.contains("<script>") && !row.contains('\u{202e}'), "{row}");
    browser.get("/ui/registration/1").await.has("\\u202e").has("bytes in all)");
}

/// What a browser has to be told with every answer.
const HEADERS: [&str; 6] = [
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options: nosniff",
    "referrer-policy: same-origin",
    "cross-origin-opener-policy: same-origin",
    "cross-origin-resource-policy: same-origin",
    "x-frame-options: deny",
];

#[tokio::test]
async fn j_224_every_answer_of_the_page_has_its_headers() {
    let (service, browser) = with_page(Setup::new()).await;
    provision(&service, "pump-1").await;
    let style = html::read(&browser.get("/").await.body);
    let style = style.links.iter().find(|link| link.ends_with(".css")).unwrap();

    for (path, status) in [
        ("/", 200),
        ("/ui/registration/1", 200),
        ("/ui/registration/99", 404),
        ("/ui/registration/x", 404),
        ("/ui/registration/99/events", 404),
        ("/ui/nothing/at/all", 404),
        ("/ui/assets/old.css", 404),
        (style, 200),
    ] {
        let get = browser.get(path).await;
        let (head_status, head, body) =
            exchange(address(&service), &format!("HEAD {path} HTTP/1.1\nHost: localhost")).await;

        assert_eq!((get.status, head_status, &*body), (status, status, ""), "{path}");
        for header in HEADERS {
            assert!(get.head.contains(header), "{path}: {header}: {}", get.head);
            assert!(head.contains(header), "HEAD {path}: {header}");
        }
        let cached = if path == style { "immutable" } else { "no-store" };
        assert!(get.head.contains(cached), "{path}: {}", get.head);
    }
    let tag = style.rsplit('/').next().unwrap();
    let again = format!("GET {style} HTTP/1.1\nHost: localhost\nIf-None-Match: \"{tag}\"");
    assert_eq!(exchange(address(&service), &again).await.0, 304);
}

#[tokio::test]
async fn j_225_nothing_changes_without_the_pages_token() {
    let (service, browser) = with_page(Setup::new()).await;
    provision(&service, "pump-1").await;
    let sure = [("sure", "yes")];
    let wrong = "0".repeat(64);
    let forged = [("token", &*wrong), ("sure", "yes")];
    let port = address(&service).port();

    assert_eq!(browser.post_with("/ui/reset", &sure).await.status, 403);
    assert_eq!(browser.post_with("/ui/reset", &forged).await.status, 403);
    assert_eq!(browser.post_with("/ui/reset", &[("token", ""), ("sure", "yes")]).await.status, 403);
    let unsure = browser.post("/ui/reset", &[("sure", "")]).await;
    assert_eq!(unsure.status, 400);
    html::read(&unsure.body);
    assert_eq!(browser.get("/ui/reset").await.status, 405);
    let form = format!("token={}&sure=yes", browser.token);
    for origin in ["http://evil.example", "null", "https://localhost"] {
        let request =
            format!("POST /ui/reset HTTP/1.1\nHost: localhost\nOrigin: {origin}\n\n{form}");
        assert_eq!(exchange(address(&service), &request).await.0, 403, "{origin}");
    }
    for host in ["evil.example", "localhost.evil.example"] {
        let request = format!("GET / HTTP/1.1\nHost: {host}");
        assert_eq!(exchange(address(&service), &request).await.0, 403, "{host}");
    }
    // The JSON API is for programs: a page changes nothing there, token or not.
    let api = format!(
        "POST /reset HTTP/1.1\nHost: localhost:{port}\nOrigin: http://localhost:{port}\nX-Page-Token: {}",
        browser.token
    );
    assert_eq!(exchange(address(&service), &api).await.0, 403);
    assert_eq!(service.inside().journal().entries().len(), 1, "nothing was forgotten");

    let request = format!(
        "POST /ui/reset HTTP/1.1\nHost: localhost:{port}\nOrigin: http://localhost:{port}\nSec-Fetch-Site: same-origin\n\n{form}"
    );
    assert_eq!(exchange(address(&service), &request).await.0, 303);
    assert!(service.inside().journal().entries().is_empty());
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere_and_no_page_has_a_key() {
    let webhook = Webhook::start([Reaction::hub(HUB_WEST)]).await;
    let (service, browser) = with_page(Setup::custom(&webhook.url(), "")).await;
    provision(&service, "pump-1").await;
    is_refused(&service, "pump-2").await;
    let (mut seen, mut open) = (BTreeSet::new(), VecDeque::from(["/".to_owned()]));

    while let Some(path) = open.pop_front() {
        let path = path.split('#').next().unwrap().to_owned();
        if path.is_empty() || !seen.insert(path.clone()) {
            continue;
        }
        let page = browser.get(&path).await;

        assert_eq!(page.status, 200, "{path}");
        for secret in [PRIMARY_KEY, SECONDARY_KEY, "s3cret", "SharedAccessKey="] {
            assert!(!page.body.contains(secret), "{secret} in {path}");
        }
        if page.head.contains("content-type: text/html") {
            open.extend(html::read(&page.body).links);
        }
    }
    let mut list = String::new();
    seen.iter().for_each(|path| writeln!(list, "{path}").unwrap());
    for known in ["/ui/registration/1", "/ui/registration/2", "/journal/2", "/?status=refused"] {
        assert!(seen.contains(known), "{known} in {list}");
    }
}

#[tokio::test]
async fn the_end_of_a_service_does_not_wait_for_its_open_pages() {
    let (service, browser) = with_page(Setup::new()).await;
    let mut live = browser.listen(LIST).await;
    live.update_with("\"all\":0").await;

    within("the end", service.stop()).await;
}

#[tokio::test]
async fn what_failed_is_explained_where_somebody_can() {
    let explain = |entry: &JournalEntry| {
        (entry.status == EntryStatus::Refused).then(|| Explanation {
            key: "401000".to_owned(),
            title: "refused <b>".to_owned(),
            meaning: "It is not believed.".to_owned(),
            causes: vec!["a wrong key".to_owned()],
            remedies: vec!["type `derive-key <ID>` again".to_owned()],
        })
    };
    let (service, browser) = with_page(Setup::new().commentary(Commentary::new(explain))).await;
    is_refused(&service, "pump-1").await;
    provision(&service, "pump-2").await;

    let refused = browser.get("/ui/registration/1").await;
    let json = browser.get("/journal/1").await;

    html::read(&refused.body);
    refused
        .has("refused &#60;b&#62;")
        .has("a wrong key")
        .has("<code>derive-key &#60;ID&#62;</code> again");
    json.has(r#""explanation":{"key":"401000""#);
    browser.get("/ui/registration/2").await.lacks("What to try");
    browser.get("/journal/2").await.has(r#""explanation":null"#);
}
