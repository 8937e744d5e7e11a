//! The pair of links, and a service of a few lines, without a wire.

use super::*;
use crate::amqp::Open;
use crate::amqp::engine::Limits;
use crate::wire::OperationId;

/// Both sides, and what the device made of what it was told.
struct Pair {
    device: Connection,
    service: Connection,
    links: Links,
    happened: Vec<Happened>,
    /// The link on which the service sends, and what it was asked.
    answers: Option<LinkId>,
    asked: Vec<(LinkId, Delivery, Message)>,
    attached: Vec<Attach>,
    refuses: Option<Failure>,
}

fn side(name: &str) -> Connection {
    let own = Open { container_id: name.to_owned(), ..Open::default() };
    Connection::new(own, Limits::default())
}

impl Pair {
    fn new(refuses: Option<Failure>) -> Self {
        let version = (Value::symbol("com.microsoft:api-version"), Value::text("2021-06-01"));
        let mut pair = Self {
            device: side("device"),
            service: side("dps"),
            links: Links::new("x".to_owned(), "0ne/registrations/a".to_owned(), vec![version]),
            happened: Vec::new(),
            answers: None,
            asked: Vec::new(),
            attached: Vec::new(),
            refuses,
        };
        pair.device.open();
        pair.talk();
        pair.links.begin(&mut pair.device, &mut |_| {});
        pair.talk();
        pair
    }

    fn talk(&mut self) {
        loop {
            let (mut up, mut down) = (self.device.output(), self.service.output());
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.service.read(&mut up).unwrap();
            self.device.read(&mut down).unwrap();
            while let Some(event) = self.service.next_event() {
                self.serve(event);
            }
            while let Some(event) = self.device.next_event() {
                self.happened.extend(self.links.take(event, &mut self.device, &mut |_| {}));
            }
        }
    }

    fn serve(&mut self, event: Event) {
        match event {
            Event::Asked(link, attach) => {
                if let Some(failure) = &self.refuses {
                    self.service.refuse(link, failure.clone());
                } else {
                    self.service.accept(link, Vec::new());
                    match attach.role {
                        Role::Receiver => self.answers = Some(link),
                        Role::Sender => self.service.grant(link, 100),
                    }
                }
                self.attached.push(attach);
            }
            Event::Message(link, delivery, message) => self.asked.push((link, delivery, message)),
            _ => {}
        }
    }

    fn ask(&mut self, kind: &RequestKind, rid: &str) -> Message {
        let names = (rid.to_owned(), format!("correlation-{rid}"));
        let question = Question::Request(kind);
        let body = || b"{}".to_vec();
        self.links.ask(&question, names, body, &mut self.device, &mut |_| {}).unwrap();
        self.talk();
        self.asked.last().unwrap().2.clone()
    }

    fn settle(&mut self, outcome: Outcome) {
        let (link, delivery, _) = self.asked.pop().unwrap();
        self.service.settle(link, delivery, outcome);
        self.talk();
    }

    fn answer(&mut self, message: Message) {
        self.service.send(self.answers.unwrap(), message, false).unwrap();
        self.talk();
    }

    fn last(&mut self) -> Happened {
        self.happened.pop().unwrap()
    }
}

fn reply(correlation_id: Option<&str>, application: Vec<(Value, Value)>) -> Message {
    Message {
        properties: Properties {
            correlation_id: correlation_id.map(Value::text),
            ..Properties::default()
        },
        application,
        body: Body::Data(b"{\"status\":\"assigning\"}".to_vec()),
        ..Message::default()
    }
}

#[test]
fn the_receiver_is_attached_first_with_address_and_version_and_then_the_sender() {
    let mut pair = Pair::new(None);

    assert!(matches!(pair.happened[..], [Happened::Subscribed]));
    let [receiver, sender] = &pair.attached[..] else { panic!("{:?}", pair.attached) };
    let address = Some(Terminus::at("0ne/registrations/a"));
    assert_eq!((receiver.role, &receiver.source), (Role::Receiver, &address));
    assert_eq!((sender.role, &sender.target), (Role::Sender, &address));
    for attach in [receiver, sender] {
        assert_eq!(told::named(&attach.properties)[0].1, "2021-06-01");
    }
    pair.links.leave(&mut pair.device, &mut |_| {});
    pair.device.close(None);
    pair.talk();
    assert!(pair.device.is_over() && pair.service.is_over());
}

#[test]
fn requests_say_what_nodes_say_and_answers_bear_their_correlation_id() {
    let mut pair = Pair::new(None);

    let register = pair.ask(&RequestKind::Register, "1");
    assert_eq!(register.body, Body::Data(b"{}".to_vec()));
    assert_eq!(register.application(OPERATION_TYPE), Some(&Value::text("iotdps-register")));
    assert_eq!(register.application(FORCE_REGISTRATION), Some(&Value::Boolean(false)));
    assert_eq!(register.properties.correlation_id, Some(Value::text("correlation-1")));
    pair.settle(Outcome::Accepted);
    assert!(matches!(pair.last(), Happened::Acknowledged));
    pair.answer(reply(Some("correlation-1"), vec![(Value::text("Retry-After"), Value::Int(7))]));
    let Happened::Answer(answer) = pair.last() else { panic!() };
    assert_eq!((answer.status, answer.rid.as_str()), (200, "1"));
    assert_eq!(answer.retry_after, Some(std::time::Duration::from_secs(7)));
    assert_eq!(answer.body, b"{\"status\":\"assigning\"}");

    let operation_id: OperationId = "5.x".parse().unwrap();
    let poll = pair.ask(&RequestKind::Poll(operation_id), "2");
    assert_eq!(poll.application(OPERATION_ID), Some(&Value::text("5.x")));
    assert_eq!(poll.body, Body::Value(Value::text("")));
    pair.answer(reply(Some("of somebody else"), Vec::new()));
    let Happened::Answer(answer) = pair.last() else { panic!() };
    assert_eq!(answer.rid, "of somebody else");
}

/// J-356.
#[test]
fn j_356_an_answer_without_a_correlation_id_is_that_of_the_request_under_way() {
    let mut pair = Pair::new(None);
    pair.ask(&RequestKind::Register, "1");

    pair.answer(reply(None, Vec::new()));

    let Happened::Answer(answer) = pair.last() else { panic!() };
    assert_eq!(answer.rid, "1");
    pair.answer(reply(None, Vec::new()));
    let Happened::Answer(answer) = pair.last() else { panic!() };
    assert_eq!(answer.rid, "", "there is none under way any more");
}

#[test]
fn a_rejected_request_is_answered_by_what_its_error_says() {
    let mut pair = Pair::new(None);
    pair.ask(&RequestKind::Register, "1");
    let json = r#"{"errorCode":429001,"message":"later"}"#;
    let mut failure = Failure::new("com.microsoft:device-container-throttled", json);
    failure.info = vec![(Value::symbol("retry-after"), Value::Int(3))];

    pair.settle(Outcome::Rejected(Some(failure)));

    let Happened::Answer(answer) = pair.last() else { panic!() };
    assert_eq!((answer.status, answer.rid.as_str()), (429, "1"));
    assert_eq!(answer.retry_after, Some(std::time::Duration::from_secs(3)));
    assert_eq!(answer.body, json.as_bytes());
}

/// J-357.
#[test]
fn j_357_a_released_or_modified_request_is_one_to_be_sent_again() {
    for (outcome, status) in
        [(Outcome::Released, 503), (Outcome::Modified, 503), (Outcome::Rejected(None), 400)]
    {
        let mut pair = Pair::new(None);
        pair.ask(&RequestKind::Register, "1");

        pair.settle(outcome);

        let Happened::Answer(answer) = pair.last() else { panic!() };
        assert_eq!((answer.status, answer.rid.as_str()), (status, "1"));
    }
}

#[test]
fn links_that_are_refused_say_why_and_those_that_are_forced_off_are_lost() {
    let json = r#"{"errorCode":401002,"message":"Unauthorized"}"#;
    let mut refused = Pair::new(Some(Failure::new("amqp:unauthorized-access", json)));
    let Happened::Refused(refusal) = refused.last() else { panic!("{:?}", refused.happened) };
    assert_eq!((refusal.status, refusal.body.as_slice()), (401, json.as_bytes()));
    assert_eq!(refused.attached.len(), 1, "the sender is not asked for any more");

    let forced = Failure::new("amqp:link:detach-forced", "");
    assert!(matches!(Pair::new(Some(forced)).last(), Happened::Lost(Loss::Closed)));
}

#[test]
fn the_end_of_the_connection_is_a_loss_a_breach_or_a_refusal_by_its_condition() {
    for (condition, expected) in [
        (None, "lost"),
        (Some("amqp:connection:forced"), "lost"),
        (Some("amqp:decode-error"), "broken"),
        (Some("amqp:unauthorized-access"), "refused"),
    ] {
        let mut pair = Pair::new(None);
        pair.happened.clear();

        pair.service.close(condition.map(|condition| Failure::new(condition, "a text")));
        pair.talk();

        let happened = match pair.last() {
            Happened::Lost(Loss::Closed) => "lost",
            Happened::Broken(breach) => {
                assert!(breach.to_string().contains("amqp:decode-error"), "{breach}");
                "broken"
            }
            Happened::Refused(Refusal { status: 401, .. }) => "refused",
            other => panic!("{other:?}"),
        };
        assert_eq!(happened, expected, "{condition:?}");
    }
}
