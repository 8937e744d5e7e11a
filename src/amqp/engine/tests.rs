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

/// The first, and mostly the only, part of a message.
fn first(handle: u32, delivery: u32, payload: Vec<u8>) -> Transfer {
    Transfer {
        handle,
        delivery_id: Some(delivery),
        delivery_tag: Some(vec![7]),
        payload,
        ..Transfer::default()
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
    let (here, there) = pair.link(Role::Receiver);
    pair.client.grant(here, 1);
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
    let transfer = |handle| Performative::Transfer(first(handle, 0, Vec::new()));
    for (frames, rule) in [
        (vec![(0, begin())], "2.4.1"),
        (vec![(0, open()), (0, open())], "2.4.1"),
        (vec![(0, open()), (2000, begin())], "2.7.1"),
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

/// A side that is told what a test writes, frame by frame.
struct Told(Connection);

impl Told {
    /// It serves; the peer has opened the connection like this, and begun a session.
    fn with(open: Open, limits: Limits) -> Self {
        let mut told = Self(side("dps", limits));
        told.say(Performative::Open(Open { container_id: "device".to_owned(), ..open }));
        told.say(Performative::Begin(BEGIN));
        told.heard();
        events(&mut told.0);
        told
    }

    fn new() -> Self {
        Self::with(Open::default(), Limits::default())
    }

    fn on(&mut self, channel: u16, performative: Performative) -> Result<(), Violation> {
        let mut bytes = Vec::new();
        Frame::Amqp(channel, performative).write(&mut bytes);
        self.0.read(&mut bytes)
    }

    fn say(&mut self, performative: Performative) {
        self.on(0, performative).expect("it is allowed");
    }

    fn breach(&mut self, performative: Performative) -> Violation {
        self.on(0, performative).expect_err("it is forbidden")
    }

    /// What it says, on whatever channel, and the sizes of the frames.
    fn heard_sizes(&mut self) -> Vec<(usize, Performative)> {
        let mut bytes = self.0.output();
        let mut heard = Vec::new();
        while let Some((frame, size)) = next_frame(&bytes, Kind::Amqp, usize::MAX).unwrap() {
            let Frame::Amqp(_, performative) = frame else { panic!("{frame:?}") };
            heard.push((size, performative));
            bytes.drain(..size);
        }
        heard
    }

    fn heard(&mut self) -> Vec<Performative> {
        self.heard_sizes().into_iter().map(|(_, performative)| performative).collect()
    }

    /// A link that the peer asks for and gets.
    fn link(&mut self, handle: u32, role: Role) -> LinkId {
        self.say(Performative::Attach(Attach {
            handle,
            initial_delivery_count: (role == Role::Sender).then_some(0),
            ..attach(&format!("{role:?} {handle}"), role)
        }));
        let asked = events(&mut self.0);
        let [Event::Asked(link, _)] = asked[..] else { panic!("{asked:?}") };
        self.0.accept(link, Vec::new());
        self.heard();
        link
    }

    fn credit(&mut self, handle: u32, credit: u32) {
        self.say(Performative::Flow(Flow { link_credit: Some(credit), ..flow(handle) }));
    }
}

const BEGIN: Begin = Begin {
    remote_channel: None,
    next_outgoing_id: 0,
    incoming_window: 100,
    outgoing_window: 100,
    handle_max: None,
};

fn flow(handle: u32) -> Flow {
    Flow {
        next_incoming_id: Some(0),
        incoming_window: 100,
        handle: Some(handle),
        delivery_count: Some(0),
        ..Flow::default()
    }
}

/// Section 2.6.12: Qpid Proton refuses a delivery-id that is not the next one.
#[test]
fn deliveries_have_their_numbers_in_the_order_in_which_they_go() {
    let mut told = Told::new();
    let waits = told.link(0, Role::Receiver);
    let goes = told.link(1, Role::Receiver);
    told.credit(1, 9);
    let first = told.0.send(waits, message(1), false).unwrap();
    let second = told.0.send(goes, message(2), false).unwrap();
    told.credit(0, 9);

    let ids: Vec<_> = told
        .heard()
        .into_iter()
        .filter_map(|performative| match performative {
            Performative::Transfer(transfer) => Some((transfer.handle, transfer.delivery_id)),
            _ => None,
        })
        .collect();
    assert_eq!(ids, [(1, Some(0)), (0, Some(1))]);
    told.say(Performative::Disposition(Disposition {
        role: Role::Receiver,
        first: 0,
        last: Some(1),
        settled: true,
        state: Some(Outcome::Accepted),
    }));
    let became: Vec<_> = events(&mut told.0)
        .into_iter()
        .filter(|event| matches!(event, Event::Became(..)))
        .collect();
    assert_eq!(
        became,
        [
            Event::Became(goes, second, Outcome::Accepted),
            Event::Became(waits, first, Outcome::Accepted)
        ]
    );
}

/// Section 2.5.6: the window counts transfers, and a message may need more of them than it has.
#[test]
fn a_message_goes_part_by_part_through_a_window_of_one() {
    let open = Open { max_frame_size: Some(512), ..Open::default() };
    let mut told = Told::with(open, Limits::default());
    let link = told.link(0, Role::Receiver);
    let narrow = |next: u32, credit| {
        let incoming_window = 1;
        let next_incoming_id = Some(next);
        Performative::Flow(Flow {
            next_incoming_id,
            incoming_window,
            link_credit: Some(credit),
            ..flow(0)
        })
    };
    told.say(narrow(0, 1));
    told.0.send(link, message(1000), false).unwrap();

    let mut bytes = Vec::new();
    for next in 1.. {
        let heard = told.heard_sizes();
        let [(size, Performative::Transfer(part))] = &heard[..] else { panic!("{heard:?}") };
        assert!(*size <= 512);
        assert_eq!(part.delivery_id.is_some(), next == 1);
        bytes.extend_from_slice(&part.payload);
        if !part.more {
            break;
        }
        told.say(narrow(next, 1));
    }
    assert_eq!(Message::read(&bytes), Ok(message(1000)));
}

/// Section 2.6.2: azure-uamqp-c ends the session for a flow of a link that it has not heard of, and
/// rhea sends its own right behind the attach.
#[test]
fn no_flow_names_a_link_before_its_attach_is_answered() {
    let mut told = Told::new();
    told.say(Performative::Attach(attach("a", Role::Receiver)));
    told.say(Performative::Flow(Flow {
        link_credit: Some(10),
        drain: true,
        echo: true,
        delivery_count: None,
        ..flow(0)
    }));
    assert_eq!(told.heard(), []);
    let asked = events(&mut told.0);
    let [Event::Asked(link, _), Event::Credit(..)] = asked[..] else { panic!("{asked:?}") };

    told.0.accept(link, Vec::new());

    let heard = told.heard();
    let [Performative::Attach(_), Performative::Flow(flow)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!((flow.link_credit, flow.delivery_count), (Some(0), Some(10)), "it is drained");
}

#[test]
fn a_link_that_the_peer_ends_before_it_was_answered_is_attached_and_detached() {
    let mut told = Told::new();
    told.say(Performative::Attach(attach("a", Role::Receiver)));
    told.say(Performative::Detach(Detach { handle: 0, closed: true, error: None }));
    // Another one takes its handle, before anybody has looked.
    told.say(Performative::Attach(attach("b", Role::Receiver)));
    let asked = events(&mut told.0);
    let [Event::Asked(gone, _), Event::Detached(ended, None), Event::Asked(link, _)] = asked[..]
    else {
        panic!("{asked:?}")
    };
    assert!(gone == ended && gone != link);

    told.0.accept(gone, Vec::new());
    told.0.refuse(link, Failure::new("amqp:not-found", ""));

    let names = told.heard().into_iter().map(|performative| match performative {
        Performative::Attach(attach) => attach.name,
        other => other.name().to_owned(),
    });
    assert!(names.eq(["a", "detach", "b", "detach"]));
}

/// Sections 2.6.4 and 2.6.5: a link may be let go of, and taken up under the same name.
#[test]
fn a_link_is_detached_and_attached_again_under_its_name() {
    let mut told = Told::new();
    for closed in [false, true, false] {
        told.link(0, Role::Sender);
        told.say(Performative::Detach(Detach { handle: 0, closed, error: None }));
        let detach = Detach { handle: 0, closed, error: None };
        assert_eq!(told.heard(), [Performative::Detach(detach)]);
        events(&mut told.0);
    }
    assert_eq!(told.0.held(), Held::default());
}

/// Section 2.8.3.
#[test]
fn a_receiver_that_settles_second_is_answered_as_first_and_served_all_the_same() {
    let mut told = Told::new();
    told.say(Performative::Attach(Attach {
        rcv_settle_mode: Some(1),
        ..attach("a", Role::Receiver)
    }));
    let Some(Event::Asked(link, _)) = told.0.next_event() else { panic!() };
    told.0.accept(link, Vec::new());
    assert!(
        matches!(&told.heard()[..], [Performative::Attach(answer)] if answer.rcv_settle_mode == Some(0))
    );
    told.credit(0, 1);
    told.0.send(link, message(1), false).unwrap();
    told.heard();

    let word = |role, settled, state| {
        Performative::Disposition(Disposition { role, first: 0, last: None, settled, state })
    };
    told.say(word(Role::Receiver, false, Some(Outcome::Accepted)));

    assert_eq!(told.heard(), [word(Role::Sender, true, None)]);
}

/// Section 2.8.2.
#[test]
fn a_receiver_that_wants_settled_messages_gets_them_so() {
    let mut told = Told::new();
    told.say(Performative::Attach(Attach {
        snd_settle_mode: Some(1),
        ..attach("a", Role::Receiver)
    }));
    let Some(Event::Asked(link, _)) = told.0.next_event() else { panic!() };
    told.0.accept(link, Vec::new());
    told.credit(0, 1);
    events(&mut told.0);

    let sent = told.0.send(link, message(1), false).unwrap();

    assert_eq!(events(&mut told.0), [Event::Became(link, sent, Outcome::Accepted)]);
    let heard = told.heard();
    assert!(
        matches!(
            &heard[..],
            [Performative::Attach(_), Performative::Transfer(Transfer { settled: Some(true), .. })]
        ),
        "{heard:?}"
    );
}

/// Section 2.7.5: parts may repeat the number of their message, and no other; one that is settled is
/// not settled again.
#[test]
fn parts_of_a_message_may_name_it_and_settled_ones_are_not_settled() {
    let mut told = Told::new();
    let link = told.link(0, Role::Sender);
    told.0.grant(link, 10);
    told.heard();
    let bytes = message(20).write();
    let part = |id, range: std::ops::Range<usize>, more| {
        let part = first(0, id, bytes[range].to_vec());
        Performative::Transfer(Transfer { settled: Some(true), more, ..part })
    };
    told.say(part(4, 0..5, true));
    told.say(Performative::Transfer(Transfer {
        more: true,
        payload: bytes[5..9].to_vec(),
        ..Transfer::default()
    }));
    told.say(part(4, 9..bytes.len(), false));
    let got = events(&mut told.0);
    let [Event::Message(_, delivery, ref whole)] = got[..] else { panic!("{got:?}") };
    assert_eq!(*whole, message(20));
    told.0.settle(link, delivery, Outcome::Accepted);
    assert_eq!(told.heard(), []);

    told.say(part(5, 0..5, true));
    let breach = told.breach(part(6, 5..9, true));
    assert_eq!(
        (breach.rule(), breach.condition()),
        ("AMQP 1.0 part 2, 2.7.5", "amqp:invalid-field")
    );
}

/// Section 2.7.5: a message that is given up is forgotten, and the next one is whole.
#[test]
fn an_aborted_message_leaves_nothing_behind() {
    let mut told = Told::new();
    let link = told.link(0, Role::Sender);
    told.0.grant(link, 10);
    let some = first(0, 0, vec![7; 9]);
    told.say(Performative::Transfer(Transfer { more: true, ..some }));
    told.say(Performative::Transfer(Transfer { aborted: true, ..Transfer::default() }));
    assert_eq!(told.0.held().bytes, 0);
    told.say(Performative::Transfer(first(0, 1, message(3).write())));

    assert!(matches!(&events(&mut told.0)[..], [Event::Message(_, _, got)] if *got == message(3)));
}

/// Section 2.5.1: each side has its own number for a session.
#[test]
fn sessions_may_have_different_numbers_on_both_sides() {
    let mut pair = Pair::new(Limits { channel_max: 3, ..Limits::default() });
    let ours = pair.server.begin().unwrap();
    let theirs = pair.client.begin().unwrap();
    assert_eq!((ours, theirs), (0, 0));
    pair.talk();
    assert_eq!(events(&mut pair.client).len(), 3, "opened, and two sessions");
    let link = pair.client.attach(theirs, attach("a", Role::Receiver)).unwrap();
    pair.talk();

    let asked = events(&mut pair.server);
    let Some(Event::Asked(there, _)) = asked.last() else { panic!("{asked:?}") };
    assert_eq!(there.channel(), 1);
    pair.server.end(there.channel(), None);
    pair.talk();

    assert!(matches!(events(&mut pair.client)[..], [Event::Ended { channel: 0, error: None }]));
    assert!(pair.client.send(link, message(1), true).is_err());
    assert!(matches!(events(&mut pair.server)[..], [Event::Ended { channel: 1, error: None }]));
}

/// Section 2.8.15, `frame-size-too-small`.
#[test]
fn no_frame_is_larger_than_the_peer_takes() {
    let open = || Open { max_frame_size: Some(512), ..Open::default() };
    let mut told = Told::with(open(), Limits::default());
    let link = told.link(0, Role::Sender);
    told.0.detach(link, Some(Failure::new("amqp:not-found", "ü".repeat(900))));
    let heard = told.heard_sizes();
    let [(size, Performative::Detach(Detach { error: Some(error), .. }))] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert!((500..=512).contains(size), "{size}");
    assert_eq!(error.description.as_ref().map(|words| words.starts_with("üü")), Some(true));

    let mut told = Told::with(open(), Limits::default());
    let name = "n".repeat(300);
    let source = Some(Terminus::at("a".repeat(300)));
    told.say(Performative::Attach(Attach { source, ..attach(&name, Role::Receiver) }));
    let Some(Event::Asked(link, _)) = told.0.next_event() else { panic!() };
    told.0.accept(link, Vec::new());
    let heard = told.heard();
    let [Performative::Close(Close { error: Some(error) })] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!(error.condition.as_str(), "amqp:frame-size-too-small");
}

/// Section 2.6.7: what a sender gives up of its credit, it is given anew.
#[test]
fn credit_that_the_sender_gives_up_is_given_again() {
    let mut told = Told::new();
    let link = told.link(0, Role::Sender);
    told.0.grant(link, 10);
    told.heard();
    told.say(Performative::Flow(Flow {
        delivery_count: Some(10),
        link_credit: Some(0),
        ..flow(0)
    }));

    let heard = told.heard();
    let [Performative::Flow(flow)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((flow.delivery_count, flow.link_credit), (Some(10), Some(10)));
}

/// J-365: what all sessions of a connection hold is bounded, however a peer goes about it.
#[test]
fn j_365_what_a_peer_can_make_grow_has_a_bound() {
    let held = Held { links: 40, messages: 10, bytes: 5000 };
    let limits = Limits { links: 30, held, ..Limits::default() };
    let ask = |handle| {
        Performative::Attach(Attach {
            handle,
            initial_delivery_count: Some(0),
            ..attach(&handle.to_string(), Role::Sender)
        })
    };

    // Links, over all sessions.
    let mut told = Told::with(Open::default(), limits);
    told.on(1, Performative::Begin(BEGIN)).unwrap();
    (0..30).for_each(|handle| told.say(ask(handle)));
    (0..10).for_each(|handle| told.on(1, ask(handle)).unwrap());
    let breach = told.on(1, ask(10)).unwrap_err();
    assert_eq!(breach.condition(), "amqp:resource-limit-exceeded");
    assert_eq!(told.0.held(), Held::default(), "nothing is kept of one that is closed");

    // Sessions.
    let mut told = Told::with(Open::default(), Limits { channel_max: 3, ..limits });
    (1..4).for_each(|channel| told.on(channel, Performative::Begin(BEGIN)).unwrap());
    assert_eq!(
        told.on(4, Performative::Begin(BEGIN)).unwrap_err().rule(),
        "AMQP 1.0 part 2, 2.7.1"
    );

    // Names.
    let mut told = Told::with(Open::default(), limits);
    let breach = told.breach(Performative::Attach(attach(&"n".repeat(513), Role::Receiver)));
    assert_eq!(breach.condition(), "amqp:resource-limit-exceeded");

    // Messages that never end, on several links.
    let mut told = Told::with(Open::default(), limits);
    let links: Vec<_> = (0..3).map(|handle| told.link(handle, Role::Sender)).collect();
    links.iter().for_each(|link| told.0.grant(*link, 9));
    for handle in 0..3 {
        let part = first(handle, handle, vec![7; 2000]);
        told.say(Performative::Transfer(Transfer { more: true, ..part }));
    }
    assert_eq!(told.0.held(), Held { links: 3, messages: 0, bytes: 4000 });
    let heard = told.heard();
    let Some(Performative::Detach(Detach { handle: 2, error: Some(error), .. })) = heard.last()
    else {
        panic!("{heard:?}")
    };
    assert_eq!(error.condition.as_str(), "amqp:resource-limit-exceeded");

    // Messages that the peer takes and says nothing of, or does not take.
    let mut told = Told::with(Open::default(), limits);
    let (read, unread) = (told.link(0, Role::Receiver), told.link(1, Role::Receiver));
    told.credit(0, 1000);
    (0..8).for_each(|_| assert!(told.0.send(read, message(1), false).is_ok()));
    assert_eq!(told.0.send(unread, message(6000), false), Err(Refused::Full), "bytes");
    (0..2).for_each(|_| assert!(told.0.send(unread, message(1), false).is_ok()));
    assert_eq!(told.0.send(read, message(1), false), Err(Refused::Full), "messages");
}

/// An idle connection is small: these, and the names of its links, are all that is kept of it.
#[test]
fn what_is_kept_of_a_connection_is_small() {
    use super::link::Link;
    use super::session::Session;

    assert!(size_of::<Connection>() <= 400, "{}", size_of::<Connection>());
    assert!(size_of::<Session>() <= 200, "{}", size_of::<Session>());
    assert!(size_of::<Link>() <= 200, "{}", size_of::<Link>());
}

/// One byte of a peer's makes this side say or tell no more than some.
#[test]
fn a_flood_makes_a_small_number_of_bytes_of_each_of_its_own() {
    let mut told = Told::new();
    let link = told.link(0, Role::Sender);
    told.0.grant(link, 1000);
    let sender = told.link(1, Role::Receiver);
    told.credit(1, 100);
    (0..100).for_each(|_| assert!(told.0.send(sender, message(1), false).is_ok()));
    told.heard();
    let floods = [
        Performative::Flow(Flow { echo: true, delivery_count: Some(0), ..flow(0) }),
        Performative::Flow(Flow { drain: true, link_credit: Some(9), ..flow(1) }),
        Performative::Transfer(Transfer { more: true, ..first(0, 0, vec![]) }),
        Performative::Disposition(Disposition {
            role: Role::Receiver,
            first: 0,
            last: Some(u32::MAX),
            settled: false,
            state: Some(Outcome::Accepted),
        }),
    ];
    for flood in floods {
        let mut bytes = Vec::new();
        (0..1000).for_each(|_| Frame::Amqp(0, flood.clone()).write(&mut bytes));
        let size = bytes.len();
        told.0.read(&mut bytes).unwrap();
        let said = told.0.output().len();
        assert!(said <= 3 * size, "{flood:?}: {said} of {size}");
        events(&mut told.0);
        assert!(told.0.held().bytes < 100);
    }
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
            Performative::Transfer(first(0, 0, message(20).write())),
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
