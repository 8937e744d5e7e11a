//! What goes out together.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::*;

/// A service that has said all that it will say, and notes what each flush has sent.
#[derive(Default)]
struct Wire {
    incoming: Vec<u8>,
    written: Vec<u8>,
    flushed: Vec<Vec<u8>>,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(&std::mem::take(&mut self.incoming));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = std::mem::take(&mut self.written);
        self.flushed.push(sent);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// The types of the packets that went out with each flush.
fn sent(wire: &Wire) -> Vec<Vec<u8>> {
    let types = |bytes: &Vec<u8>| {
        let mut bytes = BytesMut::from(&bytes[..]);
        let mut types = Vec::new();
        while let Some(first) = bytes.first().copied() {
            types.push(first >> 4);
            Packet::read(&mut bytes, MAX_PACKET).unwrap();
        }
        types
    };
    wire.flushed.iter().map(types).collect()
}

const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const DISCONNECT: u8 = 14;

async fn connected(answers: usize) -> Session<Wire> {
    let mut incoming = vec![0x20, 2, 0, 0];
    for packet_id in 1..=answers {
        let mut publish = Publish::new("a", QoS::AtLeastOnce, "b");
        publish.pkid = u16::try_from(packet_id).unwrap();
        let mut bytes = BytesMut::new();
        publish.write(&mut bytes).unwrap();
        incoming.extend(bytes);
    }
    let opened = Session::open(Wire { incoming, ..Wire::default() }).await;
    opened.unwrap_or_else(|_| panic!("CONNACK 0 is there"))
}

async fn hear(session: &mut Session<Wire>) {
    let heard = session.listen(Instant::now() + PING_TIMEOUT, &mut |_| {}).await;
    // The topic is none of DPS, which is another matter.
    assert!(matches!(heard, Event::Broken(Breach::Topic { .. })), "{heard:?}");
}

#[tokio::test]
async fn j_175_a_puback_goes_out_with_what_follows_it() {
    let mut session = connected(2).await;

    hear(&mut session).await;
    session.publish("poll".to_owned(), Vec::new(), &mut |_| {}).await.unwrap();
    hear(&mut session).await;
    session.close().await.unwrap();

    assert_eq!(sent(&session.pipe.stream), [[PUBACK, PUBLISH], [PUBACK, DISCONNECT]]);
}

#[tokio::test]
async fn j_175_a_puback_that_nothing_follows_goes_out_before_the_device_listens() {
    let mut session = connected(1).await;

    hear(&mut session).await;
    assert!(sent(&session.pipe.stream).is_empty(), "nothing is waited for yet");
    let heard = session.listen(Instant::now() + PING_TIMEOUT, &mut |_| {}).await;

    assert!(matches!(heard, Event::Lost(Loss::Closed)), "there is nothing more: {heard:?}");
    assert_eq!(sent(&session.pipe.stream), [[PUBACK]]);
}
