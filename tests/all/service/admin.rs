//! The management listener over a real socket (J-96, J-97, J-99).

use provision_sim::attestation::Certificate;
use provision_sim::service::Service;
use provision_sim::service::{Secrets, show_enrollment};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{HUB_WEST, PRIMARY_KEY, SECONDARY_KEY, Setup, TestService};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::service::within;

/// An answer, taken apart.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of an error, which has the form of the REST API's (H.1).
    #[track_caller]
    fn error(&self) -> (u16, String) {
        let error = self.json();
        assert_eq!(error["errorCode"].as_u64().unwrap() / 1000, u64::from(self.status), "{error}");
        (self.status, error["message"].as_str().unwrap().to_owned())
    }
}

/// Sends the lines of a head and takes in everything until the service closes.
async fn ask_with(service: &Service, head: &str) -> Answer {
    let address = service.admin_address().unwrap();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{head}\nConnection: close\n\n").replace('\n', "\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = within("an answer", exchange).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

async fn ask(service: &TestService, request: &str) -> Answer {
    ask_with(service.inside(), &format!("{request} HTTP/1.1\nHost: localhost")).await
}

async fn get(service: &TestService, path: &str) -> Answer {
    ask(service, &format!("GET {path}")).await
}

async fn provision(service: &TestService, id: &str) {
    Client::connect(service, &Device::new(id)).await.provision(r#"{"payload":{"n": 1}}"#).await;
}

#[tokio::test]
async fn health_and_ca_are_there_as_soon_as_the_service_is() {
    let service = Setup::new().admin().start().await;

    let health = get(&service, "/healthz").await;
    let ca = get(&service, "/ca.pem").await;

    assert_eq!((health.status, &health.json()["status"]), (200, &json!("ok")));
    assert_eq!(health.json()["mqtt"], service.address().to_string());
    assert_eq!((ca.status, &*ca.body), (200, service.ca_pem()));
    assert!(service.inside().admin_address().unwrap().ip().is_loopback());
}

#[tokio::test]
async fn there_is_no_listener_unless_asked_for() {
    let service = Setup::new().start().await;

    assert_eq!(service.inside().admin_address(), None);
}

#[tokio::test]
async fn device_records_are_listed_in_order_page_by_page_and_found_by_id() {
    let service = Setup::new().admin().start().await;
    for id in ["pump-3", "Pump-1", "pump-2"] {
        provision(&service, id).await;
    }
    let ids = |answer: Answer| -> Vec<String> {
        let records = answer.json();
        let records = records.as_array().unwrap().iter();
        records.map(|it| it["registrationId"].as_str().unwrap().to_owned()).collect()
    };

    let record = get(&service, "/registrations/PUMP-1").await.json();

    assert_eq!(ids(get(&service, "/registrations").await), ["Pump-1", "pump-2", "pump-3"]);
    assert_eq!(ids(get(&service, "/registrations?limit=2").await), ["Pump-1", "pump-2"]);
    assert_eq!(ids(get(&service, "/registrations?limit=2&after=pump-2").await), ["pump-3"]);
    assert_eq!(ids(get(&service, "/registrations?registrationId=pump-1").await), ["Pump-1"]);
    assert!(ids(get(&service, "/registrations?registrationId=nobody").await).is_empty());
    assert_eq!(record["registrationId"], "Pump-1");
    assert_eq!((&record["status"], &record["assignedHub"]), (&json!("assigned"), &json!(HUB_WEST)));
    assert_eq!(record["enrollment"], json!({ "kind": "group", "name": "pumps" }));
    assert_eq!(record["attestation"], json!({ "type": "symmetricKey" }));
    assert_eq!(record["assignment"], json!({ "hub": HUB_WEST, "deviceId": "Pump-1" }));
    assert!(record["createdDateTimeUtc"].as_str().unwrap().ends_with('Z'), "{record}");
}

#[tokio::test]
async fn what_a_webhook_says_to_the_device_stands_in_its_record() {
    let body = format!(r#"{{"iotHubHostName":"{HUB_WEST}","payload":{{"n":1.50}}}}"#);
    let webhook = Webhook::start([Reaction::Answer(200, body)]).await;
    let service = Setup::custom(&webhook.url(), "").admin().start().await;
    provision(&service, "pump-1").await;

    let record = get(&service, "/registrations/pump-1").await;

    assert!(record.body.contains(r#""payload":{"n":1.50}"#), "{}", record.body);
}

#[tokio::test]
async fn the_journal_is_filtered_and_read_on() {
    let service = Setup::new().admin().start().await;
    provision(&service, "pump-1").await;
    let stranger = Device::with_password("pump-2", "hello");
    Client::connect(&service, &stranger).await.register("").await;
    provision(&service, "pump-3").await;
    let sequences = |answer: Answer| -> Vec<u64> {
        let entries = answer.json();
        let entries = entries.as_array().unwrap().iter();
        entries.map(|it| it["sequence"].as_u64().unwrap()).collect()
    };

    let whole = get(&service, "/journal").await;

    assert_eq!(whole.json()[0]["payload"], r#"{"n":1}"#);
    assert_eq!(whole.json()[1]["failedCheck"], "malformedToken");
    assert_eq!(sequences(whole), [1, 2, 3]);
    assert_eq!(sequences(get(&service, "/journal?limit=1").await), [3], "the newest");
    assert_eq!(sequences(get(&service, "/journal?after=1&limit=1").await), [2], "the next");
    assert_eq!(sequences(get(&service, "/journal?status=refused").await), [2]);
    assert_eq!(sequences(get(&service, "/journal?registrationId=PUMP-3").await), [3]);
}

#[tokio::test]
async fn j_219_an_entry_alone_is_a_story_with_the_twin_as_it_is_now() {
    let service = Setup::new().admin().start().await;
    provision(&service, "pump-1").await;
    let mut at_hub = Client::at_hub(&service, "pump-1", HUB_WEST).await;
    at_hub.report(r#"{"fw":"1.0"}"#).await;

    let entry = get(&service, "/journal/1").await.json();

    assert_eq!((&entry["sequence"], &entry["status"]), (&json!(1), &json!("assigned")));
    assert_eq!(entry["connection"]["tls"]["version"], "1.3");
    assert_eq!(entry["hub"]["identity"], "made");
    assert_eq!(entry["twin"]["reported"]["fw"], "1.0");
    assert_eq!(entry["twin"]["connectionState"], "Connected");
    let moments = entry["timeline"].as_array().unwrap();
    assert_eq!(moments.last().unwrap()["title"], "has pump-1 signed in");
    let actors: Vec<_> = moments.iter().map(|moment| moment["actor"].as_str().unwrap()).collect();
    assert_eq!((actors[0], actors[actors.len() - 1]), ("device", "hub"));
    assert!(moments.iter().all(|moment| moment["at"].is_u64()), "{moments:?}");

    let stranger = Device::with_password("pump-2", "hello");
    Client::connect(&service, &stranger).await.register("").await;
    let refused = get(&service, "/journal/2").await.json();
    assert_eq!((&refused["twin"], &refused["hub"]), (&json!(null), &json!(null)));
    assert_eq!(refused["checks"].as_array().unwrap().last().unwrap()["passed"], false);
}

#[tokio::test]
async fn g_2_no_answer_holds_a_secret() {
    let echo = Reaction::Answer(500, "at /api/Choose?code=s3cret%3D%3D&clientId=d".to_owned());
    let webhook = Webhook::start([echo]).await;
    let service = Setup::custom(&webhook.url(), "").admin().start().await;
    provision(&service, "pump-1").await;
    let password = Device::new("pump-2").password;
    let signature = password.split_once("sig=").unwrap().1.split_once('&').unwrap().0;
    let stranger = Device::with_password("pump-3", &password);
    Client::connect(&service, &stranger).await.register("").await;

    let paths = [
        "/healthz",
        "/registrations",
        "/registrations/pump-1",
        "/journal",
        "/journal/1",
        "/journal/2",
        "/journal?limit=x",
    ];
    for path in paths {
        let shown = get(&service, path).await.body;
        for secret in ["s3cret", PRIMARY_KEY, SECONDARY_KEY, signature, "PRIVATE"] {
            assert!(!shown.contains(secret), "{secret} at {path}: {shown}");
        }
    }
}

#[tokio::test]
async fn twins_show_what_the_hubs_know_and_no_key() {
    let service = Setup::new().admin().start().await;
    provision(&service, "pump-1").await;
    provision(&service, "pump-2").await;
    let mut device = Client::at_hub(&service, "pump-2", HUB_WEST).await;
    device.report(r#"{"fw":"1.0"}"#).await;

    let all = get(&service, "/twins").await;
    let one = get(&service, "/twins?hub=HUB-WEST.azure-devices.net&deviceId=pump-2").await.json();

    assert_eq!(all.json().as_array().map(Vec::len), Some(2));
    assert!(!all.body.contains("Key"), "{}", all.body);
    assert_eq!(one[0]["connectionState"], "Connected");
    assert_eq!(one[0]["reported"], serde_json::json!({ "fw": "1.0", "$version": 2 }));
    assert_eq!(get(&service, "/twins?hub=elsewhere").await.body, "[]");
    assert_eq!(get(&service, "/twins?device=pump-1").await.error().0, 400);
}

#[tokio::test]
async fn j_99_a_reset_forgets_records_and_journal() {
    let service = Setup::new().admin().start().await;
    provision(&service, "pump-1").await;

    let reset = ask(&service, "POST /reset").await;

    assert_eq!((reset.status, &*reset.body), (204, ""));
    assert_eq!(get(&service, "/registrations").await.body, "[]");
    assert_eq!(get(&service, "/journal").await.body, "[]");
    assert_eq!(get(&service, "/twins").await.body, "[]");
    assert_eq!(get(&service, "/registrations/pump-1").await.error().0, 404);
    provision(&service, "pump-1").await;
    let record = get(&service, "/registrations/pump-1").await.json();
    assert_eq!(record["substatus"], "initialAssignment");
}

#[tokio::test]
async fn j_99_a_reset_leads_back_to_the_same_keys_made_ones_too() {
    let service = Setup::new().admin().start().await;
    // The group `retired` has no secondary key in the configuration.
    let keys = || {
        let enrollments = service.inside().enrollments();
        let shown = enrollments.groups().map(|it| show_enrollment(it, Secrets::Shown, None));
        shown.map(|it| it.get("attestation").unwrap().clone()).collect::<Vec<_>>()
    };
    let before = keys();

    ask(&service, "POST /reset").await;

    assert_eq!(keys(), before);
}

#[tokio::test]
async fn j_96_no_web_page_gets_in() {
    let service = Setup::new().admin().start().await;
    provision(&service, "pump-1").await;

    for head in [
        "GET /journal HTTP/1.1\nHost: evil.example",
        "GET /healthz HTTP/1.1\nHost: localhost.evil.example:80",
        "GET http://evil.example/journal HTTP/1.1\nHost: localhost",
        "GET /nothing HTTP/1.1\nHost: evil.example",
        "POST /reset HTTP/1.1\nHost: localhost\nOrigin: http://localhost",
        "POST /reset HTTP/1.1\nHost: localhost\nOrigin: null",
        "GET /journal HTTP/1.0\nX-Host: none",
    ] {
        let (status, message) = ask_with(service.inside(), head).await.error();
        assert_eq!(status, 403, "{head}");
        assert!(message.contains("Host") || message.contains("Origin"), "{head}: {message}");
    }
    let port = service.inside().admin_address().unwrap().port();
    for host in [format!("127.0.0.1:{port}"), format!("LocalHost:{port}"), "[::1]".to_owned()] {
        let head = format!("GET /healthz HTTP/1.1\nHost: {host}");
        assert_eq!(ask_with(service.inside(), &head).await.status, 200, "{host}");
    }
    assert_ne!(get(&service, "/journal").await.body, "[]", "nothing was reset");
}

#[tokio::test]
async fn wrong_requests_are_answered_with_what_would_be_right() {
    let service = Setup::new().admin().start().await;

    for (request, status, says) in [
        ("GET /nothing", 404, "/healthz"),
        ("GET /journal/1", 404, "no entry 1"),
        ("GET /reset", 405, "POST"),
        ("DELETE /registrations/pump-1", 405, "GET"),
        ("GET /registrations/pump-1", 404, "never registered"),
        ("GET /registrations/a%20b", 400, "no registration ID"),
        ("GET /registrations/%FF", 400, "UTF-8"),
        ("GET /journal?limit=many", 400, "limit"),
        ("GET /journal?status=gone", 400, "assigning"),
        ("GET /journal?state=failed", 400, "status"),
        ("GET /registrations?after=1&top=2", 400, "limit"),
    ] {
        let answer = ask(&service, request).await;
        let (told, message) = answer.error();
        assert_eq!(told, status, "{request}: {message}");
        assert!(message.contains(says), "{request}: {message}");
        assert_eq!(answer.head.contains("allow: "), status == 405, "{}", answer.head);
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_hold_up_the_end() {
    let service = Setup::new().admin().start().await;
    let address = service.inside().admin_address().unwrap();
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();

    service.stop().await;

    let closed = within("the end", silent.read(&mut [0; 16])).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
}

/// Sends a body, as a program does.
async fn post(service: &TestService, path: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: {length}"
    );
    let address = service.inside().admin_address().unwrap();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let text = format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n"));
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = within("an answer", exchange).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

#[tokio::test]
async fn j_260_faults_are_added_listed_and_taken_away() {
    let service = Setup::at_once().admin().start().await;
    let mut client = Client::connect(&service, &Device::new("pump-0042")).await;

    let added = post(&service, "/faults", r#"{"rule":"register status=503"}"#).await;
    let other = post(&service, "/faults", r#"{"rule":"poll close times=1"}"#).await;
    assert_eq!((added.status, &added.json()["id"]), (201, &json!(1)));
    assert_eq!(other.json()["rule"], "poll times=1 close");
    assert_eq!(client.register("").await.status(), 503);

    let all = get(&service, "/faults").await.json();
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
    assert_eq!((&all[0]["matched"], &all[0]["struck"]), (&json!(1), &json!(1)));
    assert!(all[0]["lastStruck"].is_string() && all[1]["lastStruck"].is_null(), "{all}");
    assert_eq!(get(&service, "/faults/2").await.json(), all[1]);
    assert_eq!(ask(&service, "DELETE /faults/1").await.status, 204);
    assert_eq!(client.register("").await.status(), 202);
    assert_eq!(ask(&service, "DELETE /faults").await.status, 204);
    assert_eq!(get(&service, "/faults").await.json(), json!([]));

    for (body, told) in [
        (r#"{"rule":"poll statsu=503"}"#, "did you mean status?"),
        (r#"{"rule":"lookup late"}"#, "late can never strike at lookup"),
        ("nonsense", "expected {\"rule\":\"…\"}"),
        (r#"{"rule":"poll close","times":1}"#, "times"),
    ] {
        let (status, message) = post(&service, "/faults", body).await.error();
        assert!(status == 400 && message.contains(told), "{body}: {message}");
    }
    assert_eq!(ask(&service, "DELETE /faults/1").await.error().0, 404);
    assert_eq!(get(&service, "/faults/one").await.error().0, 400);
    assert_eq!(ask(&service, "PUT /faults").await.status, 405);
}

#[tokio::test]
async fn j_269_what_strikes_a_connection_is_listed_and_told_of_the_registration_that_comes_over_it()
{
    let setup = Setup::at_once().admin();
    let setup = setup.fault("accept slow=1000000/s nth=1").fault("tls close nth=2");
    let service = setup.fault("accept reset nth=3 transport=https").start().await;

    let mut device = Client::connect(&service, &Device::new("pump-0042")).await;
    assert_eq!(device.provision("").await.status(), 200);
    assert!(Client::try_dial(&service, service.tls.clone()).await.is_err());

    let struck = get(&service, "/journal/connections").await.json();
    let told: Vec<_> = struck.as_array().unwrap().iter().collect();
    let of = |n: usize| (&told[n]["id"], &told[n]["rule"], &told[n]["transport"]);
    assert_eq!(told.len(), 2, "{struck}");
    assert_eq!(of(0), (&json!(1), &json!("accept nth=1 slow=1000000/s"), &json!("mqtt")));
    assert_eq!(of(1), (&json!(2), &json!("tls nth=2 close"), &json!("mqtt")));
    assert!(told[0]["time"].is_string() && told[1]["peer"].is_string(), "{struck}");
    let rules = get(&service, "/faults").await.json();
    let counts = |n: usize| (rules[n]["matched"].clone(), rules[n]["struck"].clone());
    assert_eq!((counts(0), counts(1)), ((json!(2), json!(1)), (json!(2), json!(1))));
    assert_eq!(counts(2), (json!(0), json!(0)), "no connection over HTTPS yet");

    let story = get(&service, "/journal/1").await.json();
    let connection = &story["connection"];
    assert_eq!(connection["number"], told[0]["number"]);
    let faults = json!([{"id": 1, "rule": "accept nth=1 slow=1000000/s"}]);
    assert_eq!(connection["faults"], faults);
    let titles: Vec<_> =
        story["timeline"].as_array().unwrap().iter().map(|it| &it["title"]).collect();
    let title =
        "has had fault 1 strike the connection, as was asked for: accept nth=1 slow=1000000/s";
    assert!(titles.contains(&&json!(title)), "{titles:?}");

    post(&service, "/reset", "").await;
    assert_eq!(get(&service, "/journal/connections").await.json(), json!([]));
}

#[tokio::test]
async fn j_443_who_issues_certificates_is_listed_with_policies_and_without_keys() {
    let service = Setup::new().admin().start().await;

    let answer = get(&service, "/certificate-authorities").await;

    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("PRIVATE"), "{}", answer.body);
    let listed = answer.json();
    assert_eq!(listed[0]["namespaceName"], "provision-sim");
    assert_eq!(listed[0]["policies"], json!([{ "name": "default", "validity": "30days" }]));
    let pem = |index: usize| listed[0]["certificates"][index]["pem"].as_str().unwrap().to_owned();
    let [issuing, root] = [pem(0), pem(1)].map(|pem| Certificate::from_text(&pem).unwrap());
    assert!(issuing.is_signed_by(&root) && root.is_self_signed());
    assert_eq!(get(&service, "/certificate-authorities").await.body, answer.body, "made once");
}
