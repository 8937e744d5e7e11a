//! The opening handshake of MQTT over WebSocket, as a pure function of a request's head (A-2,
//! RFC 6455 section 4.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{
    AsHeaderName, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Response, StatusCode};

use super::answer_body::AnswerBody;
use super::reply::{self, Answer};
use crate::net::websocket_accept;
use crate::sources::Sources;
use crate::wire::{AMQP_SUBPROTOCOL, ErrorCode};

/// The one version there is.
const VERSION: &str = "13";
/// Our own number (J-61).
const UPGRADE_REQUIRED: ErrorCode = ErrorCode(426_000);

/// What is spoken on a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Mqtt,
    Amqp,
}

impl Spoken {
    /// By the name of a subprotocol, whatever its case.
    fn of(word: &str) -> Option<Self> {
        let names = [("mqtt", Self::Mqtt), (AMQP_SUBPROTOCOL, Self::Amqp)];
        names.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, it)| it)
    }
}

/// Why a WebSocket is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another version of WebSocket.
    Version,
    /// No key, or a bad one.
    Key,
    /// Neither MQTT nor AMQP among the subprotocols.
    Subprotocol,
}

impl Refusal {
    /// What is wrong, and what was expected.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Version => "Sec-WebSocket-Version must be 13",
            Self::Key => "Sec-WebSocket-Key must be 16 bytes in Base64",
            Self::Subprotocol => {
                "the subprotocols served are mqtt and AMQPWSB10; Sec-WebSocket-Protocol offers neither (A-2)"
            }
        }
    }

    /// The same for the client.
    pub(super) fn answer(self, sources: &Sources) -> Answer {
        match self {
            Self::Key | Self::Subprotocol => {
                reply::error(sources, ErrorCode::BAD_REQUEST, self.reason())
            }
            Self::Version => {
                let mut answer = reply::error(sources, UPGRADE_REQUIRED, self.reason());
                let headers = answer.headers_mut();
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                answer
            }
        }
    }
}

/// The answer to a request that wants a WebSocket; `None` for all others. The path does not
/// matter, nor does the query. Extensions are left unanswered, and so are not in use.
pub(super) fn offer(
    method: &Method,
    headers: &HeaderMap,
) -> Option<Result<(Answer, Spoken), Refusal>> {
    let is_offer = method == Method::GET
        && list(headers, UPGRADE).any(|word| word.eq_ignore_ascii_case("websocket"))
        && list(headers, CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade"));
    is_offer.then(|| accept(headers))
}

fn accept(headers: &HeaderMap) -> Result<(Answer, Spoken), Refusal> {
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(Refusal::Version);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Refusal::Key)?.as_bytes();
    if STANDARD.decode(key).map(|key| key.len()) != Ok(16) {
        return Err(Refusal::Key);
    }
    let accept = HeaderValue::try_from(websocket_accept(key)).map_err(|_| Refusal::Key)?;
    // In the client's own spelling: Node compares it, and the C SDK writes MQTT in capitals. Of both,
    // the one that the client names first.
    let (subprotocol, spoken) = list(headers, SEC_WEBSOCKET_PROTOCOL)
        .find_map(|word| Some((HeaderValue::from_str(word).ok()?, Spoken::of(word)?)))
        .ok_or(Refusal::Subprotocol)?;
    let mut answer = Response::new(AnswerBody::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answered = answer.headers_mut();
    answered.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answered.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answered.insert(SEC_WEBSOCKET_ACCEPT, accept);
    answered.insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    Ok((answer, spoken))
}

/// The elements of a header that is a list, spread over several lines or not.
fn list(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn answered(
        headers: &[(&'static str, &'static str)],
    ) -> Option<Result<(Answer, Spoken), Refusal>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        offer(&Method::GET, &map)
    }

    fn with_subprotocol(value: &'static str) -> Result<(Answer, Spoken), Refusal> {
        answered(&[
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("sec-websocket-protocol", value),
        ])
        .expect("an offer")
    }

    #[test]
    fn a_2_subprotocols_are_found_whatever_their_case_and_echoed_as_they_came() {
        for (offered, echoed, is_spoken) in [
            ("mqtt", "mqtt", Spoken::Mqtt),
            ("MQTT", "MQTT", Spoken::Mqtt),
            ("chat, Mqtt", "Mqtt", Spoken::Mqtt),
            ("mqtt,MQTT", "mqtt", Spoken::Mqtt),
            ("AMQPWSB10", "AMQPWSB10", Spoken::Amqp),
            ("amqpwsb10, mqtt", "amqpwsb10", Spoken::Amqp),
            ("mqtt, AMQPWSB10", "mqtt", Spoken::Mqtt),
        ] {
            let (answer, spoken) = with_subprotocol(offered).unwrap();
            assert_eq!(spoken, is_spoken, "{offered}");

            assert_eq!(answer.status(), 101);
            assert_eq!(answer.headers()["sec-websocket-protocol"], echoed);
            assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            assert!(!answer.headers().contains_key("sec-websocket-extensions"));
        }
    }

    #[test]
    fn a_2_other_subprotocols_are_refused() {
        for offered in ["AMQPWSB", "", "mqttx"] {
            assert_eq!(with_subprotocol(offered).unwrap_err(), Refusal::Subprotocol);
        }
    }

    #[test]
    fn handshakes_that_rfc_6455_refuses() {
        let base = [("upgrade", "websocket"), ("connection", "upgrade")];
        let with = |more: &[(&'static str, &'static str)]| answered(&[&base[..], more].concat());

        let refused = |more: &[_]| with(more).unwrap().unwrap_err();
        let version = ("sec-websocket-version", "13");
        assert_eq!(refused(&[("sec-websocket-version", "8")]), Refusal::Version);
        assert_eq!(refused(&[version]), Refusal::Key);
        assert_eq!(refused(&[version, ("sec-websocket-key", "c2hvcnQ=")]), Refusal::Key);
        assert_eq!(
            Refusal::Version.answer(&Sources::default()).headers()["sec-websocket-version"],
            "13"
        );
        assert_eq!(Refusal::Subprotocol.answer(&Sources::default()).status(), 400);
    }

    #[test]
    fn other_requests_are_no_offer() {
        assert!(answered(&[("connection", "keep-alive")]).is_none());
        assert!(answered(&[("connection", "upgrade"), ("upgrade", "h2c")]).is_none());
        assert!(offer(&Method::PUT, &HeaderMap::new()).is_none());
    }
}
