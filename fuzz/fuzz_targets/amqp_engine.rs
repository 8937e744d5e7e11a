//! Whatever a peer says, in whatever pieces, and whatever is done about it, a connection holds no more on
//! its behalf than it may, says no more than some bytes for each of the peer's, and goes on.
//!
//! The first byte says what is done with links; the second how large the pieces are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provision_sim::amqp::engine::{Connection, Event, Limits};
use provision_sim::amqp::{Body, Failure, Message, Open, Outcome};

fuzz_target!(|data: &[u8]| {
    let [habits, piece, said @ ..] = data else { return };
    let does = |bit: u8| habits & 1 << bit != 0;
    let limits = Limits { links: 8, message: 4096, window: 16, waiting: 8, ..Limits::default() };
    let own = Open { container_id: "a".to_owned(), ..Open::default() };
    let mut connection = Connection::new(own, limits);
    let mut inbox = Vec::new();
    for piece in said.chunks(usize::from(*piece).max(1)) {
        inbox.extend_from_slice(piece);
        if connection.read(&mut inbox).is_err() {
            assert!(connection.is_closing());
            break;
        }
        let mut commands = 0;
        while let Some(event) = connection.next_event() {
            commands += 1;
            match event {
                Event::Asked(link, _) if does(0) => {
                    connection.accept(link, Vec::new());
                    connection.grant(link, 10);
                }
                Event::Asked(link, _) if does(1) => {
                    connection.refuse(link, Failure::new("amqp:not-found", "no"));
                }
                Event::Credit(link, _) if does(2) => {
                    let body = Body::Data(vec![0; 700]);
                    let message = Message { body, ..Message::default() };
                    let _ = connection.send(link, message, does(3));
                }
                Event::Message(link, delivery, _) if does(4) => {
                    connection.settle(link, delivery, Outcome::Accepted);
                }
                Event::Message(link, ..) if does(5) => connection.detach(link, None),
                Event::Became(link, ..) if does(6) => connection.detach(link, None),
                Event::Begun { channel } if does(7) => {
                    connection.begin();
                    connection.end(channel, None);
                }
                _ => {}
            }
        }
        let held = connection.held();
        assert!(held.links <= limits.held.links && held.bytes <= limits.held.bytes);
        assert!(held.messages <= limits.held.messages);
        assert!(connection.output().len() <= 64 * 1024 + piece.len() * 64 + commands * 2048);
    }
});
