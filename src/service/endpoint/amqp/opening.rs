//! How a connection begins: protocol headers, and SASL between them or not (part 2, section 2.2; part 5,
//! section 5.3).
//!
//! Pure: bytes in, bytes out.

use super::sasl::{Brought, Mechanism};
use super::sasl_tpm::{TpmExchange, Turn};
use super::sign_in::{Denied, SignIn};
use crate::amqp::{Frame, Kind, Protocol, Sasl, SaslCode, Symbol, Violation, next_frame};
use crate::wire::{RegistrationAddress, TpmKeys};

/// Most bytes of a frame of SASL. The standard has 512, which a token, or the key of a TPM, and the name of its
/// device can reach; nobody's frame is refused for a few bytes more (J-333).
const MAX_FRAME: usize = 4 * 1024;

/// What comes next of a client.
#[derive(Debug)]
enum Stage {
    /// One of two headers.
    Header,
    /// The mechanism that it chooses.
    Init,
    /// The response to a mechanism that it has chosen without one.
    Response(Mechanism),
    /// What its TPM has to say next; while it waits to be [challenged](Opening::challenge), nothing.
    Tpm(Box<TpmExchange>),
    /// Nothing: this side is to say how SASL ends.
    Presented(SignIn),
    /// The header of AMQP, now that SASL is over.
    Again(SignIn),
}

/// What came of the bytes so far.
#[derive(Debug)]
pub(super) enum Opened {
    /// More are needed.
    Not,
    /// A device wants a key for its TPM: [`challenge`](Opening::challenge) or
    /// [`turn_away`](Opening::turn_away).
    Wanted,
    /// SASL brought all that it needs: [`let_in`](Opening::let_in) or [`turn_away`](Opening::turn_away).
    Presented,
    /// AMQP begins.
    As(SignIn),
    /// SASL ends with outcome 1.
    Denied(Denied),
    /// The client speaks something else; the text is for the log.
    Foreign(String),
    /// The client breaks a rule of the standard.
    Violated(Violation),
}

/// A connection that has not begun yet.
#[derive(Debug)]
pub(super) struct Opening {
    stage: Stage,
}

impl Opening {
    pub(super) fn new() -> Self {
        Self { stage: Stage::Header }
    }

    /// Takes in what there is; what is to be sent is appended to `out`.
    pub(super) fn take(&mut self, inbox: &mut Vec<u8>, out: &mut Vec<u8>) -> Opened {
        loop {
            let is_header = matches!(self.stage, Stage::Header | Stage::Again(_));
            let step = if is_header { self.header(inbox, out) } else { self.frame(inbox, out) };
            if let Some(opened) = step {
                return opened;
            }
        }
    }

    /// What the client brought by SASL, before it is told how that ends.
    pub(super) fn presented(&self) -> Option<&SignIn> {
        match &self.stage {
            Stage::Presented(sign_in) => Some(sign_in),
            _ => None,
        }
    }

    /// Who wants a key for its TPM, and the keys of that.
    pub(super) fn wanted(&self) -> Option<(&RegistrationAddress, &TpmKeys)> {
        match &self.stage {
            Stage::Tpm(exchange) => Some(exchange.wanted()),
            _ => None,
        }
    }

    /// Gives the device what holds the key, encrypted for its TPM.
    pub(super) fn challenge(&mut self, blob: &[u8], out: &mut Vec<u8>) {
        if let Stage::Tpm(exchange) = &mut self.stage {
            Frame::Sasl(Sasl::Challenge(exchange.challenge(blob))).write(out);
        }
    }

    /// SASL ends well.
    pub(super) fn let_in(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.stage, Stage::Header) {
            Stage::Presented(sign_in) => {
                Frame::Sasl(Sasl::Outcome(SaslCode::Ok)).write(out);
                self.stage = Stage::Again(sign_in);
            }
            other => self.stage = other,
        }
    }

    /// SASL ends with another code.
    pub(super) fn turn_away(code: SaslCode, out: &mut Vec<u8>) {
        Frame::Sasl(Sasl::Outcome(code)).write(out);
    }

    /// None if there may be more to take.
    fn header(&mut self, inbox: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<Opened> {
        let Some(bytes) = inbox.first_chunk::<{ Protocol::LENGTH }>() else {
            // Who does not begin like this will not say anything that helps.
            let is_amqp = b"AMQP".starts_with(&inbox[..inbox.len().min(4)]);
            return Some(if is_amqp { Opened::Not } else { refuse_header(inbox, out) });
        };
        match (Protocol::of(*bytes), std::mem::replace(&mut self.stage, Stage::Header)) {
            (Some(Protocol::Sasl), Stage::Header) => {
                out.extend_from_slice(&Protocol::Sasl.bytes());
                let names = Mechanism::ALL.map(|mechanism| Symbol::known(mechanism.name()));
                Frame::Sasl(Sasl::Mechanisms(names.to_vec())).write(out);
                self.stage = Stage::Init;
            }
            (Some(Protocol::Amqp), stage) => {
                out.extend_from_slice(&Protocol::Amqp.bytes());
                inbox.drain(..Protocol::LENGTH);
                return Some(Opened::As(match stage {
                    Stage::Again(sign_in) => sign_in,
                    _ => SignIn::Bare,
                }));
            }
            (Some(Protocol::Sasl), _) => {
                out.extend_from_slice(&Protocol::Amqp.bytes());
                let what = "the header of SASL came again, where that of AMQP must".to_owned();
                let rule = "AMQP 1.0 part 5, 5.3.2";
                return Some(Opened::Violated(Violation::State { what, rule }));
            }
            (None, _) => return Some(refuse_header(inbox, out)),
        }
        inbox.drain(..Protocol::LENGTH);
        None
    }

    fn frame(&mut self, inbox: &mut Vec<u8>, out: &mut Vec<u8>) -> Option<Opened> {
        let (frame, size) = match next_frame(inbox, Kind::Sasl, MAX_FRAME) {
            Ok(Some(read)) => read,
            Ok(None) => return Some(Opened::Not),
            Err(violation) => return Some(Opened::Violated(violation)),
        };
        inbox.drain(..size);
        let taken = match (&mut self.stage, frame) {
            (Stage::Init, Frame::Sasl(Sasl::Init { mechanism, response, .. })) => {
                chosen(&mechanism, response)
            }
            (Stage::Response(mechanism), Frame::Sasl(Sasl::Response(response))) => {
                mechanism.take(&response).map(Taken::from)
            }
            (Stage::Tpm(exchange), Frame::Sasl(Sasl::Response(response))) => {
                exchange.take(&response).map(Taken::from)
            }
            (stage, frame) => {
                let expected = match stage {
                    Stage::Response(_) | Stage::Tpm(_) => "sasl-response",
                    _ => "sasl-init",
                };
                let seen = match &frame {
                    Frame::Sasl(sasl) => sasl.name(),
                    Frame::Empty | Frame::Amqp(..) => "another frame",
                };
                let what = format!("{expected} must come now, but {seen} has");
                let rule = "AMQP 1.0 part 5, 5.3.2";
                return Some(Opened::Violated(Violation::State { what, rule }));
            }
        };
        match taken {
            Ok(Taken::All(sign_in)) => {
                self.stage = Stage::Presented(sign_in);
                Some(Opened::Presented)
            }
            Ok(Taken::Some(next, challenge)) => {
                Frame::Sasl(Sasl::Challenge(challenge)).write(out);
                if let Some(next) = next {
                    self.stage = next;
                }
                None
            }
            Ok(Taken::Wanted) => Some(Opened::Wanted),
            Err(denied) => {
                Frame::Sasl(Sasl::Outcome(SaslCode::Auth)).write(out);
                Some(Opened::Denied(denied))
            }
        }
    }
}

/// What a client has said by SASL.
enum Taken {
    /// All that it needs.
    All(SignIn),
    /// Not all: what comes next, if that is another thing, and what is to be asked.
    Some(Option<Stage>, Vec<u8>),
    /// It wants a key.
    Wanted,
}

impl From<Brought> for Taken {
    fn from(brought: Brought) -> Self {
        match brought {
            Brought::All(sign_in) => Self::All(sign_in),
            Brought::First(exchange, challenge) => {
                Self::Some(Some(Stage::Tpm(exchange)), challenge)
            }
        }
    }
}

impl From<Turn> for Taken {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Challenge(challenge) => Self::Some(None, challenge),
            Turn::Wanted => Self::Wanted,
            Turn::Presented(sign_in) => Self::All(sign_in),
        }
    }
}

/// A mechanism, with a response or without: whoever should have one and has none is asked for it.
fn chosen(mechanism: &Symbol, response: Option<Vec<u8>>) -> Result<Taken, Denied> {
    let mechanism = Mechanism::of(mechanism)?;
    match response {
        None if mechanism.begins_with_response() => {
            Ok(Taken::Some(Some(Stage::Response(mechanism)), Vec::new()))
        }
        response => mechanism.take(&response.unwrap_or_default()).map(Taken::from),
    }
}

/// Whoever begins otherwise is told the header that it should have sent, and hung up on (section 2.2).
fn refuse_header(bytes: &[u8], out: &mut Vec<u8>) -> Opened {
    out.extend_from_slice(&Protocol::Sasl.bytes());
    let methods =
        ["GET ", "PUT ", "POST ", "HEAD ", "DELETE ", "PATCH ", "OPTIONS ", "CONNECT ", "PRI * "];
    let reason = match bytes {
        _ if methods.iter().any(|method| bytes.starts_with(method.as_bytes())) => {
            "speaks HTTP, where AMQP is spoken"
        }
        [0x10, ..] => "speaks MQTT, where AMQP is spoken",
        [b'A', b'M', b'Q', b'P', 2, ..] => {
            "asks for TLS within AMQP; here TLS is there from the first byte"
        }
        [b'A', b'M', b'Q', b'P', 0, 0, 9, ..] | [b'A', b'M', b'Q', b'P', 1, 1, ..] => {
            "speaks an AMQP before 1.0, which is another protocol; 1.0 is served"
        }
        [b'A', b'M', b'Q', b'P', ..] => {
            "asks for an AMQP that is not served; 1.0.0 is, with SASL or without"
        }
        _ => "does not begin as AMQP does",
    };
    Opened::Foreign(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &[u8] = b"\x000ne1/registrations/pump-0042\0SharedAccessSignature sr=a&sig=b&se=1";

    fn init(mechanism: &'static str, response: Option<&[u8]>) -> Vec<u8> {
        let mechanism = Symbol::known(mechanism);
        let response = response.map(<[u8]>::to_vec);
        let hostname = Some("localhost".to_owned());
        let mut out = Vec::new();
        Frame::Sasl(Sasl::Init { mechanism, response, hostname }).write(&mut out);
        out
    }

    /// What comes of bytes that come one after the other, and what was answered.
    fn open(bytes: &[u8]) -> (Opened, Vec<u8>) {
        let (mut opening, mut inbox, mut out) = (Opening::new(), Vec::new(), Vec::new());
        for byte in bytes {
            inbox.push(*byte);
            match opening.take(&mut inbox, &mut out) {
                Opened::Not => {}
                Opened::Presented => opening.let_in(&mut out),
                Opened::Wanted => opening.challenge(&[7; 766], &mut out),
                opened => return (opened, out),
            }
        }
        (Opened::Not, out)
    }

    fn sasl(rest: &[Vec<u8>]) -> Vec<u8> {
        [&Protocol::Sasl.bytes()[..], &rest.concat()].concat()
    }

    fn frames(mut bytes: &[u8]) -> Vec<Sasl> {
        let mut frames = Vec::new();
        while let Ok(Some((frame, size))) = next_frame(bytes, Kind::Sasl, 4096) {
            let Frame::Sasl(sasl) = frame else { panic!("{frame:?}") };
            frames.push(sasl);
            bytes = &bytes[size..];
        }
        frames
    }

    #[test]
    fn c_1_a_connection_without_sasl_begins_with_the_eight_bytes_of_amqp() {
        let (opened, out) = open(&Protocol::Amqp.bytes());

        assert!(matches!(opened, Opened::As(SignIn::Bare)));
        assert_eq!(out, Protocol::Amqp.bytes());
    }

    #[test]
    fn c_1_with_sasl_the_headers_come_twice_and_the_mechanisms_in_their_order() {
        let said = sasl(&[init("PLAIN", Some(PLAIN)), Protocol::Amqp.bytes().to_vec()]);

        let (opened, out) = open(&said);

        assert!(matches!(opened, Opened::As(SignIn::Plain(_, Some(_)))), "{opened:?}");
        assert_eq!(out[..8], Protocol::Sasl.bytes());
        let [Sasl::Mechanisms(names), outcome] = &frames(&out[8..out.len() - 8])[..] else {
            panic!("{out:?}")
        };
        let names: Vec<_> = names.iter().map(Symbol::as_str).collect();
        assert_eq!(names, ["EXTERNAL", "MSSBCBS", "PLAIN", "TPM", "ANONYMOUS"]);
        assert_eq!(*outcome, Sasl::Outcome(SaslCode::Ok));
        assert_eq!(out[out.len() - 8..], Protocol::Amqp.bytes());
    }

    #[test]
    fn c_2_whoever_chooses_plain_without_a_response_is_asked_for_one() {
        let mut response = Vec::new();
        Frame::Sasl(Sasl::Response(PLAIN.to_vec())).write(&mut response);
        let said = sasl(&[init("PLAIN", None), response, Protocol::Amqp.bytes().to_vec()]);

        let (opened, out) = open(&said);

        assert!(matches!(opened, Opened::As(SignIn::Plain(..))), "{opened:?}");
        let frames = frames(&out[8..out.len() - 8]);
        assert!(matches!(&frames[1..], [Sasl::Challenge(it), Sasl::Outcome(_)] if it.is_empty()));
    }

    fn response(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Frame::Sasl(Sasl::Response(bytes.to_vec())).write(&mut out);
        out
    }

    #[test]
    fn c_7_a_tpm_is_challenged_three_times() {
        const INIT: &[u8] = b"\x000ne1\0pump-0042\0\0\x03key";
        let said = [&b"\0\0\x03srk"[..], b"\0", b"\0a token"].map(response).concat();
        // With a first response, or asked for it.
        for begin in [init("TPM", Some(INIT)), [init("TPM", None), response(INIT)].concat()] {
            let asked = usize::from(begin != init("TPM", Some(INIT)));
            let end = Protocol::Amqp.bytes().to_vec();
            let (opened, out) = open(&sasl(&[begin, said.clone(), end]));

            assert!(matches!(opened, Opened::As(SignIn::Tpm(..))), "{opened:?}");
            let frames = frames(&out[8..out.len() - 8]);
            let [Sasl::Mechanisms(_), challenges @ .., Sasl::Outcome(SaslCode::Ok)] = &frames[..]
            else {
                panic!("{frames:?}")
            };
            let first_bytes: Vec<_> = challenges[asked..]
                .iter()
                .map(|it| match it {
                    Sasl::Challenge(bytes) => bytes[0],
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(first_bytes, [0, 0x80, 0xc1]);
        }
    }

    #[test]
    fn j_332_whoever_is_denied_gets_outcome_1() {
        for init in [
            init("SCRAM-SHA-256", None),
            init("TPM", Some(b"\0a\0b\0c")),
            init("PLAIN", Some(b"\0pump-0042\0x")),
        ] {
            let (opened, out) = open(&sasl(&[init]));

            assert!(matches!(opened, Opened::Denied(_)), "{opened:?}");
            assert_eq!(frames(&out[8..]).last(), Some(&Sasl::Outcome(SaslCode::Auth)));
        }
    }

    #[test]
    fn j_339_other_protocols_are_known_by_how_they_begin_and_told_the_header() {
        for (bytes, hint) in [
            (&b"AMQP\x02\x01\x00\x00"[..], "TLS within AMQP"),
            (b"AMQP\x00\x00\x09\x01", "before 1.0"),
            (b"AMQP\x01\x01\x00\x0a", "before 1.0"),
            (b"AMQP\x00\x02\x00\x00", "1.0.0 is"),
            (b"\x10\x22\x00\x04MQTT", "MQTT"),
            (b"\x16\x03\x01\x02\x00", "does not begin"),
        ] {
            let (opened, out) = open(bytes);

            let Opened::Foreign(reason) = &opened else { panic!("{opened:?}") };
            assert!(reason.contains(hint), "{reason}");
            assert_eq!(out, Protocol::Sasl.bytes());
        }
        let whole = Opening::new().take(&mut b"GET / HTTP/1.1\r\n".to_vec(), &mut Vec::new());
        assert!(matches!(whole, Opened::Foreign(reason) if reason.contains("HTTP")));
    }

    #[test]
    fn j_333_a_frame_of_sasl_may_have_4_kib() {
        let of = |length: usize| {
            let response = [PLAIN, &vec![b'x'; length][..]].concat();
            open(&sasl(&[init("PLAIN", Some(&response)), Protocol::Amqp.bytes().to_vec()])).0
        };

        assert!(matches!(of(3900), Opened::As(SignIn::Plain(..))));
        assert!(matches!(of(4096), Opened::Violated(Violation::FrameSize { limit: 4096, .. })));
    }

    #[test]
    fn what_does_not_belong_into_sasl_breaks_a_rule() {
        let mut response = Vec::new();
        Frame::Sasl(Sasl::Response(Vec::new())).write(&mut response);
        let again = sasl(&[init("PLAIN", Some(PLAIN)), Protocol::Sasl.bytes().to_vec()]);
        let long = vec![0, 1, 0, 0, 2, 1, 0, 0];
        for (said, rule) in [
            (sasl(&[response]), "part 5, 5.3.2"),
            (again, "part 5, 5.3.2"),
            (sasl(&[vec![0, 0, 0, 8, 2, 0, 0, 0]]), "part 2, 2.3.2"),
            (sasl(&[long]), "part 2, 2.7.1"),
        ] {
            let (opened, _) = open(&said);
            let Opened::Violated(violation) = opened else { panic!("{opened:?}") };
            assert!(violation.rule().contains(rule), "{}", violation.rule());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            has_header in any::<bool>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let said = if has_header { sasl(&[bytes]) } else { bytes };
            open(&said);
            Opening::new().take(&mut said.clone(), &mut Vec::new());
        }
    }
}
