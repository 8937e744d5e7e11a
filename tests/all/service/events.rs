//! The registrations as they happen: server-sent events of the management listener (J-198).

use provision_sim::service::EntryStatus;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::service::client::{Client, Device};
use crate::support::service::setup::{HUB_WEST, RETIRED_KEY, Setup, TestService};
use crate::support::service::token::{UPPER, derived};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::service::within;

/// A reader of events.
struct Reader {
    lines: BufReader<TcpStream>,
    head: String,
}

/// One event, taken apart.
#[derive(Debug)]
struct Event {
    kind: String,
    id: Option<String>,
    data: Value,
}

impl Reader {
    /// Asks for events, and waits until the service has begun to answer.
    async fn open(service: &TestService, query: &str, more: &str) -> Self {
        let address = service.inside().admin_address().unwrap();
        let exchange = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head =
                format!("GET /journal/events{query} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut reader = Self { lines: BufReader::new(stream), head: String::new() };
            while !reader.head.ends_with("\r\n\r\n") {
                let line = reader.line().await.expect("a head");
                reader.head.push_str(&line);
            }
            reader
        };
        within("the head of an answer", exchange).await
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).await.unwrap_or_default();
        (read > 0).then_some(line)
    }

    /// The next event; none when the service has closed.
    async fn next(&mut self) -> Option<Event> {
        let (mut kind, mut id, mut data) = (String::new(), None, Value::Null);
        loop {
            let line = within("an event", self.line()).await?;
            // The sizes of chunks stand between the lines of events, and are none.
            match line.trim_end().split_once(": ") {
                Some(("event", value)) => kind = value.to_owned(),
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("data", value)) => data = serde_json::from_str(value).unwrap(),
                _ if line == "\n" && !kind.is_empty() => return Some(Event { kind, id, data }),
                _ => {}
            }
        }
    }

    /// Of which device the next event is, and how it stands.
    async fn told(&mut self) -> (String, String) {
        let event = self.next().await.expect("it goes on");
        assert_eq!(event.kind, "registration");
        assert!(event.id.is_some(), "{event:?}");
        let text = |name: &str| event.data[name].as_str().unwrap().to_owned();
        (text("registrationId"), text("status"))
    }
}

async fn provision(service: &TestService, id: &str) {
    Client::connect(service, &Device::new(id)).await.provision("").await;
    // Its last poll is a change too: whoever looks afterwards sees no other.
    let is_told = |entry: &provision_sim::service::JournalEntry| {
        entry.registration_id == id && entry.status == EntryStatus::Assigned && entry.polls > 0
    };
    within("its last poll", service.inside().journal().wait_for(is_told)).await;
}

/// A device that is refused: it has the key of another group.
async fn be_refused(service: &TestService, id: &str) {
    let token = UPPER.token_until(&derived(RETIRED_KEY, id), "0ne00002193", id, 1);
    let device = Device::with_password(id, &token);
    Client::connect(service, &device).await.register("").await;
}

#[tokio::test]
async fn j_198_a_registration_is_told_while_it_goes_on_and_when_it_is_done() {
    let held = Reaction::Held(200, format!(r#"{{"iotHubHostName":"{HUB_WEST}"}}"#));
    let webhook = Webhook::start([held]).await;
    let service = Setup::custom(&webhook.url(), "").admin().start().await;
    let mut reader = Reader::open(&service, "", "").await;

    let mut client = Client::connect(&service, &Device::new("pump-1")).await;
    let accepted = client.register(r#"{"payload":{"text":"a\nb"}}"#).await;
    assert_eq!(reader.told().await, ("pump-1".to_owned(), "assigning".to_owned()));
    webhook.release();
    client.result_of(&accepted).await;

    let done = loop {
        let event = reader.next().await.unwrap();
        if event.data["status"] == "assigned" {
            break event;
        }
    };
    assert_eq!(done.data["assignedHub"], HUB_WEST);
    assert_eq!(done.data["payload"], r#"{"text":"a\nb"}"#);
    assert_eq!(done.data["sequence"], 1);
    let head = reader.head.to_ascii_lowercase();
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("cache-control: no-cache"), "{head}");
}

#[tokio::test]
async fn j_198_who_asks_behind_a_number_is_told_what_is_there_too_and_of_no_others() {
    let service = Setup::at_once().admin().start().await;
    for id in ["pump-1", "pump-2"] {
        provision(&service, id).await;
    }

    let mut all = Reader::open(&service, "?after=0", "").await;
    let mut second = Reader::open(&service, "?after=1", "").await;
    let mut one =
        Reader::open(&service, "?after=0&registrationId=PUMP-2&status=assigned", "").await;
    be_refused(&service, "pump-3").await;
    let mut refused = Reader::open(&service, "?after=0&status=refused", "").await;

    let is = |id: &str, status: &str| (id.to_owned(), status.to_owned());
    assert_eq!(all.told().await, is("pump-1", "assigned"));
    assert_eq!(all.told().await, is("pump-2", "assigned"));
    assert_eq!(all.told().await, is("pump-3", "refused"));
    assert_eq!(second.told().await, is("pump-2", "assigned"));
    assert_eq!(one.told().await, is("pump-2", "assigned"));
    assert_eq!(refused.told().await, is("pump-3", "refused"));
}

#[tokio::test]
async fn j_198_who_lost_the_connection_goes_on_where_it_was() {
    let service = Setup::at_once().admin().start().await;
    provision(&service, "pump-1").await;
    let mut reader = Reader::open(&service, "?after=0", "").await;
    let known = reader.next().await.unwrap().id.unwrap();
    drop(reader);
    provision(&service, "pump-2").await;

    let last = format!("Last-Event-ID: {known}\r\n");
    let mut reader = Reader::open(&service, "", &last).await;
    assert_eq!(reader.told().await.0, "pump-2");

    service.inside().reset().await.unwrap();
    provision(&service, "pump-3").await;
    let mut reader = Reader::open(&service, "", &last).await;
    let reset = reader.next().await.unwrap();
    assert_eq!((&*reset.kind, reset.id), ("reset", None));
    assert_eq!(reader.told().await.0, "pump-3");
    let mut other = Reader::open(&service, "", "Last-Event-ID: 7\r\n").await;
    assert_eq!(other.next().await.unwrap().kind, "reset", "of a service that ran before");
}

#[tokio::test]
async fn j_198_a_reset_is_told_to_who_listens_and_the_end_ends_it() {
    let service = Setup::at_once().admin().start().await;
    provision(&service, "pump-1").await;
    let mut reader = Reader::open(&service, "", "").await;

    service.inside().reset().await.unwrap();
    assert_eq!(reader.next().await.unwrap().kind, "reset");
    provision(&service, "pump-2").await;
    assert_eq!(reader.told().await.0, "pump-2");
    // Reading nothing any more must not hold up the end.
    let stop = async {
        service.stop().await;
        while reader.next().await.is_some() {}
    };
    within("the end of the events", stop).await;
}

#[tokio::test]
async fn j_198_what_cannot_be_understood_is_refused() {
    let service = Setup::new().admin().start().await;

    for (query, more, says) in [
        ("?limit=3", "", "registrationId, status and after"),
        ("?status=gone", "", "assigning"),
        ("?after=last", "", "after"),
        ("", "Last-Event-ID: x\r\n", "id of an event"),
    ] {
        let mut reader =
            Reader::open(&service, query, &format!("{more}Connection: close\r\n")).await;
        assert!(reader.head.starts_with("HTTP/1.1 400 "), "{query}: {}", reader.head);
        let body = within("the body", reader.line()).await.unwrap();
        assert!(body.contains(says), "{query}: {body}");
    }
}

#[tokio::test]
async fn the_journal_says_from_which_revision_events_go_on() {
    let service = Setup::at_once().admin().start().await;
    provision(&service, "pump-1").await;
    let address = service.inside().admin_address().unwrap();
    let head = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = b"GET /journal HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await.unwrap();
        text
    };
    let head = within("the journal", head).await;
    let revision = head.split("journal-revision: ").nth(1).unwrap().split("\r\n").next().unwrap();
    provision(&service, "pump-2").await;

    let last = format!("Last-Event-ID: {revision}\r\n");
    assert_eq!(Reader::open(&service, "", &last).await.told().await.0, "pump-2");
}
