//! The MQTT topics of the device API (A.4).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

/// The only filter that a device may subscribe to.
pub const RESPONSE_FILTER: &str = "$dps/registrations/res/#";

const REGISTER: &str = "$dps/registrations/PUT/iotdps-register/";
const OPERATION_STATUS: &str = "$dps/registrations/GET/iotdps-get-operationstatus/";
const RESPONSE: &str = "$dps/registrations/res/";

/// What is escaped in topics, paths and tokens: everything but RFC 3986's unreserved characters, as
/// the SDKs' URL encoders have it.
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A topic that is none of the device API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TopicError {
    /// Not one of the two request topics.
    #[error("expected {REGISTER}?$rid=… or {OPERATION_STATUS}?$rid=…&operationId=…")]
    NotARequest,
    /// A request topic without the slash that ends its fixed part.
    #[error("the `/` before `?$rid=…` is missing; expected {0}?$rid=…")]
    Unterminated(
        /// The fixed part.
        &'static str,
    ),
    /// A request topic that breaks off.
    #[error("it ends before its time; expected {0}?$rid=…")]
    CutOff(
        /// The fixed part.
        &'static str,
    ),
    /// A request topic in other letters, and topics tell upper case from lower.
    #[error("topics tell upper case from lower; expected {0}?$rid=…")]
    Case(
        /// The fixed part.
        &'static str,
    ),
    /// Not a response topic.
    #[error("expected {RESPONSE}<status>/?$rid=…")]
    NotAResponse,
}

/// Where a device publishes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestTopic {
    /// Starts a registration, or repeats it.
    Register {
        /// The device's name for the request. Empty where the device sent none: such a request is
        /// still answered (A.4).
        rid: String,
    },
    /// Asks how an operation stands.
    OperationStatus {
        /// The device's name for the request.
        rid: String,
        /// The operation, decoded; empty where the device sent none.
        operation_id: String,
    },
}

impl FromStr for RequestTopic {
    type Err = TopicError;

    fn from_str(topic: &str) -> Result<Self, TopicError> {
        if let Some(rest) = topic.strip_prefix(REGISTER) {
            return Ok(Self::Register { rid: parameter(rest, "$rid").to_owned() });
        }
        let rest = topic.strip_prefix(OPERATION_STATUS).ok_or_else(|| near_miss(topic))?;
        let operation_id = percent_decode_str(parameter(rest, "operationId")).decode_utf8_lossy();
        Ok(Self::OperationStatus {
            rid: parameter(rest, "$rid").to_owned(),
            operation_id: operation_id.into_owned(),
        })
    }
}

/// What is wrong with a topic that is no request's, if it was meant for one.
fn near_miss(topic: &str) -> TopicError {
    let fixed = topic.split('?').next().unwrap_or_default();
    let near = |expected: &'static str| {
        let unterminated = expected.trim_end_matches('/');
        if fixed == unterminated {
            Some(TopicError::Unterminated(expected))
        } else if fixed.trim_end_matches('/').eq_ignore_ascii_case(unterminated) {
            Some(TopicError::Case(expected))
        } else {
            // Shorter ones could be the beginning of either.
            let is_beginning = expected.starts_with(fixed) && fixed.len() >= RESPONSE.len();
            is_beginning.then_some(TopicError::CutOff(expected))
        }
    };
    [REGISTER, OPERATION_STATUS].into_iter().find_map(near).unwrap_or(TopicError::NotARequest)
}

impl fmt::Display for RequestTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register { rid } => write!(f, "{REGISTER}?$rid={rid}"),
            Self::OperationStatus { rid, operation_id } => {
                let operation_id = utf8_percent_encode(operation_id, RESERVED);
                write!(f, "{OPERATION_STATUS}?$rid={rid}&operationId={operation_id}")
            }
        }
    }
}

/// Where the service publishes an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseTopic {
    /// The status, as in HTTP.
    pub status: u16,
    /// The device's name for the request.
    pub rid: String,
    /// How long the device should wait; `None` if not said, or not said as a number of seconds.
    pub retry_after: Option<Duration>,
}

impl FromStr for ResponseTopic {
    type Err = TopicError;

    fn from_str(topic: &str) -> Result<Self, TopicError> {
        let rest = topic.strip_prefix(RESPONSE).ok_or(TopicError::NotAResponse)?;
        let (status, query) = rest.split_once('/').ok_or(TopicError::NotAResponse)?;
        Ok(Self {
            status: status.parse().map_err(|_| TopicError::NotAResponse)?,
            rid: parameter(query, "$rid").to_owned(),
            retry_after: seconds(parameter(query, "retry-after")),
        })
    }
}

impl fmt::Display for ResponseTopic {
    // `$rid` first: the .NET client's pattern wants it there, and Python reads only what follows
    // the second `$`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RESPONSE}{}/?$rid={}", self.status, self.rid)?;
        match self.retry_after {
            Some(wait) => write!(f, "&retry-after={}", wait.as_secs_f64()),
            None => Ok(()),
        }
    }
}

/// The value of `name` in `?a=1&b=2`, empty if it is not there.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> &'a str {
    query
        .trim_start_matches('?')
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
        .unwrap_or_default()
}

/// Seconds, whole or fractional; anything else is unusable.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_4_request_topics_of_the_sdks() {
        let register = "$dps/registrations/PUT/iotdps-register/?$rid=7c1f".parse();
        assert_eq!(register, Ok(RequestTopic::Register { rid: "7c1f".into() }));

        let poll =
            "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=5%2E4d1a.0b7c-1";
        assert_eq!(
            poll.parse(),
            Ok(RequestTopic::OperationStatus {
                rid: "2".into(),
                operation_id: "5.4d1a.0b7c-1".into()
            })
        );
    }

    #[test]
    fn a_4_a_request_without_rid_has_an_empty_one() {
        let topic = "$dps/registrations/PUT/iotdps-register/?rid=1".parse();

        assert_eq!(topic, Ok(RequestTopic::Register { rid: String::new() }));
    }

    #[test]
    fn j_12_a_topic_that_was_meant_for_a_requests_says_what_is_wrong_with_it() {
        let told = |topic: &str| topic.parse::<RequestTopic>().unwrap_err().to_string();
        let register = "expected $dps/registrations/PUT/iotdps-register/?$rid=…";
        let poll = "expected $dps/registrations/GET/iotdps-get-operationstatus/?$rid=…";

        for (topic, expected, what) in [
            ("$dps/registrations/PUT/iotdps-register?$rid=1", register, "the `/` before `?$rid=…`"),
            ("$dps/registrations/PUT/iotdps-register", register, "the `/` before `?$rid=…`"),
            (
                "$dps/registrations/GET/iotdps-get-operationstatus?$rid=1&operationId=2",
                poll,
                "the `/` before `?$rid=…`",
            ),
            ("$dps/registrations/PUT/iotdps-regis", register, "it ends before its time"),
            ("$dps/registrations/GET/", poll, "it ends before its time"),
            ("$dps/registrations/put/iotdps-register/?$rid=1", register, "upper case from lower"),
            ("$DPS/Registrations/GET/iotdps-get-operationstatus?$rid=1", poll, "upper case"),
        ] {
            assert!(told(topic).contains(what), "{topic}: {}", told(topic));
            assert!(told(topic).ends_with(expected), "{topic}: {}", told(topic));
        }
    }

    #[test]
    fn foreign_topics_are_refused() {
        for topic in [
            "",
            "devices/x/messages/events/",
            "$dps/registrations/",
            "$dps/registrations/res/200/?$rid=1",
        ] {
            assert_eq!(topic.parse::<RequestTopic>(), Err(TopicError::NotARequest));
        }
        for topic in [
            "",
            "$dps/registrations/res/",
            "$dps/registrations/res/ok/?$rid=1",
            "$dps/registrations/res/200",
        ] {
            assert_eq!(topic.parse::<ResponseTopic>(), Err(TopicError::NotAResponse));
        }
    }

    #[test]
    fn a_6_rid_comes_first_and_retry_after_in_whole_seconds_where_it_can() {
        let topic =
            |retry_after| ResponseTopic { status: 202, rid: "1".into(), retry_after }.to_string();

        assert_eq!(
            topic(Some(Duration::from_secs(3))),
            "$dps/registrations/res/202/?$rid=1&retry-after=3"
        );
        assert_eq!(topic(Some(Duration::ZERO)), "$dps/registrations/res/202/?$rid=1&retry-after=0");
        assert_eq!(
            topic(Some(Duration::from_millis(1500))),
            "$dps/registrations/res/202/?$rid=1&retry-after=1.5"
        );
        assert_eq!(topic(None), "$dps/registrations/res/202/?$rid=1");
    }

    #[test]
    fn an_unusable_retry_after_is_none() {
        for value in ["", "soon", "-1", "NaN", "inf", "1e300", "Mon, 02 Mar 2026 08:15:30 GMT"] {
            let topic = format!("$dps/registrations/res/202/?$rid=1&retry-after={value}");
            assert_eq!(topic.parse::<ResponseTopic>().unwrap().retry_after, None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_one_side_writes_the_other_reads(rid in "[0-9a-f-]{0,36}", operation_id in "\\PC{0,40}", status in 100u16..600, millis in proptest::option::of(0u64..400_000)) {
            let request = RequestTopic::OperationStatus { rid: rid.clone(), operation_id };
            prop_assert_eq!(request.to_string().parse(), Ok(request));

            let response = ResponseTopic { status, rid, retry_after: millis.map(Duration::from_millis) };
            prop_assert_eq!(response.to_string().parse(), Ok(response));
        }

        #[test]
        fn no_topic_makes_the_parsers_panic(topic in "\\PC{0,80}", tail in "\\PC{0,40}") {
            let _ = topic.parse::<RequestTopic>();
            let _ = format!("{OPERATION_STATUS}{tail}").parse::<RequestTopic>();
            let _ = format!("{RESPONSE}{tail}").parse::<ResponseTopic>();
        }
    }
}
