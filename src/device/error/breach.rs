//! How an answer breaks the protocol.

use thiserror::Error;

use crate::device::issued::IssuedFault;
use crate::wire::IdError;

/// How an answer breaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Breach {
    /// The peer speaks something else.
    #[error("it does not speak MQTT; it sent {excerpt:?}")]
    NotMqtt {
        /// The first bytes.
        excerpt: String,
    },
    /// The peer speaks something else than AMQP 1.0.
    #[error("it does not speak AMQP 1.0; it sent {excerpt:?}")]
    NotAmqp {
        /// The first bytes.
        excerpt: String,
    },
    /// It offers no way to sign in that the device has.
    #[error("it offers no SASL mechanism {wanted}, only {}", offered_text(.offered))]
    Mechanism {
        /// What the device needs.
        wanted: &'static str,
        /// What there is.
        offered: Vec<String>,
    },
    /// It ended the connection, for it says that the device broke a rule of AMQP.
    #[error("it ended the connection with `{condition}`{}", with_text(.description.as_deref()))]
    Ended {
        /// The condition.
        condition: String,
        /// What it says of it.
        description: Option<String>,
    },
    /// The peer answers an HTTP request with something else.
    #[error("what it answers is not HTTP ({reason})")]
    NotHttp {
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else answers in the service's place.
    #[error("{status}{}", of_stranger(.server.as_deref(), *.is_html, .says.as_deref()))]
    Stranger {
        /// The answer's status.
        status: u16,
        /// What it calls itself, if it does.
        server: Option<String>,
        /// Whether its answer is a page of HTML.
        is_html: bool,
        /// How that begins, if it has any words.
        says: Option<String>,
    },
    /// Somebody else answers, and sends the device elsewhere.
    #[error("{status}{}", elsewhere(.to.as_deref()))]
    Redirected {
        /// The answer's status.
        status: u16,
        /// Where to.
        to: Option<String>,
    },
    /// A body longer than any answer of DPS.
    #[error("the body of its {status} answer is longer than {limit} bytes")]
    BodyTooLong {
        /// The answer's status.
        status: u16,
        /// How much is read.
        limit: usize,
    },
    /// A packet that MQTT does not allow, or not there.
    #[error("{reason}")]
    Packet {
        /// What is wrong with it.
        reason: String,
    },
    /// SUBACK 0x80.
    #[error("it refused the subscription to $dps/registrations/res/#")]
    SubscriptionRefused,
    /// A message on a topic that is no answer.
    #[error("it published on {topic:?}, which is no topic of the device API")]
    Topic {
        /// The topic.
        topic: String,
    },
    /// The body is no JSON.
    #[error("the body of its {status} answer is not JSON: {excerpt:?}")]
    BodyNotJson {
        /// The answer's status.
        status: u16,
        /// How the body begins.
        excerpt: String,
    },
    /// The body is JSON, but not the object that was expected.
    #[error("the body of its {status} answer cannot be used: {reason}; it begins {excerpt:?}")]
    Body {
        /// The answer's status.
        status: u16,
        /// What does not fit.
        reason: String,
        /// How the body begins.
        excerpt: String,
    },
    /// The body lacks what the device needs.
    #[error("its `{status}` answer has no `{member}`")]
    Missing {
        /// Where the registration stands, in the service's word.
        status: String,
        /// The member.
        member: String,
    },
    /// It names a hub or a device that there cannot be.
    #[error("its `{member}` is {text:?}, which is none: {reason}")]
    Name {
        /// The member.
        member: String,
        /// How what stands there begins.
        text: String,
        /// What is wrong with it.
        reason: IdError,
    },
    /// The device asked for a certificate, and what it was issued is of no use.
    #[error("the certificate that it issued cannot be used: {0}")]
    Issued(
        /// What is wrong with it.
        IssuedFault,
    ),
    /// What is to be taken by the device's TPM cannot be read.
    #[error("its `{member}` is not Base64, and so no key that a TPM could take")]
    Key {
        /// The member.
        member: &'static str,
    },
    /// It took the public keys of a TPM, which are no secret, for a proof that the device has it.
    #[error(
        "it accepted the public keys of a TPM without asking for a proof (status {status}, not 401)"
    )]
    Unchallenged {
        /// The answer's status.
        status: u16,
    },
    /// It asks a device that has proved that it has its TPM for the same again.
    #[error("it gave the TPM {times} keys to sign with in a row, and believed none of them")]
    Challenges {
        /// How often.
        times: u32,
    },
    /// It tells of another device's registration.
    #[error("it is about the device {registration_id:?}, which did not ask")]
    OtherDevice {
        /// How that device's registration ID begins.
        registration_id: String,
    },
    /// A status that a device cannot act on.
    #[error("the registration's status is {word:?}")]
    UnknownStatus {
        /// The status.
        word: String,
    },
    /// A topic status outside of 200–299 and 400–599.
    #[error("the answer's status is {status}")]
    StatusCode {
        /// The status.
        status: u16,
    },
    /// It forgot an operation twice.
    #[error("it forgot the operation twice (404203)")]
    ForgotTwice,
}

fn offered_text(offered: &[String]) -> String {
    if offered.is_empty() { "none at all".to_owned() } else { offered.join(", ") }
}

fn with_text(description: Option<&str>) -> String {
    description.map(|text| format!(": {text}")).unwrap_or_default()
}

fn of_stranger(server: Option<&str>, is_html: bool, says: Option<&str>) -> String {
    let of = server.map(|server| format!(" of `{server}`")).unwrap_or_default();
    let what = if is_html { "an HTML page" } else { "a text" };
    match says {
        Some(says) => format!(", with {what}{of} that says \"{says}\""),
        None if of.is_empty() => String::new(),
        None => format!(",{of}"),
    }
}

fn elsewhere(location: Option<&str>) -> String {
    location.map(|location| format!(", and sends the device to {location:?}")).unwrap_or_default()
}
