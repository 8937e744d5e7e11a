//! What an idle AMQP connection needs: `cargo bench --bench amqp`.
//!
//! The memory of the engine alone, with a session and two links on which a message went each way, at both
//! ends; what TLS and the socket need comes on top (`soak`). Memory is told by Linux alone.

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
#![allow(missing_docs, reason = "a benchmark has nothing public")]

use provision_sim::amqp::engine::{Connection, Event, Limits};
use provision_sim::amqp::{Attach, Body, Message, Open, Outcome, Role, Terminus};

/// So many that what the allocator rounds up does not count.
const CONNECTIONS: u32 = 20_000;

fn main() {
    // `cargo test --benches` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // What is used for the first time counts for nothing.
    drop(idle());
    let before = resident();
    let kept: Vec<_> = (0..CONNECTIONS).map(|_| idle()).collect();
    let bytes = (resident() - before) * 1024.0;
    let each = bytes / f64::from(CONNECTIONS) / 2.0;
    println!("{} connections: {each:.0} bytes at each end", kept.len());
}

/// The memory of this process, in kibibytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Both ends of a connection on which a message went each way.
fn idle() -> [Connection; 2] {
    let side = |name: &str| {
        let open = Open { container_id: name.to_owned(), ..Open::default() };
        Connection::new(open, Limits::default())
    };
    let mut ends = [side("device"), side("dps")];
    ends[0].open();
    talk(&mut ends);
    let channel = ends[0].begin().expect("a session");
    talk(&mut ends);
    for role in [Role::Receiver, Role::Sender] {
        let link = ends[0].attach(channel, attach(role)).expect("a link");
        talk(&mut ends);
        if role == Role::Receiver {
            ends[0].grant(link, 100);
        } else {
            ends[0].send(link, message(), false).expect("room");
        }
        talk(&mut ends);
    }
    ends
}

/// Carries bytes until nobody has anything to say. The service says
/// something as soon as it may.
fn talk(ends: &mut [Connection; 2]) {
    loop {
        let [mut up, mut down] = [ends[0].output(), ends[1].output()];
        if up.is_empty() && down.is_empty() {
            return;
        }
        ends[1].read(&mut up).expect("it is right");
        ends[0].read(&mut down).expect("it is right");
        while let Some(event) = ends[1].next_event() {
            match event {
                Event::Asked(link, attach) => {
                    ends[1].accept(link, Vec::new());
                    if attach.role == Role::Sender {
                        ends[1].grant(link, 100);
                    }
                }
                Event::Credit(link, _) => {
                    ends[1].send(link, message(), false).expect("room");
                }
                Event::Message(link, delivery, _) => {
                    ends[1].settle(link, delivery, Outcome::Accepted);
                }
                _ => {}
            }
        }
        while let Some(event) = ends[0].next_event() {
            if let Event::Message(link, delivery, _) = event {
                ends[0].settle(link, delivery, Outcome::Accepted);
            }
        }
    }
}

fn message() -> Message {
    Message { body: Body::Data(vec![b' '; 200]), ..Message::default() }
}

fn attach(role: Role) -> Attach {
    let address = Some(Terminus::at("0ne00000000/registrations/contoso-toaster-007"));
    let own = Some(Terminus::default());
    let (source, target) = match role {
        Role::Receiver => (address, own),
        Role::Sender => (own, address),
    };
    Attach {
        name: format!("rhea{role:?}_0a3c1f2be1f8d04a5d93c7a1f0b3f4a2e6"),
        handle: 0,
        role,
        snd_settle_mode: None,
        rcv_settle_mode: None,
        source,
        target,
        initial_delivery_count: None,
        max_message_size: None,
        properties: Vec::new(),
    }
}
