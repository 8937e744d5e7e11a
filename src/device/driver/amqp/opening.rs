//! What stands in front of an AMQP connection: each side's header, and SASL where there is a password or a TPM
//! (part 2, section 2.2; part 5, section 5.3). Pure.

use super::sasl_tpm::{self, Said, TpmExchange};
use super::told::{received, sent};
use crate::amqp::{
    FRAME_HEADER, Frame, Kind, MIN_MAX_FRAME, Protocol, Sasl, SaslCode, Symbol, next_frame,
};
use crate::device::error::{Breach, NetworkError, SaslRefusal};
use crate::device::exchange::{ConnectFailure, Notice};
use crate::device::traffic::AmqpFrame;
use crate::wire::sasl_tpm::Introduction;

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
    /// What follows, with a TPM.
    exchange: Option<TpmExchange>,
}

impl SignIn {
    /// By user name and password (RFC 4616).
    pub(in crate::device) fn plain(user_name: String, password: &str, hostname: String) -> Self {
        let response = Some(format!("\0{user_name}\0{password}").into_bytes());
        Self { mechanism: "PLAIN", user_name, response, hostname, exchange: None }
    }

    /// By a TPM, which has these keys (C-7).
    pub(super) fn tpm(
        user_name: String,
        introduction: &Introduction<'_>,
        storage_root_key: Vec<u8>,
        hostname: String,
    ) -> Self {
        let response = Some(introduction.write());
        let exchange = Some(TpmExchange::new(storage_root_key));
        Self { mechanism: "TPM", user_name, response, hostname, exchange }
    }
}

/// What `sasl-init` has besides the response and the host: its header, its descriptor, a list with the sizes of its
/// members, and the mechanism.
const INIT: usize = FRAME_HEADER + 32;

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    SaslHeader,
    Mechanisms,
    Outcome,
    AmqpHeader,
}

/// What came of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// More are needed.
    More,
    /// The TPM is to take the key of this, and to sign a token: [`signed`](Opening::signed).
    Sign(Vec<u8>),
    /// The sign-in is done, and the connection's header is said; the connection may be opened.
    SignedIn,
    /// The peer's header has come: what follows is the connection's.
    Done,
}

/// The opening, seen from the device.
pub(super) struct Opening {
    sign_in: Option<SignIn>,
    /// What is said to a TPM's device, once it has introduced itself.
    exchange: Option<TpmExchange>,
    stage: Stage,
}

impl Opening {
    /// With a certificate there is nothing to sign in with, and no SASL (as all SDKs of Microsoft do).
    pub(super) fn new(sign_in: Option<SignIn>) -> Self {
        let stage = if sign_in.is_some() { Stage::SaslHeader } else { Stage::AmqpHeader };
        Self { sign_in, exchange: None, stage }
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
            Stage::Outcome => match &self.exchange {
                Some(exchange) => exchange.awaits(),
                None => "the sign-in by SASL",
            },
        }
    }

    /// Says the token that the TPM has signed.
    pub(super) fn signed(
        &mut self,
        token: &str,
        outbox: &mut Vec<u8>,
        tell: &mut dyn FnMut(Notice),
    ) {
        if let Some(exchange) = &mut self.exchange {
            respond(exchange.token(token), Said::Token, outbox, tell);
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
                Stage::Outcome => match (frame(inbox)?, &mut self.exchange) {
                    (None, _) => return Ok(Turn::More),
                    (Some(Sasl::Challenge(challenge)), Some(exchange)) => {
                        tell(received(AmqpFrame::Challenge { length: challenge.len() }));
                        match exchange.take(&challenge).map_err(ConnectFailure::Broken)? {
                            sasl_tpm::Turn::Respond(response, said) => {
                                respond(response, said, outbox, tell);
                            }
                            sasl_tpm::Turn::Sign(blob) => return Ok(Turn::Sign(blob)),
                        }
                    }
                    (Some(Sasl::Outcome(code)), exchange) => {
                        let code = match code {
                            SaslCode::Ok => 0,
                            SaslCode::Auth => 1,
                            SaslCode::System(code) => code,
                        };
                        tell(received(AmqpFrame::Outcome { code }));
                        if code != 0 {
                            return Err(ConnectFailure::SaslRefused(SaslRefusal::of(code)));
                        }
                        if exchange.as_ref().is_some_and(|exchange| !exchange.is_over()) {
                            return Err(packet(
                                "it let the device in before its TPM had signed a token (C-7)",
                            ));
                        }
                        outbox.extend_from_slice(&Protocol::Amqp.bytes());
                        tell(sent(AmqpFrame::Header { sasl: false }));
                        self.stage = Stage::AmqpHeader;
                        return Ok(Turn::SignedIn);
                    }
                    (Some(other), exchange) => {
                        let has_tpm = exchange.as_ref().is_some_and(|exchange| !exchange.is_over());
                        let expected = if has_tpm { "sasl-challenge" } else { "sasl-outcome" };
                        return Err(unexpected(&other, expected));
                    }
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
        let Some(SignIn { mechanism, user_name, response, hostname, exchange }) = wanted else {
            return Err(self.no_mechanism(names));
        };
        // A TPM has shown a key so far, which is none that would let anybody in.
        let has_password = response.is_some() && exchange.is_none();
        tell(sent(AmqpFrame::Init { mechanism, user_name, has_password }));
        self.exchange = exchange;
        let mechanism = Symbol::known(mechanism);
        // With a long registration ID, a TPM's key leaves no room for more (part 2, section 2.3.1).
        let needed = response.as_ref().map_or(0, Vec::len) + hostname.len() + INIT;
        let hostname = Some(hostname).filter(|_| needed <= MIN_MAX_FRAME);
        Frame::Sasl(Sasl::Init { mechanism, response, hostname }).write(outbox);
        Ok(())
    }

    fn no_mechanism(&self, offered: Vec<String>) -> ConnectFailure {
        let wanted = self.sign_in.as_ref().map_or("ANONYMOUS", |sign_in| sign_in.mechanism);
        ConnectFailure::Broken(Breach::Mechanism { wanted, offered })
    }
}

fn respond(response: Vec<u8>, said: Said, outbox: &mut Vec<u8>, tell: &mut dyn FnMut(Notice)) {
    let says = match said {
        Said::StorageRootKey => "the storage root key",
        Said::Nothing => "nothing",
        Said::Token => "the SAS token",
    };
    tell(sent(AmqpFrame::Response { says }));
    Frame::Sasl(Sasl::Response(response)).write(outbox);
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

    fn with_tpm(registration_id: &str) -> Opening {
        let (user_name, hostname) = ("0ne1/registrations/a".to_owned(), "a".repeat(39));
        let endorsement_key = [7; 316];
        let introduction = Introduction {
            id_scope: "0ne1".into(),
            registration_id: registration_id.into(),
            endorsement_key: &endorsement_key,
        };
        Opening::new(Some(SignIn::tpm(user_name, &introduction, vec![8; 284], hostname)))
    }

    fn challenge(bytes: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        Frame::Sasl(Sasl::Challenge(bytes.to_vec())).write(&mut frame);
        frame
    }

    /// The SASL frames of what was said.
    fn said(mut bytes: &[u8]) -> Vec<Sasl> {
        let mut all = Vec::new();
        while let Some((Frame::Sasl(sasl), size)) =
            next_frame(bytes, Kind::Sasl, MIN_MAX_FRAME).unwrap()
        {
            all.push(sasl);
            bytes = &bytes[size..];
        }
        all
    }

    #[test]
    fn c_7_a_device_with_a_tpm_is_let_in_when_its_tpm_has_signed() {
        let mut tpm = with_tpm("pump");

        let (turn, introduction) = take(&mut tpm, &mechanisms(&["PLAIN", "TPM"]));
        assert_eq!(turn.unwrap(), Turn::More);
        let introduction = said(&introduction);
        let [Sasl::Init { mechanism, response: Some(response), hostname: Some(_) }] =
            &introduction[..]
        else {
            panic!()
        };
        assert_eq!((mechanism.as_str(), response.len()), ("TPM", 327));
        assert_eq!(tpm.awaits(), "the answer to the endorsement key");
        let (turn, key) = take(&mut tpm, &challenge(&[0]));
        assert_eq!(turn.unwrap(), Turn::More);
        assert!(matches!(&said(&key)[..], [Sasl::Response(key)] if key.len() == 285));
        let (turn, nothing) = take(&mut tpm, &challenge(b"\x80one "));
        assert_eq!((turn.unwrap(), said(&nothing)), (Turn::More, vec![Sasl::Response(vec![0])]));
        let (turn, nothing) = take(&mut tpm, &challenge(b"\xC1two"));
        assert_eq!((turn.unwrap(), nothing), (Turn::Sign(b"one two".to_vec()), Vec::new()));
        let mut token = Vec::new();
        tpm.signed("a token", &mut token, &mut |_| {});
        assert_eq!(said(&token), [Sasl::Response(b"\0a token".to_vec())]);
        assert_eq!(take(&mut tpm, &outcome(SaslCode::Ok)).0.unwrap(), Turn::SignedIn);
    }

    #[test]
    fn c_7_a_service_that_does_not_keep_to_the_exchange_is_told_so() {
        let begun = mechanisms(&["TPM"]);
        for (frames, told) in [
            (outcome(SaslCode::Ok), "it let the device in before its TPM had signed a token (C-7)"),
            (challenge(b"x"), "its first challenge by TPM is 1 byte, and not one byte 0 (C-7)"),
            (
                mechanisms(&[])[8..].to_vec(),
                "it sent sasl-mechanisms where sasl-challenge was expected",
            ),
        ] {
            assert_eq!(breach(&mut with_tpm("pump"), &[&begun[..], &frames].concat()), told);
        }
        let refused = [begun, outcome(SaslCode::Auth)].concat();
        let (turn, _) = take(&mut with_tpm("pump"), &refused);
        assert!(matches!(turn, Err(ConnectFailure::SaslRefused(SaslRefusal::Credentials))));
        let asked = [mechanisms(&["PLAIN"]), challenge(&[0])].concat();
        let told = "it sent sasl-challenge where sasl-outcome was expected";
        assert_eq!(breach(&mut with_key(), &asked), told);
    }

    #[test]
    fn j_418_a_long_registration_id_leaves_the_host_out_of_a_frame_that_is_full() {
        for (length, has_hostname) in [(100, true), (128, false)] {
            let (_, bytes) = take(&mut with_tpm(&"a".repeat(length)), &mechanisms(&["TPM"]));

            assert!(bytes.len() <= MIN_MAX_FRAME, "{length}: {}", bytes.len());
            assert!(
                matches!(&said(&bytes)[..], [Sasl::Init { hostname, .. }] if hostname.is_some() == has_hostname),
                "{length}"
            );
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
