//! The mechanism TPM: what the device and the service say to each other until the device's TPM has a key to
//! sign with, and has signed (C-7).
//!
//! Pure: challenges go in, responses come out. The TPM is asked elsewhere.

use crate::device::error::Breach;
use crate::wire::sasl_tpm::{MAX_SEGMENTS, NOTHING, Segment, response};

/// The exchange behind the introduction.
#[derive(Debug)]
pub(super) struct TpmExchange {
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The service wants to know the key under which the TPM keeps others.
    Introduced(Vec<u8>),
    /// The service says what holds the key; so much of it has come, in so many segments.
    Segments(Vec<u8>, u8),
    /// The TPM takes the key and signs.
    Signing,
    /// The token has been said; the outcome is next.
    Signed,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Respond so.
    Respond(Vec<u8>, Said),
    /// Let the TPM take the key of this, and sign: [`token`](TpmExchange::token).
    Sign(Vec<u8>),
}

/// What a challenge or a response is about, for an observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    StorageRootKey,
    Nothing,
    Token,
}

impl TpmExchange {
    /// For a TPM with this storage root key, with the two bytes of its size.
    pub(super) fn new(storage_root_key: Vec<u8>) -> Self {
        Self { stage: Stage::Introduced(storage_root_key) }
    }

    /// Takes in the service's next challenge.
    pub(super) fn take(&mut self, challenge: &[u8]) -> Result<Turn, Breach> {
        match std::mem::replace(&mut self.stage, Stage::Signing) {
            Stage::Introduced(storage_root_key) => {
                if challenge != NOTHING {
                    return Err(breach(format!(
                        "its first challenge by TPM is {}, and not one byte 0 (C-7)",
                        sized(challenge)
                    )));
                }
                self.stage = Stage::Segments(Vec::new(), 0);
                Ok(Turn::Respond(response(&storage_root_key), Said::StorageRootKey))
            }
            Stage::Segments(mut blob, number) => {
                let is_last = segment(challenge, number, &mut blob)?;
                if is_last {
                    return Ok(Turn::Sign(blob));
                }
                self.stage = Stage::Segments(blob, number + 1);
                Ok(Turn::Respond(NOTHING.to_vec(), Said::Nothing))
            }
            Stage::Signing | Stage::Signed => Err(breach(
                "it sent one more challenge by TPM, where it was to decide by the token (C-7)"
                    .to_owned(),
            )),
        }
    }

    /// The response with the token that was signed.
    pub(super) fn token(&mut self, token: &str) -> Vec<u8> {
        self.stage = Stage::Signed;
        response(token.as_bytes())
    }

    /// What is waited for, in words.
    pub(super) fn awaits(&self) -> &'static str {
        match self.stage {
            Stage::Introduced(_) => "the answer to the endorsement key",
            Stage::Segments(..) => "the key for its TPM",
            Stage::Signing | Stage::Signed => "the sign-in by SASL",
        }
    }

    /// Whether the token has been said, so that only the outcome may come.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Signed)
    }
}

/// Adds a segment, and tells whether it is the last.
fn segment(challenge: &[u8], number: u8, blob: &mut Vec<u8>) -> Result<bool, Breach> {
    let Some(segment) = Segment::read(challenge) else {
        return Err(breach(match challenge.first() {
            None => format!("segment {number} of the key for the TPM is empty (C-8)"),
            Some(control) => format!(
                "where segment {number} of the key for the TPM was due, it sent a challenge of {} that begins \
                 with {control:#04x}, without the top bit (C-8)",
                sized(challenge)
            ),
        }));
    };
    if segment.number != number {
        return Err(breach(format!(
            "where segment {number} of the key for the TPM was due, it sent segment {} (C-8)",
            segment.number
        )));
    }
    if !segment.is_last && number + 1 == MAX_SEGMENTS {
        return Err(breach(format!(
            "the key for the TPM has more than {MAX_SEGMENTS} segments (C-8)"
        )));
    }
    blob.extend_from_slice(segment.content);
    Ok(segment.is_last)
}

fn sized(bytes: &[u8]) -> String {
    match bytes.len() {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}

fn breach(reason: String) -> Breach {
    Breach::Packet { reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STORAGE_ROOT_KEY: &[u8] = b"\0\x03key";

    fn exchange() -> TpmExchange {
        TpmExchange::new(STORAGE_ROOT_KEY.to_vec())
    }

    fn refused(challenges: &[&[u8]]) -> String {
        let mut exchange = exchange();
        let (last, before) = challenges.split_last().unwrap();
        for challenge in before {
            exchange.take(challenge).unwrap();
        }
        exchange.take(last).unwrap_err().to_string()
    }

    #[test]
    fn c_7_the_device_shows_its_storage_root_key_and_signs_with_what_it_is_given() {
        let mut exchange = exchange();
        let shown = Turn::Respond(b"\0\0\x03key".to_vec(), Said::StorageRootKey);
        assert_eq!(exchange.take(&[0]).unwrap(), shown);
        let next = Turn::Respond(vec![0], Said::Nothing);
        assert_eq!(exchange.take(b"\x80first ").unwrap(), next);
        assert_eq!(exchange.take(b"\xC1second").unwrap(), Turn::Sign(b"first second".to_vec()));
        assert!(!exchange.is_over());
        assert_eq!(exchange.token("SharedAccessSignature sr=a"), b"\0SharedAccessSignature sr=a");
        assert!(exchange.is_over());
    }

    /// J-419.
    #[test]
    fn c_8_the_key_may_come_in_as_many_segments_as_can_be_numbered() {
        for count in 1..=4_u8 {
            let mut exchange = exchange();
            exchange.take(&[0]).unwrap();
            for number in 0..count - 1 {
                assert!(matches!(
                    exchange.take(&[0x80 | number, number]).unwrap(),
                    Turn::Respond(..)
                ));
            }
            let whole = exchange.take(&[0xC0 | (count - 1), count - 1]).unwrap();
            assert_eq!(whole, Turn::Sign((0..count).collect()));
        }
    }

    #[test]
    fn c_8_what_is_not_as_it_must_be_is_told_in_words() {
        let cases: [(&[&[u8]], &str); 7] = [
            (&[b""], "its first challenge by TPM is 0 bytes, and not one byte 0 (C-7)"),
            (&[b"\x01"], "its first challenge by TPM is 1 byte, and not one byte 0 (C-7)"),
            (&[&[0], b""], "segment 0 of the key for the TPM is empty (C-8)"),
            (
                &[&[0], b"\x00key"],
                "where segment 0 of the key for the TPM was due, it sent a challenge of 4 bytes that begins with \
                 0x00, without the top bit (C-8)",
            ),
            (
                &[&[0], b"\x80one", b"\xC2three"],
                "where segment 1 of the key for the TPM was due, it sent segment 2 (C-8)",
            ),
            (
                &[&[0], b"\x80", b"\x81", b"\x82", b"\x83"],
                "the key for the TPM has more than 4 segments (C-8)",
            ),
            (
                &[&[0], b"\xC0all", b"\0"],
                "it sent one more challenge by TPM, where it was to decide by the token (C-7)",
            ),
        ];
        for (challenges, said) in cases {
            assert_eq!(refused(challenges), said);
        }
    }

    proptest! {
        #[test]
        fn no_challenges_make_it_panic(
            challenges in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..8),
                    Just(vec![0]),
                    Just(b"\x80first".to_vec()),
                    Just(b"\xC1second".to_vec()),
                ],
                1..7,
            ),
        ) {
            let mut exchange = exchange();
            for challenge in &challenges {
                if let Ok(Turn::Sign(blob)) = exchange.take(challenge) {
                    prop_assert!(blob.len() <= challenges.iter().map(Vec::len).sum());
                    exchange.token("token");
                }
            }
        }
    }
}
