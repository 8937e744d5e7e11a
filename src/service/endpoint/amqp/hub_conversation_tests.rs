//! A device's client and a hub, each with an engine of its own, without a socket between them.

use std::sync::Arc;

use super::*;
use crate::amqp::engine::Limits;
use crate::amqp::{Open, Terminus};
use crate::service::hub::DeviceMessage;

/// The settle mode of a sender that settles all that it sends.
const SETTLED: u8 = 1;

/// A client, and the hub it talks to.
struct Pair {
    client: Connection,
    hub: Connection,
    conversation: HubConversation,
    /// The client's session.
    channel: u16,
    links: usize,
}

fn side(name: &str) -> Connection {
    let open = Open { container_id: name.to_owned(), ..Open::default() };
    Connection::new(open, Limits::default())
}

fn key(device_id: &str) -> HubKey {
    HubKey::new(&"hub.net".parse().unwrap(), &device_id.parse().unwrap())
}

fn text(text: &str) -> Value {
    Value::text(text)
}

impl Pair {
    fn new() -> Self {
        let (client, hub) = (side("device"), side("hub"));
        let conversation = HubConversation::default();
        let mut pair = Self { client, hub, conversation, channel: 0, links: 0 };
        pair.client.open();
        assert!(pair.talk().is_empty());
        pair.channel = pair.client.begin().unwrap();
        assert!(pair.talk().is_empty());
        pair.heard();
        pair
    }

    /// Carries bytes until nobody has anything to say; what the hub was asked.
    fn talk(&mut self) -> Vec<HubQuestion> {
        let mut asked = Vec::new();
        loop {
            let (mut up, mut down) = (self.client.output(), self.hub.output());
            if up.is_empty() && down.is_empty() {
                return asked;
            }
            self.hub.read(&mut up).unwrap();
            self.client.read(&mut down).unwrap();
            while let Some(event) = self.hub.next_event() {
                let is_shared = matches!(event, Event::Ended { .. } | Event::Closed(_));
                if is_shared || self.conversation.owns(&event) {
                    asked.extend(self.conversation.take(event, &mut self.hub));
                }
            }
        }
    }

    fn ask(&mut self) -> HubQuestion {
        let mut asked = self.talk();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    /// What the client heard since it was last asked.
    fn heard(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.next_event()).collect()
    }

    /// The messages that the client was sent.
    fn messages(&mut self) -> Vec<Message> {
        let heard = self.heard().into_iter();
        heard
            .filter_map(|event| if let Event::Message(_, _, it) = event { Some(it) } else { None })
            .collect()
    }

    /// The client asks for a link.
    fn attach(
        &mut self,
        address: &str,
        role: Role,
        channel: Option<&str>,
        settles: bool,
    ) -> LinkId {
        self.links += 1;
        let end = Some(Terminus::at(address));
        let own = Some(Terminus::default());
        let (source, target) = match role {
            Role::Sender => (own, end),
            Role::Receiver => (end, own),
        };
        let correlation =
            channel.map(|it| (Value::symbol(words::CHANNEL_CORRELATION_ID), text(it)));
        let attach = Attach {
            name: format!("link-{}", self.links),
            handle: 0,
            role,
            snd_settle_mode: settles.then_some(SETTLED),
            rcv_settle_mode: None,
            source,
            target,
            initial_delivery_count: None,
            max_message_size: None,
            properties: correlation.into_iter().collect(),
        };
        let link = self.client.attach(self.channel, attach).unwrap();
        if role == Role::Receiver {
            self.client.grant(link, 10);
        }
        link
    }

    /// A link of a device that may have it.
    fn link(&mut self, device_id: &str, path: &str, role: Role, channel: Option<&str>) -> LinkId {
        let is_settled = path == "twin" || path.starts_with("methods");
        // Of what the device sends it wants to hear what became.
        let settles = is_settled && role == Role::Receiver;
        let link = self.attach(&format!("/devices/{device_id}/{path}"), role, channel, settles);
        let HubQuestion::Link(wanted) = self.ask() else { panic!() };
        assert_eq!(wanted.address.device, device_id);
        assert!(self.conversation.admit(wanted, &key(device_id), &mut self.hub));
        assert!(self.talk().iter().all(|it| matches!(it, HubQuestion::Listens { .. })));
        link
    }

    fn send(&mut self, link: LinkId, message: Message) -> HubQuestion {
        self.client.send(link, message, false).unwrap();
        self.ask()
    }

    /// What became of the last message that the client sent.
    fn outcome(&mut self) -> Outcome {
        let heard = self.heard().into_iter();
        let mut outcomes =
            heard.filter_map(|it| if let Event::Became(_, _, it) = it { Some(it) } else { None });
        outcomes.next_back().expect("nothing was heard of the message")
    }

    /// Why the last link ended.
    fn refusal(&mut self) -> (String, String) {
        match self.heard().pop() {
            Some(Event::Detached(_, Some(failure))) => {
                (failure.condition.as_str().to_owned(), failure.description.unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

fn token_request() -> Message {
    Message {
        properties: Properties {
            message_id: Some(text("m-1")),
            to: Some("$cbs".to_owned()),
            reply_to: Some("cbs".to_owned()),
            ..Properties::default()
        },
        application: vec![
            (text("operation"), text("put-token")),
            (text("type"), text("servicebus.windows.net:sastoken")),
            (text("name"), text("hub.net/devices/pump")),
        ],
        body: Body::Value(text("SharedAccessSignature sr=hub.net%2Fdevices%2Fpump&sig=x&se=1")),
        ..Message::default()
    }
}

fn twin_request(operation: &str, resource: Option<&str>, body: &str) -> Message {
    let resource = resource.map(|it| (Value::symbol("resource"), text(it)));
    Message {
        annotations: [(Value::symbol("operation"), text(operation))]
            .into_iter()
            .chain(resource)
            .collect(),
        properties: Properties { correlation_id: Some(text("c-1")), ..Properties::default() },
        body: Body::Data(body.as_bytes().to_vec()),
        ..Message::default()
    }
}

fn annotations(message: &Message) -> Vec<(&str, &Value)> {
    message.annotations.iter().map(|(name, value)| (name.as_text().unwrap(), value)).collect()
}

fn kept(number: u64, body: &str) -> NumberedMessage {
    (number, Arc::new(DeviceMessage { properties: String::new(), body: body.into() }))
}

fn data(message: &Message) -> &str {
    match &message.body {
        Body::Data(bytes) => std::str::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn i_a_token_is_asked_about_and_answered_with_its_message_id() {
    let mut pair = Pair::new();
    let sender = pair.attach("$cbs", Role::Sender, None, false);
    pair.attach("$cbs", Role::Receiver, None, false);
    assert!(pair.talk().is_empty(), "whoever comes may show a token");

    let HubQuestion::Token { back, name, token } = pair.send(sender, token_request()) else {
        panic!()
    };
    assert_eq!(name, "hub.net/devices/pump");
    assert!(token.as_str().starts_with("SharedAccessSignature sr="));
    pair.conversation.answer_token(back, 200, "OK", &mut pair.hub);
    assert!(pair.talk().is_empty());

    let heard = pair.heard();
    let accepted = heard.iter().position(|it| matches!(it, Event::Became(_, _, Outcome::Accepted)));
    let [.., Event::Message(_, _, answer)] = &heard[..] else { panic!("{heard:?}") };
    assert!(accepted.is_some_and(|at| at + 1 < heard.len()), "the request is accepted first");
    assert_eq!(answer.properties.correlation_id, Some(text("m-1")));
    assert_eq!(answer.application("status-code"), Some(&Value::Int(200)));
    assert_eq!(answer.application("status-description"), Some(&text("OK")));
}

#[test]
fn j_347_what_is_no_token_is_answered_with_what_is_wrong() {
    let mut pair = Pair::new();
    let sender = pair.attach("$cbs", Role::Sender, None, false);
    pair.client.send(sender, token_request(), false).unwrap();
    assert!(pair.talk().is_empty());
    assert!(
        matches!(pair.outcome(), Outcome::Rejected(Some(why)) if why.condition.as_str() == "amqp:precondition-failed")
    );

    pair.attach("$cbs", Role::Receiver, None, false);
    pair.talk();
    pair.heard();
    for (name, value, wrong) in
        [("operation", "delete-token", "operation"), ("type", "jwt", "type"), ("body", "", "body")]
    {
        let mut request = token_request();
        match name {
            "body" => request.body = Body::Data(b"x".to_vec()),
            _ => {
                let entry =
                    request.application.iter_mut().find(|(own, _)| own.as_text() == Some(name));
                entry.unwrap().1 = text(value);
            }
        }
        pair.client.send(sender, request, false).unwrap();
        assert!(pair.talk().is_empty());
        let answers = pair.messages();
        assert_eq!(answers[0].application("status-code"), Some(&Value::Int(400)), "{name}");
        let told = answers[0].application("status-description").unwrap().as_text().unwrap();
        assert!(told.contains(wrong), "{told}");
    }
    let mut dotnet = token_request();
    dotnet.application[1].1 = text("azure-devices.net:sastoken");
    assert!(matches!(pair.send(sender, dotnet), HubQuestion::Token { .. }));
}

#[test]
fn i_links_that_lead_nowhere_are_refused_with_what_there_is() {
    for (address, role, condition, told) in [
        ("/devices/pump/files", Role::Sender, "amqp:not-found", "messages/events"),
        ("/devices/pump/modules/a/twin", Role::Sender, "amqp:not-implemented", "module"),
        ("/devices/pump/messages/events", Role::Receiver, "amqp:not-allowed", "brings none"),
        ("/devices/pump/messages/devicebound", Role::Sender, "amqp:not-allowed", "takes none"),
    ] {
        let mut pair = Pair::new();
        pair.attach(address, role, None, false);
        assert!(pair.talk().is_empty());
        let (seen, why) = pair.refusal();
        assert!(seen == condition && why.contains(told), "{address}: {seen} {why}");
    }
    let mut pair = Pair::new();
    pair.attach("0ne1/registrations/pump", Role::Sender, None, false);
    assert!(pair.talk().is_empty());
    assert!(pair.heard().is_empty(), "that is for the service that provisions");
}

#[test]
fn i_a_link_is_given_or_refused_by_who_asks() {
    let mut pair = Pair::new();
    pair.attach("amqps://hub.net/devices/pump/messages/events", Role::Sender, None, false);
    let HubQuestion::Link(wanted) = pair.ask() else { panic!() };
    assert_eq!(wanted.address.host.as_deref(), Some("hub.net"));
    HubConversation::refuse(&wanted, failure(Condition::Unauthorized, "no token"), &mut pair.hub);
    assert!(pair.talk().is_empty());
    assert_eq!(pair.refusal(), ("amqp:unauthorized-access".to_owned(), "no token".to_owned()));

    let events = pair.link("pump", "messages/events", Role::Sender, None);
    let mut batch = Message { body: Body::Data(b"{}".to_vec()), ..Message::default() };
    batch.batch = None;
    let HubQuestion::Messages { key: own, count: 1 } = pair.send(events, batch) else { panic!() };
    assert_eq!((own, pair.outcome()), (key("pump"), Outcome::Accepted));
}

#[test]
fn i_the_twin_is_asked_for_and_answered_on_the_link_that_is_paired() {
    let mut pair = Pair::new();
    let down = pair.link("pump", "twin", Role::Receiver, Some("twin:1"));
    pair.link("pump", "twin", Role::Receiver, Some("twin:2"));
    let up = pair.link("pump", "twin", Role::Sender, Some("twin:1"));

    let HubQuestion::Twin { key: own, back } = pair.send(up, twin_request("GET", None, " ")) else {
        panic!()
    };
    assert_eq!(own, key("pump"));
    let answer = TwinAnswer { status: 200, version: None, body: "{\"a\":1}".to_owned() };
    pair.conversation.answer_twin(back, answer, &mut pair.hub);
    pair.talk();

    let heard = pair.heard();
    let [.., Event::Message(link, _, message)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((*link, data(message)), (down, "{\"a\":1}"));
    assert_eq!(annotations(message), [("status", &Value::Int(200))]);
    assert_eq!(message.properties.correlation_id, Some(text("c-1")));

    let patch = twin_request("PATCH", Some("/properties/reported/"), "{\"b\":2}");
    let HubQuestion::Report { back, patch, .. } = pair.send(up, patch) else { panic!() };
    assert_eq!(patch, b"{\"b\":2}");
    let answer = TwinAnswer { status: 200, version: Some(7), body: String::new() };
    pair.conversation.answer_twin(back, answer, &mut pair.hub);
    pair.talk();
    let version = Value::Long(7);
    assert_eq!(
        annotations(&pair.messages()[0]),
        [("status", &Value::Int(200)), ("version", &version)]
    );
}

#[test]
fn i_a_twin_request_that_cannot_be_answered_is_rejected_or_answered_with_400() {
    let mut pair = Pair::new();
    let up = pair.link("pump", "twin", Role::Sender, Some("twin:1"));
    let rejected = |pair: &mut Pair, request: Message| {
        pair.client.send(up, request, false).unwrap();
        assert!(pair.talk().is_empty());
        match pair.outcome() {
            Outcome::Rejected(Some(why)) => why.condition.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let get = || twin_request("GET", None, " ");

    assert_eq!(rejected(&mut pair, get()), "amqp:precondition-failed", "no receiver");
    pair.link("pump", "twin", Role::Receiver, Some("twin:2"));
    assert_eq!(rejected(&mut pair, get()), "amqp:precondition-failed", "another pair's receiver");
    pair.link("pump", "twin", Role::Receiver, Some("twin:1"));
    let mut without = get();
    without.properties.correlation_id = None;
    assert_eq!(rejected(&mut pair, without), "amqp:invalid-field");

    for request in [
        twin_request("POST", None, ""),
        twin_request("PATCH", Some("/properties/desired"), ""),
        Message { annotations: Vec::new(), ..get() },
    ] {
        pair.client.send(up, request, false).unwrap();
        assert!(pair.talk().is_empty());
        assert_eq!(annotations(&pair.messages()[0])[0], ("status", &Value::Int(400)));
    }
}

#[test]
fn i_desired_changes_are_told_where_they_were_asked_for_and_without_a_correlation_id() {
    let mut pair = Pair::new();
    pair.link("pump", "twin", Role::Receiver, Some("twin:1"));
    let up = pair.link("pump", "twin", Role::Sender, Some("twin:1"));
    let resource = Some("/notifications/twin/properties/desired");
    let tell = |pair: &mut Pair| {
        pair.conversation.tell_desired(&key("pump"), 3, "{\"a\":1}", &mut pair.hub);
        pair.conversation.tell_desired(&key("other"), 9, "{}", &mut pair.hub);
        pair.talk();
        pair.messages()
    };

    assert!(tell(&mut pair).is_empty());
    for (operation, times) in [("PUT", 1), ("DELETE", 0)] {
        pair.client.send(up, twin_request(operation, resource, " "), false).unwrap();
        pair.talk();
        assert_eq!(annotations(&pair.messages()[0]), [("status", &Value::Int(200))]);
        let told = tell(&mut pair);
        assert_eq!(told.len(), times, "{operation}");
        for message in told {
            assert_eq!(
                (data(&message), message.properties.correlation_id.clone()),
                ("{\"a\":1}", None)
            );
            assert_eq!(annotations(&message), [("version", &Value::Long(3))]);
        }
    }
}

#[test]
fn j_348_methods_are_called_by_a_uuid_and_answered_by_it_in_either_form() {
    let mut pair = Pair::new();
    let up = pair.link("pump", "methods/devicebound", Role::Sender, Some("methods:1"));
    let call = |pair: &mut Pair| {
        let (own, name) = (key("pump"), "reboot".to_owned());
        pair.conversation.call(&own, name, "1f", "{\"in\":5}", &mut pair.hub)
    };
    assert!(!call(&mut pair) && !pair.conversation.takes_methods(&key("pump")));
    pair.link("pump", "methods/devicebound", Role::Receiver, Some("methods:1"));
    assert!(pair.conversation.takes_methods(&key("pump")));
    assert!(!pair.conversation.takes_methods(&key("other")));

    assert!(call(&mut pair));
    pair.talk();
    let messages = pair.messages();
    assert_eq!(messages[0].application("IoThub-methodname"), Some(&text("reboot")));
    assert_eq!(data(&messages[0]), "{\"in\":5}");
    let Some(id @ Value::Uuid(_)) = messages[0].properties.correlation_id.clone() else { panic!() };
    let written = text("00000000-0000-4000-8000-00000000001f");
    for (id, status) in
        [(id.clone(), Value::Int(200)), (written, Value::Long(200)), (id, text("200"))]
    {
        let response = Message {
            properties: Properties { correlation_id: Some(id), ..Properties::default() },
            application: vec![(text("IoThub-status"), status)],
            body: Body::Data(b"{}".to_vec()),
            ..Message::default()
        };
        let HubQuestion::MethodResponse { rid, answer, .. } = pair.send(up, response) else {
            panic!()
        };
        assert_eq!(
            (rid.as_str(), answer.status, answer.payload.as_slice()),
            ("1f", 200, &b"{}"[..])
        );
    }
    pair.heard();
    pair.client.send(up, Message::default(), false).unwrap();
    assert!(pair.talk().is_empty());
    assert!(
        matches!(pair.outcome(), Outcome::Rejected(Some(why)) if why.condition.as_str() == "amqp:invalid-field")
    );
}

#[test]
fn i_messages_are_done_with_when_they_are_accepted_or_rejected() {
    let mut pair = Pair::new();
    let link = pair.link("pump", "messages/devicebound", Role::Receiver, None);
    assert_eq!(pair.conversation.brought(&key("pump")), Some(0));
    let messages = [kept(7, "x"), kept(8, "y")];

    pair.conversation.bring(&key("pump"), &messages, &mut pair.hub);
    assert_eq!(pair.conversation.brought(&key("pump")), Some(8));
    pair.talk();
    let heard = pair.heard();
    let [.., Event::Message(_, first, _), Event::Message(_, second, _)] = heard[..] else {
        panic!("{heard:?}")
    };
    pair.client.settle(link, second, Outcome::Rejected(None));
    assert!(matches!(pair.ask(), HubQuestion::Taken { number: 8, .. }));
    pair.client.settle(link, first, Outcome::Accepted);
    assert!(matches!(pair.ask(), HubQuestion::Taken { number: 7, .. }));
    pair.conversation.bring(&key("pump"), &messages, &mut pair.hub);
    assert!(pair.talk().is_empty(), "nothing twice");
}

#[test]
fn i_messages_are_taken_when_they_have_gone_where_the_client_settles_none() {
    let mut pair = Pair::new();
    pair.attach("/devices/pump/messages/devicebound", Role::Receiver, None, true);
    let HubQuestion::Link(wanted) = pair.ask() else { panic!() };
    assert!(pair.conversation.admit(wanted, &key("pump"), &mut pair.hub));
    pair.talk();

    pair.conversation.bring(&key("pump"), &[kept(7, "x")], &mut pair.hub);

    assert!(matches!(pair.ask(), HubQuestion::Taken { number: 7, .. }));
    assert_eq!(pair.messages().len(), 1);
}

#[test]
fn j_349_a_message_that_is_given_back_comes_again_ten_times_at_most() {
    let mut pair = Pair::new();
    let link = pair.link("pump", "messages/devicebound", Role::Receiver, None);
    let messages = [kept(7, "x"), kept(8, "y")];
    let mut times = 0;
    loop {
        pair.conversation.bring(&key("pump"), &messages, &mut pair.hub);
        pair.talk();
        let heard = pair.heard();
        let came = heard.iter().find_map(|event| match event {
            Event::Message(_, delivery, message) if data(message) == "x" => Some(*delivery),
            _ => None,
        });
        times += 1;
        pair.client.settle(link, came.unwrap(), Outcome::Released);
        match pair.ask() {
            HubQuestion::Listens { .. } => {
                assert_eq!(pair.conversation.brought(&key("pump")), Some(6))
            }
            HubQuestion::Taken { number: 7, .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(times, 10);
}

#[test]
fn i_several_devices_have_links_on_one_connection_and_leave_one_by_one() {
    let mut pair = Pair::new();
    let pump = pair.link("pump", "messages/events", Role::Sender, None);
    pair.link("fan", "messages/events", Role::Sender, None);
    pair.link("fan", "messages/devicebound", Role::Receiver, None);

    pair.client.detach(pump, None);
    assert!(matches!(pair.ask(), HubQuestion::Left { key: own } if own == key("pump")));
    assert!(!pair.conversation.has(&key("pump")) && pair.conversation.has(&key("fan")));
    pair.client.end(pair.channel, None);
    assert!(matches!(pair.ask(), HubQuestion::Left { key: own } if own == key("fan")));
    assert_eq!(pair.conversation.brought(&key("fan")), None);
}

#[test]
fn i_the_links_of_a_device_end_and_those_of_others_stay() {
    let mut pair = Pair::new();
    let pump = pair.link("pump", "messages/events", Role::Sender, None);
    let fan = pair.link("fan", "messages/events", Role::Sender, None);

    let why = failure(Condition::Unauthorized, "its token has expired");
    pair.conversation.end(&key("pump"), &why, &mut pair.hub);
    assert!(pair.talk().is_empty());
    assert_eq!(pair.refusal().0, "amqp:unauthorized-access");
    assert!(pair.client.send(pump, Message::default(), false).is_err());
    assert!(matches!(pair.send(fan, Message::default()), HubQuestion::Messages { .. }));
}

#[test]
fn j_350_two_links_of_one_kind_and_correlation_are_one_too_many() {
    let mut pair = Pair::new();
    pair.link("pump", "twin", Role::Receiver, Some("twin:1"));
    pair.link("pump", "twin", Role::Sender, Some("twin:1"));
    pair.link("pump", "twin", Role::Receiver, Some("twin:2"));
    pair.link("pump", "messages/devicebound", Role::Receiver, None);
    for (path, channel) in [("twin", Some("twin:1")), ("messages/devicebound", None)] {
        pair.attach(&format!("/devices/pump/{path}"), Role::Receiver, channel, false);
        let HubQuestion::Link(wanted) = pair.ask() else { panic!() };
        assert!(!pair.conversation.admit(wanted, &key("pump"), &mut pair.hub));
        pair.talk();
        assert_eq!(pair.refusal().0, "amqp:not-allowed", "{path}");
    }
}
