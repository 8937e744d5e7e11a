//! The answers of a TPM, taken apart. Nothing is taken on trust: whatever listens at an address may answer.

use thiserror::Error;
use zeroize::Zeroizing;

use super::code::Code;
use super::command::Handle;
use crate::attestation::tpm::structure::Reader;

/// What stands before every answer: tag, size, code.
pub(super) const HEADER: usize = 10;

/// More than any answer to these commands has.
const MAX_ANSWER: usize = 4096;

/// `TPM_ST_NO_SESSIONS` and `TPM_ST_SESSIONS`, and `TPM_ST_RSP_COMMAND`, with which a TPM 2.0 tells one
/// that speaks TPM 1.2 that it does not.
const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;
const OF_ANOTHER_AGE: u16 = 0x00C4;

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AnswerFault {
    /// It is none that a TPM gives.
    #[error("its answer is none of a TPM: {0}")]
    Garbled(&'static str),
    /// The TPM does not do it.
    #[error("{0}")]
    Refused(Code),
}

use AnswerFault::Garbled;

const CUT_OFF: AnswerFault = Garbled("it ends too soon");

/// How long an answer is that begins with `header`, the header included.
pub(super) fn length(header: &[u8; HEADER]) -> Result<usize, AnswerFault> {
    let mut reader = Reader::new(header);
    if !matches!(reader.number_16(), Some(NO_SESSIONS | SESSIONS | OF_ANOTHER_AGE)) {
        return Err(Garbled("it does not begin as one"));
    }
    match reader.number_32().map(|length| length as usize) {
        Some(length @ HEADER..=MAX_ANSWER) => Ok(length),
        _ => Err(Garbled("it has an impossible size")),
    }
}

/// The response code of a whole answer, if it is one; success is 0.
pub(super) fn code(answer: &[u8]) -> Result<Code, AnswerFault> {
    let (header, rest) = answer.split_first_chunk().ok_or(CUT_OFF)?;
    if length(header)? != HEADER + rest.len() {
        return Err(Garbled("it has another size than it says"));
    }
    let mut reader = Reader::new(header);
    reader.take(6).and_then(|_| reader.number_32()).map(Code).ok_or(CUT_OFF)
}

/// Success, of which nothing more is to be known.
pub(super) fn done(answer: &[u8]) -> Result<(), AnswerFault> {
    body(answer, |_| Some(()))
}

/// The handle of what was made or loaded.
pub(super) fn handle(answer: &[u8]) -> Result<Handle, AnswerFault> {
    body(answer, |mut body| body.handle())
}

/// A primary key: its handle, and its public half as `TPM2B_PUBLIC`.
pub(super) fn created(answer: &[u8]) -> Result<(Handle, Vec<u8>), AnswerFault> {
    body(answer, |mut body| {
        let handle = body.handle()?;
        let parameters = body.parameters()?;
        let size = 2 + Reader::new(parameters).sized()?.len();
        Some((handle, parameters[..size].to_vec()))
    })
}

/// The first parameter of an answer without a handle, which may be a secret.
pub(super) fn parameter(answer: &[u8]) -> Result<Zeroizing<Vec<u8>>, AnswerFault> {
    body(answer, |mut body| {
        let parameters = body.parameters()?;
        Reader::new(parameters).sized().map(|content| Zeroizing::new(content.to_vec()))
    })
}

/// What is read from an answer that tells of success.
fn body<'a, T>(
    answer: &'a [u8],
    read: impl FnOnce(Body<'a>) -> Option<T>,
) -> Result<T, AnswerFault> {
    match code(answer)? {
        Code(0) => {
            let mut reader = Reader::new(answer);
            let has_sessions = reader.number_16() == Some(SESSIONS);
            reader.take(HEADER - 2).and_then(|_| read(Body { reader, has_sessions })).ok_or(CUT_OFF)
        }
        refused => Err(AnswerFault::Refused(refused)),
    }
}

/// What comes after the header.
struct Body<'a> {
    reader: Reader<'a>,
    /// Whether sessions stand at the end.
    has_sessions: bool,
}

impl<'a> Body<'a> {
    fn handle(&mut self) -> Option<Handle> {
        self.reader.number_32().map(Handle)
    }

    /// The parameters; where there are sessions their size stands before them.
    fn parameters(&mut self) -> Option<&'a [u8]> {
        if !self.has_sessions {
            return Some(self.reader.rest());
        }
        let size = self.reader.number_32()?;
        self.reader.take(size as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer with the right size.
    fn answer(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
        let size = (HEADER + body.len()) as u32;
        [&tag.to_be_bytes()[..], &size.to_be_bytes(), &code.to_be_bytes(), body].concat()
    }

    #[test]
    fn j_427_answers_are_taken_apart() {
        let created_with = answer(SESSIONS, 0, b"\x80\0\0\x01\0\0\0\x07\0\x03pub..\0\0\x01\0\0");

        assert_eq!(created(&created_with), Ok((Handle(0x8000_0001), b"\0\x03pub".to_vec())));
        assert_eq!(handle(&created_with), Ok(Handle(0x8000_0001)));
        let secret = answer(SESSIONS, 0, b"\0\0\0\x05\0\x03key\0\0\x01\0\0");
        assert_eq!(parameter(&secret).unwrap().as_slice(), b"key");
        assert_eq!(done(&answer(NO_SESSIONS, 0, b"")), Ok(()));
        assert_eq!(done(&answer(NO_SESSIONS, 0x922, b"")), Err(AnswerFault::Refused(Code(0x922))));
    }

    #[test]
    fn j_427_what_is_no_answer_of_a_tpm_is_refused_with_the_reason() {
        let http = b"HTTP/1.1 4".first_chunk().unwrap();
        assert_eq!(length(http), Err(Garbled("it does not begin as one")));
        assert_eq!(
            length(&[0x80, 1, 0, 0, 0, 9, 0, 0, 0, 0]),
            Err(Garbled("it has an impossible size"))
        );
        assert_eq!(
            length(&[0x80, 1, 9, 0, 0, 9, 0, 0, 0, 0]),
            Err(Garbled("it has an impossible size"))
        );
        let short = answer(SESSIONS, 0, b"\x80\0");
        assert_eq!(created(&short), Err(Garbled("it ends too soon")));
        assert_eq!(code(&short[..11]), Err(Garbled("it has another size than it says")));
        // A size within, of more than there is.
        let within = answer(SESSIONS, 0, b"\0\0\0\x05\0\x04key\0\0\x01\0\0");
        assert_eq!(parameter(&within), Err(Garbled("it ends too soon")));
    }

    proptest! {
        #[test]
        fn j_427_bytes_of_strangers_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = (created(&bytes), parameter(&bytes), handle(&bytes), done(&bytes), code(&bytes));
        }

        #[test]
        fn j_427_any_body_behind_a_good_header_is_read_or_refused(
            sessions in any::<bool>(),
            body in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let whole = answer(if sessions { SESSIONS } else { NO_SESSIONS }, 0, &body);

            prop_assert_eq!(length(whole.first_chunk().unwrap()), Ok(whole.len()));
            if let Ok((_, public)) = created(&whole) {
                let offset = if sessions { 8 } else { 4 };
                prop_assert_eq!(&public[..], &body[offset..offset + public.len()]);
            }
            if let Ok(parameter) = parameter(&whole) {
                prop_assert!(parameter.len() < body.len());
            }
        }
    }
}
