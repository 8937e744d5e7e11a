//! Two connections that speak to each other, without a wire.

use proptest::prelude::*;

use super::super::*;
use super::*;

struct Pair {
    client: Connection,
    server: Connection,
}

/// Something that one side was told.
fn events(connection: &mut Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.next_event()).collect()
}

fn side(name: &str, limits: Limits) -> Connection {
    Connection::new(Open { container_id: name.to_owned(), ..Open::default() }, limits)
}

impl Pair {
    fn new(limits: Limits) -> Self {
        let mut pair =
            Self { client: side("device", Limits::default()), server: side("dps", limits) };
        pair.client.open();
        pair.talk();
        pair
    }

    /// Carries bytes to and fro until nobody has anything to say.
    fn talk(&mut self) {
        loop {
            let (mut up, mut down) = (self.client.output(), self.server.output());
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.server.read(&mut up).unwrap();
            self.client.read(&mut down).unwrap();
        }
    }

    /// A link on which the client sends, and how each side calls it.
    fn link(&mut self, role: Role) -> (LinkId, LinkId) {
        let channel = self.client.begin().unwrap();
        self.talk();
        events(&mut self.client);
        events(&mut self.server);
        let here = self.client.attach(channel, attach("a", role)).unwrap();
        self.talk();
        let asked = events(&mut self.server);
        let [Event::Asked(there, _)] = asked[..] else { panic!("{asked:?}") };
        self.server.accept(there, Vec::new());
        self.talk();
        assert!(matches!(events(&mut self.client)[..], [Event::Attached(link, _)] if link == here));
        (here, there)
    }
}

fn attach(name: &str, role: Role) -> Attach {
    Attach {
        name: name.to_owned(),
        handle: 0,
        role,
        snd_settle_mode: None,
        rcv_settle_mode: None,
        source: Some(Terminus::at("0ne/registrations/a")),
        target: Some(Terminus::default()),
        initial_delivery_count: None,
        max_message_size: None,
        properties: Vec::new(),
    }
}

fn message(bytes: usize) -> Message {
    Message { body: Body::Data(vec![7; bytes]), ..Message::default() }
}

#[test]
fn a_message_goes_when_there_is_credit_and_what_became_of_it_comes_back() {
    let mut pair = Pair::new(Limits::default());
    let (here, there) = pair.link(Role::Sender);

    let delivery = pair.client.send(here, message(3), false).unwrap();
    pair.talk();
    assert_eq!(events(&mut pair.server), [], "there is no credit yet");
    pair.server.grant(there, 10);
    pair.talk();

    let got = events(&mut pair.server);
    let [Event::Message(link, number, ref body)] = got[..] else { panic!("{got:?}") };
    assert_eq!((link, body), (there, &message(3)));
    let refusal = Outcome::Rejected(Some(Failure::new("amqp:not-found", "{}")));
    pair.server.settle(there, number, refusal.clone());
    pair.talk();
    assert_eq!(
        events(&mut pair.client),
        [Event::Credit(here, 10), Event::Became(here, delivery, refusal)]
    );
}

#[test]
fn a_message_larger_than_a_frame_goes_in_parts_and_one_larger_than_taken_ends_the_link() {
    let limits = Limits { frame: 512, message: 4000, ..Limits::default() };
    let mut pair = Pair::new(limits);
    let (here, there) = pair.link(Role::Sender);
    pair.server.grant(there, 10);

    pair.client.send(here, message(3900), false).unwrap();
    pair.talk();
    assert!(
        matches!(&events(&mut pair.server)[..], [Event::Message(_, _, body)] if *body == message(3900))
    );
    pair.client.send(here, message(5000), false).unwrap();
    pair.talk();

    let ended = events(&mut pair.client);
    let Some(Event::Detached(_, Some(failure))) = ended.last() else { panic!("{ended:?}") };
    assert_eq!(failure.condition.as_str(), "amqp:link:message-size-exceeded");
}

#[test]
fn the_tag_of_a_message_has_the_length_of_a_uuid() {
    let mut pair = Pair::new(Limits::default());
    let (_, there) = pair.link(Role::Receiver);
    pair.client.grant(LinkId { channel: 0, handle: 0 }, 1);
    pair.talk();

    pair.server.send(there, message(1), true).unwrap();

    let bytes = pair.server.output();
    let (frame, _) = next_frame(&bytes, Kind::Amqp, 1024).unwrap().unwrap();
    let Frame::Amqp(_, Performative::Transfer(transfer)) = frame else { panic!("{frame:?}") };
    assert_eq!(transfer.delivery_tag.map(|tag| tag.len()), Some(16));
}

#[test]
fn credit_is_given_again_and_a_thousand_messages_arrive_in_order() {
    let mut pair = Pair::new(Limits { window: 8, ..Limits::default() });
    let (here, there) = pair.link(Role::Sender);
    pair.server.grant(there, 4);

    let mut arrived = Vec::new();
    for size in 0..1000 {
        pair.client.send(here, message(size), true).unwrap();
        pair.talk();
        arrived.extend(events(&mut pair.server));
    }

    let sizes = arrived.iter().map(|event| match event {
        Event::Message(_, _, Message { body: Body::Data(bytes), .. }) => bytes.len(),
        other => panic!("{other:?}"),
    });
    assert!(sizes.eq(0..1000));
}

#[test]
fn a_refused_link_is_attached_and_ends_at_once_with_the_reason() {
    let mut pair = Pair::new(Limits::default());
    let channel = pair.client.begin().unwrap();
    pair.talk();
    events(&mut pair.server);
    let link = pair.client.attach(channel, attach("a", Role::Receiver)).unwrap();
    pair.talk();
    let Some(Event::Asked(there, _)) = pair.server.next_event() else { panic!() };

    let failure = Failure::new("amqp:unauthorized-access", r#"{"errorCode":401002}"#);
    pair.server.refuse(there, failure.clone());
    pair.talk();

    let told = events(&mut pair.client);
    assert_eq!(told.last(), Some(&Event::Detached(link, Some(failure))));
    assert!(matches!(&told[told.len() - 2], Event::Attached(_, Attach { source: None, .. })));
}

#[test]
fn both_close_whoever_begins() {
    let mut pair = Pair::new(Limits::default());
    pair.link(Role::Receiver);

    pair.server.close(Some(Failure::new("amqp:connection:forced", "the service ends")));
    pair.talk();

    assert!(pair.client.is_over() && pair.server.is_over());
    assert!(matches!(events(&mut pair.client).last(), Some(Event::Closed(Some(_)))));
}

#[test]
fn what_is_not_allowed_now_closes_the_connection_with_its_section() {
    let begin = || {
        Performative::Begin(Begin { incoming_window: 1, outgoing_window: 1, ..Begin::default() })
    };
    let open = || Performative::Open(Open { container_id: "a".into(), ..Open::default() });
    let transfer = |handle| Performative::Transfer(Transfer { handle, ..Transfer::default() });
    for (frames, rule) in [
        (vec![(0, begin())], "2.4.1"),
        (vec![(0, open()), (0, open())], "2.4.1"),
        (vec![(0, open()), (9, begin())], "2.7.1"),
        (vec![(0, open()), (1, begin()), (1, begin())], "2.5.1"),
        (vec![(0, open()), (0, transfer(0))], "2.5"),
        (vec![(0, open()), (0, begin()), (0, transfer(0))], "2.6.2"),
        (vec![(0, open()), (0, Performative::End(End::default()))], "2.5"),
        (
            vec![
                (0, open()),
                (0, begin()),
                (0, Performative::Attach(Attach { handle: 256, ..attach("a", Role::Receiver) })),
            ],
            "2.7.2",
        ),
        (
            vec![
                (0, open()),
                (0, begin()),
                (0, Performative::Attach(Attach { handle: 0, ..attach("a", Role::Receiver) })),
                (0, Performative::Attach(Attach { handle: 1, ..attach("a", Role::Receiver) })),
            ],
            "2.6.1",
        ),
        (
            vec![
                (0, open()),
                (0, begin()),
                (0, Performative::Attach(Attach { handle: 0, ..attach("a", Role::Receiver) })),
                (0, transfer(0)),
            ],
            "2.6.1",
        ),
    ] {
        let mut server = side("dps", Limits::default());
        let mut bytes = Vec::new();
        for (channel, performative) in frames {
            Frame::Amqp(channel, performative).write(&mut bytes);
        }
        let violation = server.read(&mut bytes).expect_err(rule);
        assert_eq!(violation.rule(), format!("AMQP 1.0 part 2, {rule}"), "{violation}");
        assert!(server.is_closing());
    }
}

#[test]
fn sessions_links_and_waiting_messages_are_bounded() {
    let limits = Limits { links: 2, waiting: 2, channel_max: 1, ..Limits::default() };
    let mut pair = Pair::new(limits);
    assert_eq!(
        (pair.client.begin(), pair.client.begin(), pair.client.begin()),
        (Some(0), Some(1), None)
    );
    pair.talk();
    let mut pair = Pair::new(limits);
    let (_, there) = pair.link(Role::Receiver);
    assert!(pair.server.send(there, message(1), true).is_ok());
    assert!(pair.server.send(there, message(1), true).is_ok());
    assert_eq!(pair.server.send(there, message(1), true), Err(Refused::Full));
}

proptest! {
    /// A peer that changes a byte, or leaves some out, is refused or understood, and no trap.
    #[test]
    fn a_broken_conversation_is_no_trap(
        cut in any::<prop::sample::Index>(), byte in any::<u8>(), gone in 0usize..3
    ) {
        let mut client = side("device", Limits::default());
        client.open();
        let mut told = client.output();
        let mut conversation = Vec::new();
        for performative in [
            Performative::Begin(Begin { incoming_window: 9, outgoing_window: 9, ..Begin::default() }),
            Performative::Attach(Attach { initial_delivery_count: Some(0), ..attach("a", Role::Sender) }),
            Performative::Transfer(Transfer { delivery_id: Some(0), payload: message(20).write(), ..Transfer::default() }),
            Performative::Detach(Detach { handle: 0, closed: true, error: None }),
            Performative::End(End::default()),
            Performative::Close(Close::default()),
        ] {
            Frame::Amqp(0, performative).write(&mut conversation);
        }
        told.extend(conversation);
        let at = cut.index(told.len());
        told[at] = byte;
        told.drain(at..(at + gone).min(told.len()));
        let mut server = side("dps", Limits::default());
        let mut buffer = Vec::new();
        for byte in told {
            buffer.push(byte);
            if server.read(&mut buffer).is_err() {
                break;
            }
            while let Some(event) = server.next_event() {
                if let Event::Asked(link, _) = event {
                    server.accept(link, Vec::new());
                    server.grant(link, 10);
                }
            }
        }
    }
}
