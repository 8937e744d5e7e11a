//! What stands in front of an AMQP connection: each side's header, and SASL where there is a password
//! (part 2, section 2.2; part 5, section 5.3). Pure.

use super::told::{received, sent};
use crate::amqp::{Frame, Kind, MIN_MAX_FRAME, Protocol, Sasl, SaslCode, Symbol, next_frame};
use crate::device::error::{Breach, NetworkError, SaslRefusal};
use crate::device::exchange::{ConnectFailure, Notice};
use crate::device::traffic::AmqpFrame;

/// A way to sign in.
pub(in crate::device) struct SignIn {
    /// Its name.
    pub(in crate::device) mechanism: &'static str,
    /// As whom, for an observer.
    pub(in crate::device) user_name: String,
    /// What is said first; it may be secret.
    pub(in crate::device) response: Option<Vec<u8>>,
    /// Whom it means to reach.
    pub(in crate::device) hostname: String,
}

impl SignIn {
    /// By user name and password (RFC 4616).
    pub(in crate::device) fn plain(user_name: String, password: &str, hostname: String) -> Self {
        let response = Some(format!("\0{user_name}\0{password}").into_bytes());
        Self { mechanism: "PLAIN", user_name, response, hostname }
    }
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    SaslHeader,
    Mechanisms,
    Outcome,
    AmqpHeader,
}

/// What came of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// More are needed.
    More,
    /// The sign-in is done, and the connection's header is said; the connection may be opened.
    SignedIn,
    /// The peer's header has come: what follows is the connection's.
    Done,
}

/// The opening, seen from the device.
pub(super) struct Opening {
    sign_in: Option<SignIn>,
    stage: Stage,
}

impl Opening {
    /// With a certificate there is nothing to sign in with, and no SASL (as all SDKs of Microsoft do).
    pub(super) fn new(sign_in: Option<SignIn>) -> Self {
        let stage = if sign_in.is_some() { Stage::SaslHeader } else { Stage::AmqpHeader };
        Self { sign_in, stage }
    }

    /// Whether it begins with SASL.
    pub(super) fn signs_in(&self) -> bool {
        self.sign_in.is_some()
    }

    /// The header that is said first.
    pub(super) fn header(&self) -> Protocol {
        if self.signs_in() { Protocol::Sasl } else { Protocol::Amqp }
    }

    /// What is waited for, in words.
    pub(super) fn awaits(&self) -> &'static str {
        match self.stage {
            Stage::SaslHeader | Stage::AmqpHeader => "AMQP's header",
            Stage::Mechanisms => "with its SASL mechanisms",
            Stage::Outcome => "the sign-in by SASL",
        }
    }

    /// Takes what has come, and says what is to be said.
    pub(super) fn take(
        &mut self,
        inbox: &mut Vec<u8>,
        outbox: &mut Vec<u8>,
        tell: &mut dyn FnMut(Notice),
    ) -> Result<Turn, ConnectFailure> {
        loop {
            match self.stage {
                Stage::SaslHeader | Stage::AmqpHeader => {
                    let Some(header) = header(inbox)? else { return Ok(Turn::More) };
                    tell(received(AmqpFrame::Header { sasl: header == Protocol::Sasl }));
                    match (self.stage, header) {
                        (Stage::AmqpHeader, Protocol::Amqp) => return Ok(Turn::Done),
                        (Stage::AmqpHeader, Protocol::Sasl) => {
                            return Err(packet(
                                "it wants a sign-in by SASL, where the device has none to give",
                            ));
                        }
                        (_, Protocol::Sasl) => self.stage = Stage::Mechanisms,
                        (_, Protocol::Amqp) => return Err(self.no_mechanism(Vec::new())),
                    }
                }
                Stage::Mechanisms => match frame(inbox)? {
                    None => return Ok(Turn::More),
                    Some(Sasl::Mechanisms(offered)) => {
                        self.choose(&offered, outbox, tell)?;
                        self.stage = Stage::Outcome;
                    }
                    Some(other) => return Err(unexpected(&other, "sasl-mechanisms")),
                },
                Stage::Outcome => match frame(inbox)? {
                    None => return Ok(Turn::More),
                    Some(Sasl::Outcome(code)) => {
                        let code = match code {
                            SaslCode::Ok => 0,
                            SaslCode::Auth => 1,
                            SaslCode::System(code) => code,
                        };
                        tell(received(AmqpFrame::Outcome { code }));
                        if code != 0 {
                            return Err(ConnectFailure::SaslRefused(SaslRefusal::of(code)));
                        }
                        outbox.extend_from_slice(&Protocol::Amqp.bytes());
                        tell(sent(AmqpFrame::Header { sasl: false }));
                        self.stage = Stage::AmqpHeader;
                        return Ok(Turn::SignedIn);
                    }
                    Some(other) => return Err(unexpected(&other, "sasl-outcome")),
                },
            }
        }
    }

    fn choose(
        &mut self,
        offered: &[Symbol],
        outbox: &mut Vec<u8>,
        tell: &mut dyn FnMut(Notice),
    ) -> Result<(), ConnectFailure> {
        let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
        tell(received(AmqpFrame::Mechanisms(names.clone())));
        let wanted = self.sign_in.take_if(|it| names.iter().any(|name| name == it.mechanism));
        let Some(SignIn { mechanism, user_name, response, hostname }) = wanted else {
            return Err(self.no_mechanism(names));
        };
        let has_password = response.is_some();
        tell(sent(AmqpFrame::Init { mechanism, user_name, has_password }));
        let (mechanism, hostname) = (Symbol::known(mechanism), Some(hostname));
        Frame::Sasl(Sasl::Init { mechanism, response, hostname }).write(outbox);
        Ok(())
    }

    fn no_mechanism(&self, offered: Vec<String>) -> ConnectFailure {
        let wanted = self.sign_in.as_ref().map_or("ANONYMOUS", |sign_in| sign_in.mechanism);
        ConnectFailure::Broken(Breach::Mechanism { wanted, offered })
    }
}

/// The peer's header, once all of it is there. Of what is none, the first bytes tell.
fn header(inbox: &mut Vec<u8>) -> Result<Option<Protocol>, ConnectFailure> {
    const NAME: &[u8] = b"AMQP";
    let not_amqp = |excerpt| Err(ConnectFailure::Broken(Breach::NotAmqp { excerpt }));
    let begin = &inbox[..inbox.len().min(NAME.len())];
    if !NAME.starts_with(begin) {
        let text = String::from_utf8_lossy(inbox);
        return not_amqp(text.lines().next().unwrap_or_default().chars().take(60).collect());
    }
    let Some(bytes) = inbox.first_chunk::<{ Protocol::LENGTH }>().copied() else {
        return Ok(None);
    };
    let Some(protocol) = Protocol::of(bytes) else {
        let [_, _, _, _, id, major, minor, revision] = bytes;
        return not_amqp(format!("AMQP {id} {major}.{minor}.{revision}"));
    };
    inbox.drain(..Protocol::LENGTH);
    Ok(Some(protocol))
}

fn frame(inbox: &mut Vec<u8>) -> Result<Option<Sasl>, ConnectFailure> {
    let read = next_frame(inbox, Kind::Sasl, MIN_MAX_FRAME);
    let read = read.map_err(|violation| packet(&violation.cited()))?;
    let Some((frame, size)) = read else { return Ok(None) };
    inbox.drain(..size);
    match frame {
        Frame::Sasl(sasl) => Ok(Some(sasl)),
        Frame::Empty | Frame::Amqp(..) => Err(packet("it sent a frame of AMQP in SASL")),
    }
}

fn unexpected(sasl: &Sasl, expected: &str) -> ConnectFailure {
    packet(&format!("it sent {} where {expected} was expected", sasl.name()))
}

fn packet(reason: &str) -> ConnectFailure {
    ConnectFailure::Broken(Breach::Packet { reason: reason.to_owned() })
}

/// What it means that the peer hangs up while this is waited for.
pub(super) fn hung_up(awaited: &'static str) -> ConnectFailure {
    ConnectFailure::Network(NetworkError::ClosedBeforeOpen(awaited))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mechanisms(names: &[&'static str]) -> Vec<u8> {
        let mut bytes = Protocol::Sasl.bytes().to_vec();
        let names = names.iter().copied().map(Symbol::known).collect();
        Frame::Sasl(Sasl::Mechanisms(names)).write(&mut bytes);
        bytes
    }

    fn outcome(code: SaslCode) -> Vec<u8> {
        let mut bytes = Vec::new();
        Frame::Sasl(Sasl::Outcome(code)).write(&mut bytes);
        bytes
    }

    fn with_key() -> Opening {
        let user_name = "0ne1/registrations/a".to_owned();
        Opening::new(Some(SignIn::plain(user_name, "a token", "a.net".to_owned())))
    }

    /// What comes of bytes that come one by one, and what is said.
    fn take(opening: &mut Opening, bytes: &[u8]) -> (Result<Turn, ConnectFailure>, Vec<u8>) {
        let (mut inbox, mut outbox) = (Vec::new(), Vec::new());
        let mut turn = Ok(Turn::More);
        for byte in bytes {
            inbox.push(*byte);
            turn = opening.take(&mut inbox, &mut outbox, &mut |_| {});
            if turn.is_err() {
                break;
            }
        }
        (turn, outbox)
    }

    fn breach(opening: &mut Opening, bytes: &[u8]) -> String {
        match take(opening, bytes).0 {
            Err(ConnectFailure::Broken(breach)) => breach.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_device_with_a_key_signs_in_by_plain_and_one_with_a_certificate_not_at_all() {
        let mut key = with_key();
        assert_eq!(key.header(), Protocol::Sasl);

        let (turn, said) = take(&mut key, &mechanisms(&["EXTERNAL", "PLAIN"]));
        assert_eq!(turn.unwrap(), Turn::More);
        let (frame, _) = next_frame(&said, Kind::Sasl, MIN_MAX_FRAME).unwrap().unwrap();
        let Frame::Sasl(Sasl::Init { mechanism, response, hostname }) = frame else { panic!() };
        assert_eq!((mechanism.as_str(), hostname.as_deref()), ("PLAIN", Some("a.net")));
        assert_eq!(response.unwrap(), b"\x000ne1/registrations/a\x00a token");
        let (turn, said) = take(&mut key, &outcome(SaslCode::Ok));
        assert_eq!((turn.unwrap(), said), (Turn::SignedIn, Protocol::Amqp.bytes().to_vec()));
        assert_eq!(take(&mut key, &Protocol::Amqp.bytes()).0.unwrap(), Turn::Done);

        let mut certificate = Opening::new(None);
        assert_eq!(certificate.header(), Protocol::Amqp);
        assert_eq!(take(&mut certificate, &Protocol::Amqp.bytes()).0.unwrap(), Turn::Done);
    }

    #[test]
    fn an_outcome_other_than_0_is_a_refusal_with_its_code() {
        for (code, refusal) in [
            (SaslCode::Auth, SaslRefusal::Credentials),
            (SaslCode::System(4), SaslRefusal::Temporary),
            (SaslCode::System(9), SaslRefusal::Unknown(9)),
        ] {
            let mut opening = with_key();
            let bytes = [mechanisms(&["PLAIN"]), outcome(code)].concat();

            let (turn, _) = take(&mut opening, &bytes);

            assert!(matches!(turn, Err(ConnectFailure::SaslRefused(told)) if told == refusal));
        }
    }

    #[test]
    fn who_speaks_something_else_is_told_by_the_first_bytes() {
        for (bytes, told) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "it does not speak AMQP 1.0; it sent \"H\""),
            (b"AMQP\x00\x00\x09\x01", "it does not speak AMQP 1.0; it sent \"AMQP 0 0.9.1\""),
            (b"\x20\x02\x00\x00", "it does not speak AMQP 1.0; it sent \" \""),
        ] {
            assert_eq!(breach(&mut with_key(), bytes), told);
            assert_eq!(breach(&mut Opening::new(None), bytes), told);
        }
        assert_eq!(
            breach(&mut with_key(), &Protocol::Amqp.bytes()),
            "it offers no SASL mechanism PLAIN, only none at all"
        );
        assert_eq!(
            breach(&mut with_key(), &mechanisms(&["TPM", "ANONYMOUS"])),
            "it offers no SASL mechanism PLAIN, only TPM, ANONYMOUS"
        );
        let sasl = breach(&mut Opening::new(None), &Protocol::Sasl.bytes());
        assert!(sasl.contains("wants a sign-in by SASL"), "{sasl}");
        let frame = [Protocol::Sasl.bytes().as_slice(), &[0xff; 8]].concat();
        let huge = breach(&mut with_key(), &frame);
        assert!(huge.contains("[AMQP 1.0 part 2, 2.7.1]"), "{huge}");
    }
}
