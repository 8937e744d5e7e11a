use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::amqp::{Begin, Close, Frame, Performative, Protocol};
use crate::sources;

/// The other end of a line, which has said these frames behind its header already.
async fn opposite(frames: Vec<Performative>) -> (DuplexStream, DuplexStream) {
    let (near, mut far) = duplex(4096);
    let mut bytes = Protocol::Amqp.bytes().to_vec();
    frames.into_iter().for_each(|said| Frame::Amqp(0, said).write(&mut bytes));
    far.write_all(&bytes).await.unwrap();
    (near, far)
}

async fn open(stream: DuplexStream) -> Result<Line<DuplexStream>, ConnectFailure> {
    let own = Open { container_id: "device".to_owned(), ..Open::default() };
    let mut greeting = Greeting::new(own, None);
    greeting.first();
    let clock = sources::Clock::default();
    let mut notify = |_| {};
    Line::open(stream, greeting, &mut Progress::new(&mut notify, &clock)).await
}

fn opened(idle_time_out: Option<u32>) -> Performative {
    Performative::Open(Open { container_id: "dps".to_owned(), idle_time_out, ..Open::default() })
}

/// J-355.
#[tokio::test]
async fn j_355_a_silent_device_shows_that_it_lives_after_50_s_or_half_of_what_is_asked_for() {
    for (asked, seconds) in [(None, 50), (Some(120_000), 50), (Some(30_000), 15)] {
        let (near, mut far) = opposite(vec![opened(asked)]).await;
        let mut line = open(near).await.map_err(|failure| panic!("{failure:?}")).unwrap();

        let said = line.pipe.last_sent();
        assert_eq!(line.next_beat() - said, Duration::from_secs(seconds), "{asked:?}");
        line.beat().await.unwrap();

        let mut beat = [0; 8];
        far.read_exact(&mut beat).await.unwrap();
        assert_eq!(beat, [0, 0, 0, 8, 2, 0, 0, 0]);
        assert!(line.pipe.last_sent() > said, "it is due again after as long a silence");
    }
}

#[tokio::test]
async fn a_peer_that_breaks_a_rule_is_told_which_and_the_device_says_so_too() {
    let begin = Performative::Begin(Begin::default());
    let (near, mut far) = opposite(vec![begin]).await;

    let failure = open(near).await.map(|_| ()).unwrap_err();

    let ConnectFailure::Broken(breach) = failure else { panic!("{failure:?}") };
    assert!(breach.to_string().contains("[AMQP 1.0 part 2, 2.4.1]"), "{breach}");
    let mut told = Vec::new();
    far.read_to_end(&mut told).await.unwrap();
    assert!(told.windows(18).any(|words| words == b"amqp:illegal-state"), "{told:?}");
}

#[tokio::test]
async fn both_sides_end_the_connection_and_then_the_stream_ends() {
    let close = Performative::Close(Close::default());
    let (near, mut far) = opposite(vec![opened(None)]).await;
    let mut line = open(near).await.map_err(|failure| panic!("{failure:?}")).unwrap();
    let mut bytes = Vec::new();
    Frame::Amqp(0, close).write(&mut bytes);
    far.write_all(&bytes).await.unwrap();

    line.close().await.unwrap();

    assert!(line.engine.is_over());
    drop(line);
    let mut told = Vec::new();
    far.read_to_end(&mut told).await.unwrap();
    assert!(!told.is_empty());
}
