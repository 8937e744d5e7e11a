//! Nothing that a client says makes the gateway panic or go on for ever, and how its bytes are cut does not
//! matter.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use provision_sim::service::endpoint::gateway::request::{Conversation, MAX_HEAD, Step};

/// The last thing that is done, and what is left for the tunnel.
fn end(bytes: &[u8], piece: usize) -> (Option<Step>, Vec<u8>) {
    let (mut conversation, mut heard) = (Conversation::default(), BytesMut::new());
    let mut pieces = bytes.chunks(piece);
    let mut said = 0;
    loop {
        match conversation.next(&mut heard) {
            Step::Read => match pieces.next() {
                Some(more) => heard.extend_from_slice(more),
                None => {
                    assert!(heard.len() < MAX_HEAD, "more is wanted than there may be");
                    return (None, Vec::new());
                }
            },
            Step::Say(_) => {
                said += 1;
                assert!(said <= 2, "a greeting and a password");
            }
            end => {
                let mut left = heard.to_vec();
                pieces.for_each(|piece| left.extend_from_slice(piece));
                return (Some(end), left);
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let data = &data[..data.len().min(MAX_HEAD)];
    let whole = end(data, data.len().max(1));
    let cut = end(data, 3);
    // What is wrong may be seen earlier than what is too long, or not whole yet.
    if let (Some(Step::Open(..)), _) | (None, _) = whole {
        assert_eq!(whole, cut);
    }
});
