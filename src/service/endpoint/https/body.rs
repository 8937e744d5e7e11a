//! Reads the body of a request, up to what its call takes.

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};

/// How much more than allowed is read and thrown away: a client that is still sending when the
/// connection is closed never sees the answer.
const DISCARDED: usize = 1 << 20;

/// Why there is no body.
#[derive(Debug)]
pub(super) enum BodyFault<E> {
    /// It is longer than allowed.
    TooLong,
    /// The client is gone, or does not speak HTTP.
    Lost(E),
}

/// The whole body, of at most `limit` bytes.
pub(super) async fn read<B>(mut body: B, limit: usize) -> Result<Vec<u8>, BodyFault<B::Error>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut taken = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(BodyFault::Lost)?.into_data() else { continue };
        length += data.len();
        if length > limit + DISCARDED {
            break;
        }
        if length <= limit {
            taken.extend_from_slice(&data);
        }
    }
    if length > limit { Err(BodyFault::TooLong) } else { Ok(taken) }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;
    use crate::wire::MAX_MESSAGE;

    #[tokio::test]
    async fn h_3_96_kb_are_taken_and_no_byte_more() {
        let body = |length| Full::new(Bytes::from(vec![b' '; length]));

        assert_eq!(read(body(MAX_MESSAGE), MAX_MESSAGE).await.unwrap().len(), MAX_MESSAGE);
        assert!(matches!(read(body(MAX_MESSAGE + 1), MAX_MESSAGE).await, Err(BodyFault::TooLong)));
        assert!(matches!(
            read(body(MAX_MESSAGE * 100), MAX_MESSAGE).await,
            Err(BodyFault::TooLong)
        ));
    }
}
