//! Clients of AMQP that mean ill or are broken: each ends alone, and the others do not notice.

use provision_sim::amqp::{
    Attach, Body, Close, Detach, Failure, Frame, Message, Open, Performative, Protocol, Role, Sasl,
    Symbol, Transfer, Value,
};

use crate::support::amqp::client::{Client, attach, begin, open};
use crate::support::amqp::sdk::{RECEIVER, SENDER, Sdk};
use crate::support::service::setup::{PRIMARY_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::{C_SDK, derived};

const ID: &str = "pump-0042";

/// Links of a session, and channels of a connection, as the service has them.
const LINKS: u32 = 256;
const CHANNELS: u16 = 1024;

/// That a good device registers is how a service shows that it is well.
async fn assert_serves(service: &TestService) {
    let client = Client::dial(service).await;
    let mut device = Sdk::Node.connect(client, "pump-0043").await;
    assert_eq!(device.provision().await.status(), "assigned");
    device.end().await;
}

fn address() -> String {
    format!("{SCOPE}/registrations/{ID}")
}

async fn signed_in(service: &TestService) -> Client {
    let mut client = Client::dial(service).await;
    let token = C_SDK.token(&derived(PRIMARY_KEY, ID), SCOPE, ID);
    client.sign_in_plainly(&address(), &token).await;
    client
}

/// A connection with a session.
async fn opened(service: &TestService) -> Client {
    let mut client = signed_in(service).await;
    client.open("a-stranger").await;
    client
}

/// A link of a version.
fn link_as(role: Role, handle: u32, name: &str) -> Attach {
    let version = (Value::symbol("com.microsoft:api-version"), Value::text("2021-06-01"));
    Attach { properties: vec![version], ..attach(handle, role, name, &address()) }
}

fn link(handle: u32, name: &str) -> Attach {
    link_as(Role::Sender, handle, name)
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// A frame of AMQP that announces this many bytes, of which none has come.
fn announced(size: u32) -> Vec<u8> {
    let mut header = size.to_be_bytes().to_vec();
    header.extend([2, 0, 0, 0]);
    header
}

/// Whatever the service says until it hangs up; the error with which it closed the connection.
async fn end_of(client: &mut Client) -> Option<Failure> {
    let mut error = None;
    while let Some(frame) = client.next().await {
        if let Frame::Amqp(0, Performative::Close(close)) = frame {
            error = close.error;
        }
    }
    error
}

fn condition(error: Option<&Failure>) -> &str {
    error.map_or("", |error| error.condition.as_str())
}

#[tokio::test]
async fn noise_ends_only_its_own_connection_wherever_it_comes() {
    let service = Setup::at_once().start().await;

    for seed in 0..16 {
        let mut stranger = Client::dial(&service).await;
        stranger.send_raw(&noise(seed, 64)).await;
        stranger.read_header().await;
        assert!(stranger.is_closed().await, "seed {seed}: in place of a header");

        // A size of its own makes it a frame that is there whole.
        let framed = |kind: u8| {
            let mut frame = 64_u32.to_be_bytes().to_vec();
            frame.extend([2, kind, 0, 0]);
            frame.extend(noise(seed, 56));
            frame
        };
        let mut in_sasl = Client::dial(&service).await;
        in_sasl.begin_protocol(Protocol::Sasl).await;
        in_sasl.send_raw(&framed(1)).await;
        assert_eq!(end_of(&mut in_sasl).await, None, "seed {seed}: there is no connection yet");

        let mut in_session = opened(&service).await;
        in_session.send_raw(&framed(0)).await;
        assert!(end_of(&mut in_session).await.is_some(), "seed {seed}: in place of a frame");
    }
    assert_serves(&service).await;
}

#[tokio::test]
async fn half_a_header_half_a_frame_and_silence_hold_up_nobody() {
    let service = Setup::at_once().start().await;
    let mut in_header = Client::dial(&service).await;
    in_header.send_raw(b"AMQP\x03").await;
    let mut in_sasl = Client::dial(&service).await;
    in_sasl.begin_protocol(Protocol::Sasl).await;
    in_sasl.send_raw(&[0, 0, 1]).await;
    let mut in_open = signed_in(&service).await;
    in_open.begin_protocol(Protocol::Amqp).await;
    let mut in_frame = opened(&service).await;
    in_frame.send_raw(&announced(60_000)).await;

    assert_serves(&service).await;
    drop((in_header, in_sasl, in_open, in_frame));
    assert_serves(&service).await;
}

#[tokio::test]
async fn a_frame_beyond_what_was_said_is_refused_from_its_size_alone() {
    let service = Setup::at_once().start().await;

    for size in [64 * 1024 + 1, u32::MAX, 0, 7] {
        let mut client = opened(&service).await;
        client.send_raw(&announced(size)).await;

        let error = end_of(&mut client).await;
        assert_eq!(condition(error.as_ref()), "amqp:connection:framing-error", "{size}");
    }
    let mut in_sasl = Client::dial(&service).await;
    in_sasl.begin_protocol(Protocol::Sasl).await;
    in_sasl.send_raw(&announced(u32::MAX)).await;
    assert_eq!(end_of(&mut in_sasl).await, None);
    assert_serves(&service).await;
}

#[tokio::test]
async fn a_thousand_links_on_one_connection_are_served_and_hold_up_nobody() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    for channel in 1..4 {
        client.send([Frame::Amqp(channel, Performative::Begin(begin()))]).await;
        let begun = client.next().await;
        assert!(matches!(begun, Some(Frame::Amqp(_, Performative::Begin(_)))), "{begun:?}");
    }
    let mut attached = 0;
    for channel in 0..4 {
        for handle in 0..250 {
            let asked = Performative::Attach(link(handle, &format!("link-{handle}")));
            client.send([Frame::Amqp(channel, asked)]).await;
            loop {
                match client.next().await {
                    Some(Frame::Amqp(_, Performative::Attach(answer))) => {
                        assert!(answer.target.is_some(), "{channel} {handle}");
                        attached += 1;
                        break;
                    }
                    Some(Frame::Amqp(_, Performative::Flow(_))) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    assert_eq!(attached, 1000);
    assert_serves(&service).await;
}

#[tokio::test]
async fn more_links_and_sessions_than_were_said_end_the_connection() {
    let service = Setup::at_once().start().await;
    let mut in_links = opened(&service).await;
    in_links.say(Performative::Attach(link(LINKS, "one-too-many"))).await;
    let mut in_sessions = opened(&service).await;
    in_sessions.send([Frame::Amqp(CHANNELS, Performative::Begin(begin()))]).await;

    for client in [&mut in_links, &mut in_sessions] {
        let error = end_of(client).await.expect("why");
        let text = error.description.unwrap_or_default();
        assert!(text.contains("[AMQP 1.0 part 2"), "{}: {text}", error.condition);
    }
    assert_serves(&service).await;
}

#[tokio::test]
async fn long_words_of_a_client_cost_it_its_connection_or_nothing() {
    let service = Setup::at_once().start().await;
    let long = "x".repeat(60_000);

    let mut in_name = opened(&service).await;
    in_name.say(Performative::Attach(link(SENDER, &long))).await;
    let error = end_of(&mut in_name).await;
    assert!(error.is_some(), "the name of a link is kept as long as the link");

    // A container may have any name: the journal has the beginning of it.
    let mut in_open = signed_in(&service).await;
    in_open.begin_protocol(Protocol::Amqp).await;
    in_open.say(Performative::Open(Open { container_id: long.clone(), ..open("") })).await;
    assert!(matches!(in_open.heard().await, Performative::Open(_)));

    let mut in_farewell = opened(&service).await;
    in_farewell.attach(link(SENDER, "a")).await.expect("a link");
    let why = || Some(Failure::new("com.example:rant", long.clone()));
    let detach = Detach { handle: SENDER, closed: true, error: why() };
    in_farewell.say(Performative::Detach(detach)).await;
    assert!(matches!(in_farewell.heard().await, Performative::Detach(_)));
    in_farewell.say(Performative::Close(Close { error: why() })).await;
    assert_eq!(end_of(&mut in_farewell).await, None);

    let mut in_sasl = Client::dial(&service).await;
    in_sasl.begin_protocol(Protocol::Sasl).await;
    let init = Sasl::Init {
        mechanism: Symbol::known("PLAIN"),
        response: Some(long.clone().into_bytes()),
        hostname: None,
    };
    in_sasl.send([Frame::Sasl(init)]).await;
    assert_eq!(end_of(&mut in_sasl).await, None, "SASL has 512 bytes a frame (5.3.3)");

    assert_serves(&service).await;
}

#[tokio::test]
async fn values_nested_without_end_are_refused() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    let mut nested = Value::text("the innermost");
    for _ in 0..1_000 {
        nested = Value::List(vec![nested]);
    }
    let properties = vec![(Value::symbol("deep"), nested)];

    client.say(Performative::Attach(Attach { properties, ..link(SENDER, "a") })).await;

    let error = end_of(&mut client).await.expect("why");
    assert!(error.description.is_some_and(|text| text.contains("nested deeper")));
    assert_serves(&service).await;
}

#[tokio::test]
async fn a_message_without_end_costs_the_link_and_no_more_memory_than_a_message() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    client.attach(link(SENDER, "a")).await.expect("a link");
    let part = |delivery_id: Option<u32>| Transfer {
        handle: SENDER,
        delivery_id,
        delivery_tag: delivery_id.map(|_| vec![0]),
        message_format: Some(0),
        more: true,
        payload: vec![0; 60_000],
        ..Transfer::default()
    };

    for nth in 0..10 {
        let first = (nth == 0).then_some(0);
        client.say(Performative::Transfer(part(first))).await;
    }

    let Performative::Detach(detach) = client.heard().await else { panic!("no detach") };
    let error = detach.error.expect("why");
    assert_eq!(error.condition.as_str(), "amqp:link:message-size-exceeded");
    assert_serves(&service).await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_holds_up_nobody() {
    let service = Setup::at_once().start().await;
    let mut client = opened(&service).await;
    client.attach(link_as(Role::Receiver, RECEIVER, "in")).await.expect("a link");
    client.attach(link(SENDER, "out")).await.expect("a link");

    // All of these are refused, and no refusal is read.
    for _ in 0..50 {
        let message = Message { body: Body::Data(vec![b'x'; 30_000]), ..Message::default() };
        client.transfer(SENDER, message).await;
    }

    assert_serves(&service).await;
}
