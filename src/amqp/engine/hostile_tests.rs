//! Whatever a peer says, and whatever is done about it: no panic, and no more is kept or said than may be.

use proptest::prelude::*;

use super::super::*;
use super::*;

fn small() -> Limits {
    let held = Held { links: 6, messages: 6, bytes: 3000 };
    Limits {
        links: 4,
        channel_max: 2,
        message: 2000,
        window: 6,
        waiting: 4,
        held,
        ..Limits::default()
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Sender), Just(Role::Receiver)]
}

/// What a peer may say, sense or none; small numbers, so that some of it meets.
fn performative() -> impl Strategy<Value = Performative> {
    let number = || prop_oneof![0u32..6, Just(u32::MAX), Just(u32::MAX / 2)];
    let maybe = move || prop::option::of(number());
    let failure = || prop::option::of(Just(Failure::new("amqp:internal-error", "no")));
    prop_oneof![
        (prop::option::of(0u16..3), number(), number(), maybe()).prop_map(
            |(remote_channel, next_outgoing_id, incoming_window, handle_max)| {
                Performative::Begin(Begin {
                    remote_channel,
                    next_outgoing_id,
                    incoming_window,
                    outgoing_window: 1,
                    handle_max,
                })
            }
        ),
        ("[ab]", 0u32..5, role(), 0u8..3, prop::option::of(0u8..2)).prop_map(
            |(name, handle, role, mode, rcv_settle_mode)| {
                Performative::Attach(Attach {
                    name,
                    handle,
                    role,
                    snd_settle_mode: Some(mode),
                    rcv_settle_mode,
                    source: Some(Terminus::at("a")),
                    target: Some(Terminus::at("b")),
                    initial_delivery_count: Some(u32::MAX),
                    max_message_size: None,
                    properties: Vec::new(),
                })
            }
        ),
        (maybe(), number(), maybe(), maybe(), maybe(), any::<(bool, bool)>()).prop_map(
            |(next_incoming_id, incoming_window, handle, delivery_count, link_credit, flags)| {
                Performative::Flow(Flow {
                    next_incoming_id,
                    incoming_window,
                    handle,
                    delivery_count,
                    link_credit,
                    drain: flags.0,
                    echo: flags.1,
                    ..Flow::default()
                })
            }
        ),
        (0u32..5, maybe(), any::<(bool, bool, bool)>(), 0usize..1500).prop_map(
            |(handle, delivery_id, (more, aborted, settled), size)| {
                let body = Body::Data(vec![7; size]);
                Performative::Transfer(Transfer {
                    handle,
                    delivery_id,
                    delivery_tag: Some(vec![1]),
                    message_format: None,
                    settled: Some(settled),
                    more,
                    aborted,
                    payload: Message { body, ..Message::default() }.write(),
                })
            }
        ),
        (role(), number(), maybe(), any::<bool>()).prop_map(|(role, first, last, settled)| {
            let state = Some(Outcome::Released);
            Performative::Disposition(Disposition { role, first, last, settled, state })
        }),
        (0u32..5, any::<bool>(), failure()).prop_map(|(handle, closed, error)| {
            Performative::Detach(Detach { handle, closed, error })
        }),
        failure().prop_map(|error| Performative::End(End { error })),
    ]
}

/// What is done about an event; `habit` chooses.
fn respond(connection: &mut Connection, event: Event, habit: u8) {
    let message = || Message { body: Body::Data(vec![1; 600]), ..Message::default() };
    match (event, habit % 4) {
        (Event::Asked(link, _), 0) => connection.refuse(link, Failure::new("amqp:not-found", "no")),
        (Event::Asked(link, _), 1 | 2) => {
            connection.accept(link, Vec::new());
            connection.grant(link, 4);
            let _ = connection.send(link, message(), habit > 99);
        }
        (Event::Credit(link, _), 1 | 2) => {
            let _ = connection.send(link, message(), habit > 99);
        }
        (Event::Message(link, delivery, _), 1) => {
            connection.settle(link, delivery, Outcome::Accepted);
        }
        (Event::Message(link, ..) | Event::Became(link, ..), 3) => connection.detach(link, None),
        (Event::Begun { channel }, 3) => {
            if let Some(own) = connection.begin() {
                connection.end(own, None);
            }
            connection.end(channel, None);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_conversation_makes_more_of_a_peer_than_may_be(
        frame in prop_oneof![Just(0u32), Just(600), Just(u32::MAX)],
        said in prop::collection::vec((0u16..3, performative(), any::<u8>()), 1..40),
    ) {
        let own = Open { container_id: "dps".to_owned(), ..Open::default() };
        let mut connection = Connection::new(own, small());
        let open = Open { max_frame_size: Some(frame), ..Open::default() };
        let mut bytes = Vec::new();
        Frame::Amqp(0, Performative::Open(open)).write(&mut bytes);
        connection.read(&mut bytes).unwrap();
        let most = usize::try_from(frame.clamp(512, 64 * 1024)).unwrap();
        for (channel, performative, habit) in said {
            Frame::Amqp(channel, performative).write(&mut bytes);
            let read = connection.read(&mut bytes);
            while let Some(event) = connection.next_event() {
                respond(&mut connection, event, habit);
            }
            let held = connection.held();
            let Limits { held: limit, .. } = small();
            prop_assert!(held.links <= limit.links && held.bytes <= limit.bytes, "{:?}", held);
            prop_assert!(held.messages <= limit.messages, "{:?}", held);
            let mut output = connection.output();
            while let Some((_, size)) = next_frame(&output, Kind::Amqp, most).unwrap() {
                output.drain(..size);
            }
            prop_assert!(output.is_empty(), "no half frames");
            if read.is_err() || connection.is_closing() {
                prop_assert_eq!(connection.held(), Held::default());
                break;
            }
        }
    }
}
