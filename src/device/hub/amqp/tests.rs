//! A device and a hub that speak to each other, without a wire.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::super::error::HubError;
use super::super::question::{Answer, Heard, Question};
use super::exchange::{Exchange, Happened, Stage};
use super::told::Who;
use crate::amqp::engine::{Connection, Delivery, Event, Limits, LinkId};
use crate::amqp::{Attach, Body, Failure, Message, Open, Outcome, Properties, Role, Value};
use crate::attestation::{DeviceKey, SasToken};
use crate::device::error::Class;

const RESOURCE: &str = "h.azure-devices.net/devices/pump";
const TWIN: &str = r#"{"desired":{"interval":30,"$version":2},"reported":{"$version":1}}"#;

fn who() -> Who {
    Who {
        device_id: "pump".parse().unwrap(),
        resource: RESOURCE.to_owned(),
        api_version: "2021-04-12",
        client_version: "product".to_owned(),
        pair: "17".to_owned(),
    }
}

fn token(seconds: u64) -> SasToken {
    let key: DeviceKey = "AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap();
    SasToken::sign_for_hub(RESOURCE, &key, UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Which link of the hub's it is, as the device asked for it.
struct Granted {
    link: LinkId,
    attach: Attach,
}

impl Granted {
    /// Where it leads.
    fn address(&self) -> &str {
        let end = match self.attach.role {
            Role::Sender => &self.attach.target,
            Role::Receiver => &self.attach.source,
        };
        end.as_ref().and_then(|end| end.address.as_deref()).unwrap_or_default()
    }
}

/// A device, and a hub that grants every link but those that it is told to refuse.
struct Pair {
    device: Exchange<&'static str>,
    engine: Connection,
    hub: Connection,
    links: Vec<Granted>,
    refused: Option<(&'static str, Failure)>,
    /// What the device has sent and nobody has answered.
    inbox: Vec<(LinkId, Delivery, Message)>,
}

impl Pair {
    fn new(token: Option<SasToken>) -> Self {
        Self::refusing(token, None)
    }

    fn refusing(token: Option<SasToken>, refused: Option<(&'static str, Failure)>) -> Self {
        let side = |name: &str| {
            let own = Open { container_id: name.to_owned(), ..Open::default() };
            Connection::new(own, Limits::default())
        };
        let mut pair = Self {
            device: Exchange::new(who(), token),
            engine: side("pump"),
            hub: side("hub"),
            links: Vec::new(),
            refused,
            inbox: Vec::new(),
        };
        pair.engine.open();
        pair.talk();
        pair.device.begin(&mut pair.engine);
        pair.talk();
        pair
    }

    /// One that is signed in.
    fn open() -> Self {
        let mut pair = Self::new(None);
        pair.answer(204, "");
        assert_eq!(pair.device.stage(), Stage::Open);
        pair
    }

    /// Carries bytes to and fro until nobody has anything to say.
    fn talk(&mut self) {
        loop {
            let (mut up, mut down) = (self.engine.output(), self.hub.output());
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.hub.read(&mut up).unwrap();
            self.engine.read(&mut down).unwrap();
            while let Some(event) = self.engine.next_event() {
                self.device.take(event, &mut self.engine);
            }
            while let Some(event) = self.hub.next_event() {
                self.take(event);
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Asked(link, attach) => {
                let granted = Granted { link, attach };
                match &self.refused {
                    Some((address, failure)) if granted.address() == *address => {
                        self.hub.refuse(link, failure.clone());
                    }
                    _ => {
                        self.hub.accept(link, Vec::new());
                        if granted.attach.role == Role::Sender {
                            self.hub.grant(link, 10);
                        }
                        self.links.push(granted);
                    }
                }
            }
            Event::Message(link, delivery, message) => self.inbox.push((link, delivery, message)),
            _ => {}
        }
    }

    /// The link on which the hub sends to a node's other end.
    fn way_back(&self, address: &str) -> LinkId {
        let mut links = self.links.iter().filter(|granted| granted.attach.role == Role::Receiver);
        links.find(|granted| granted.address() == address).unwrap().link
    }

    /// The oldest of what the device has sent.
    fn sent(&mut self) -> Message {
        self.inbox.remove(0).2
    }

    /// Answers the oldest request about the twin.
    fn answer(&mut self, status: i32, body: &str) {
        let request = self.sent();
        self.answer_to(&request, status, body);
    }

    fn answer_to(&mut self, request: &Message, status: i32, body: &str) {
        let annotations = vec![
            (Value::symbol("status"), Value::Int(status)),
            (Value::symbol("version"), Value::Long(3)),
        ];
        let properties = Properties {
            correlation_id: request.properties.correlation_id.clone(),
            ..Properties::default()
        };
        self.tell(annotations, properties, body);
    }

    fn tell(&mut self, annotations: Vec<(Value, Value)>, properties: Properties, body: &str) {
        let body = Body::Data(body.as_bytes().to_vec());
        let message = Message { annotations, properties, body, ..Message::default() };
        let link = self.way_back("/devices/pump/twin");
        self.hub.send(link, message, true).unwrap();
        self.talk();
    }

    /// Answers the oldest token.
    fn take_token(&mut self, status: i32, description: &str) {
        let request = self.sent();
        let message = Message {
            properties: Properties {
                correlation_id: request.properties.message_id,
                ..Properties::default()
            },
            application: vec![
                (Value::text("status-code"), Value::Int(status)),
                (Value::text("status-description"), Value::text(description)),
            ],
            ..Message::default()
        };
        let link = self.way_back("$cbs");
        self.hub.send(link, message, true).unwrap();
        self.talk();
    }

    fn ask(&mut self, question: Question, waiter: &'static str) {
        self.device.ask(question, waiter, &mut self.engine);
    }

    fn heard(&mut self) -> Heard<&'static str> {
        match self.device.next() {
            Some(Happened::Heard(heard)) => heard,
            other => panic!("{other:?}"),
        }
    }

    /// Why it came to nothing.
    fn failure(&mut self) -> HubError {
        match self.device.next() {
            Some(Happened::Failed(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    fn error(&mut self) -> (&'static str, String) {
        match self.heard() {
            Heard::Answer(waiter, Err(error)) => (waiter, error.to_string()),
            other => panic!("{other:?}"),
        }
    }
}

fn annotation<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.annotation(name).and_then(Value::as_text)
}

#[test]
fn i_a_key_is_put_as_a_token_before_any_other_link_is_asked_for() {
    let mut pair = Pair::new(Some(token(100)));

    let addresses: Vec<&str> = pair.links.iter().map(Granted::address).collect();
    assert_eq!(addresses, ["$cbs", "$cbs"]);
    let put = &pair.inbox[0].2;
    let said = |name| put.application(name).and_then(Value::as_text);
    assert_eq!(said("operation"), Some("put-token"));
    assert_eq!(said("type"), Some("servicebus.windows.net:sastoken"));
    assert_eq!(said("name"), Some(RESOURCE));
    assert_eq!(put.properties.to.as_deref(), Some("$cbs"));
    assert_eq!(put.body, Body::Value(Value::text(token(100).as_str())));
    pair.take_token(200, "OK");

    let about = |index: usize, name| {
        let mut properties = pair.links[index].attach.properties.iter();
        let property = properties.find(|(key, _)| key.as_text() == Some(name));
        property.and_then(|(_, value)| value.as_text()).unwrap().to_owned()
    };
    for index in [2, 3] {
        assert_eq!(pair.links[index].address(), "/devices/pump/twin");
        assert_eq!(about(index, "com.microsoft:channel-correlation-id"), "twin:17");
        assert_eq!(about(index, "com.microsoft:api-version"), "2021-04-12");
    }
    assert_ne!(pair.links[2].attach.role, pair.links[3].attach.role);
    let wish = &pair.inbox[0].2;
    assert_eq!(annotation(wish, "operation"), Some("PUT"));
    assert_eq!(annotation(wish, "resource"), Some("/notifications/twin/properties/desired"));
    assert_eq!(pair.device.stage(), Stage::Attaching);
    pair.answer(200, "");
    assert_eq!(pair.device.stage(), Stage::Open);
}

#[test]
fn i_a_certificate_needs_no_token() {
    let pair = Pair::new(None);

    let addresses: Vec<&str> = pair.links.iter().map(Granted::address).collect();
    assert_eq!(addresses, ["/devices/pump/twin", "/devices/pump/twin"]);
}

#[test]
fn i_answers_go_to_whoever_asked_in_whatever_order_they_come() {
    let mut pair = Pair::open();
    pair.ask(Question::Twin, "twin");
    pair.ask(Question::Report(b"{}".to_vec()), "report");
    pair.talk();

    let (get, patch) = (pair.sent(), pair.sent());
    assert_eq!((annotation(&get, "operation"), annotation(&get, "resource")), (Some("GET"), None));
    assert_eq!(annotation(&patch, "operation"), Some("PATCH"));
    assert_eq!(annotation(&patch, "resource"), Some("/properties/reported"));
    assert_eq!(patch.body, Body::Data(b"{}".to_vec()));
    pair.answer_to(&patch, 204, "");
    pair.answer_to(&get, 200, TWIN);
    pair.answer_to(&get, 200, TWIN);

    let Heard::Answer("report", Ok(Answer::Reported(Some(3)))) = pair.heard() else {
        panic!("no answer to the report");
    };
    let Heard::Answer("twin", Ok(Answer::Twin(twin))) = pair.heard() else {
        panic!("no answer to the twin request");
    };
    assert_eq!((twin.desired_version(), twin.reported_version()), (Some(2), Some(1)));
    assert!(matches!(pair.heard(), Heard::Stray), "a second answer is nobody's");
}

#[test]
fn i_a_status_and_a_body_that_is_no_twin_are_errors() {
    let mut pair = Pair::open();
    pair.ask(Question::Report(b"x".to_vec()), "report");
    pair.ask(Question::Twin, "twin");
    pair.ask(Question::Twin, "twin");
    pair.talk();

    pair.answer(400, "");
    pair.answer(429, "");
    pair.answer(200, "[]");

    let report = "the hub answered the report with status 400".to_owned();
    assert_eq!(pair.error(), ("report", report));
    let twin = "the hub answered the twin request with status 429".to_owned();
    assert_eq!(pair.error(), ("twin", twin));
    assert!(pair.error().1.contains("cannot be used"));
}

#[test]
fn i_a_message_is_taken_when_its_own_disposition_comes() {
    let mut pair = Pair::open();
    for waiter in ["first", "second", "third"] {
        pair.ask(Question::Message(waiter.as_bytes().to_vec()), waiter);
    }
    pair.talk();

    assert_eq!(pair.links.last().unwrap().address(), "/devices/pump/messages/events");
    assert_eq!(pair.links.len(), 3, "one link is enough for all messages");
    let failure = Failure::new("com.microsoft:device-container-throttled", "slower");
    for (index, outcome) in
        [(1, Outcome::Accepted), (0, Outcome::Rejected(Some(failure))), (2, Outcome::Released)]
    {
        let (link, delivery, _) = pair.inbox[index];
        pair.hub.settle(link, delivery, outcome);
    }
    pair.talk();

    assert!(matches!(pair.heard(), Heard::Answer("second", Ok(Answer::Taken))));
    let refused = "the hub refused the message: com.microsoft:device-container-throttled (slower)";
    assert_eq!(pair.error(), ("first", refused.to_owned()));
    assert_eq!(pair.error(), ("third", "the hub refused the message: released".to_owned()));
}

#[test]
fn i_a_link_for_messages_that_is_refused_leaves_the_twin_alone() {
    let refused = Failure::new("amqp:not-allowed", "no messages");
    let mut pair = Pair::refusing(None, Some(("/devices/pump/messages/events", refused)));
    pair.answer(200, "");
    pair.ask(Question::Message(b"1".to_vec()), "message");
    pair.ask(Question::Twin, "twin");
    pair.talk();

    let says = "the hub refused the message: amqp:not-allowed (no messages)".to_owned();
    assert_eq!(pair.error(), ("message", says));
    pair.answer(200, TWIN);
    assert!(matches!(pair.heard(), Heard::Answer("twin", Ok(_))));
}

#[test]
fn i_a_token_that_is_refused_is_the_identitys_fault() {
    let mut pair = Pair::new(Some(token(100)));

    pair.take_token(401, "the signature is another key's");

    let error = pair.failure();
    assert_eq!(
        error.to_string(),
        "the hub refused the token: status 401 (the signature is another key's)"
    );
    assert_eq!((error.class(), error.calls_for_provisioning()), (Class::Identity, true));
}

#[test]
fn i_a_twin_that_is_refused_is_told_with_the_hubs_words() {
    let failure = Failure::new("amqp:not-found", "there is no device pump");
    let mut pair = Pair::refusing(None, Some(("/devices/pump/twin", failure)));

    let error = pair.failure();
    assert_eq!(
        error.to_string(),
        "the hub refused the link to the twin: amqp:not-found (there is no device pump)"
    );
    assert_eq!(error.class(), Class::Identity);
    assert!(pair.inbox.is_empty());
}

#[test]
fn i_changes_of_desired_properties_are_told_with_their_version() {
    let mut pair = Pair::open();

    pair.tell(Vec::new(), Properties::default(), r#"{"a":null,"$version":4}"#);
    pair.tell(Vec::new(), Properties::default(), "[]");

    let Heard::Desired(change) = pair.heard() else { panic!("no change") };
    assert_eq!((change.version, &change.patch["a"]), (4, &json!(null)));
    assert!(matches!(pair.heard(), Heard::Stray));
}

#[test]
fn j_360_a_token_is_renewed_on_the_links_that_stand() {
    let mut pair = Pair::new(Some(token(100)));
    pair.take_token(200, "OK");
    pair.answer(200, "");
    let links = pair.links.len();

    pair.device.renew(token(200), &mut pair.engine);
    pair.talk();

    assert_eq!(pair.inbox[0].2.body, Body::Value(Value::text(token(200).as_str())));
    pair.take_token(200, "OK");
    assert_eq!((pair.links.len(), pair.device.stage()), (links, Stage::Open));
}

#[test]
fn a_link_that_the_hub_ends_ends_the_session() {
    let mut pair = Pair::open();

    let link = pair.way_back("/devices/pump/twin");
    pair.hub.detach(link, Some(Failure::new("amqp:unauthorized-access", "the token has ended")));
    pair.talk();

    assert!(matches!(pair.device.next(), Some(Happened::Ended)));
}

#[test]
fn both_sides_close_when_the_device_says_goodbye() {
    let mut pair = Pair::open();
    pair.ask(Question::Message(b"1".to_vec()), "message");
    pair.talk();

    pair.device.leave(&mut pair.engine);
    pair.engine.close(None);
    pair.talk();

    assert!(pair.engine.is_over() && pair.hub.is_over());
}

#[test]
fn those_who_left_make_room_for_others() {
    let mut pair = Pair::open();
    while pair.device.has_room() {
        pair.ask(Question::Twin, "gone");
    }

    pair.device.forget(|waiter| *waiter == "gone");

    assert!(pair.device.has_room());
}
