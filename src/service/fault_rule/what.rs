//! What happens when a rule strikes.

use std::time::Duration;

use super::place::FaultPlace;
use crate::service::authority::CertificateFlaw;

/// What happens: something of the answer is another, it comes late, or something else happens to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct What {
    /// The status that is told; from 400 on an error in place of the answer.
    pub status: Option<u16>,
    /// The code of that error.
    pub code: Option<u32>,
    /// Its message.
    pub message: Option<String>,
    /// What is told in place of the seconds to wait.
    pub retry_after: Option<RetryAfter>,
    /// How much later the answer comes.
    pub delay: Option<Duration>,
    /// What else happens.
    pub deed: Option<Deed>,
}

/// What is told of the wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// Nothing.
    Absent,
    /// This, whether it is a number or not.
    Text(String),
}

/// What else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed {
    /// Nothing is done, and nothing is said.
    Silence,
    /// The connection is closed in place of an answer, in order.
    Close,
    /// The same with a TCP reset.
    Reset,
    /// The answer ends after so many bytes, and the connection with it.
    Truncate(u32),
    /// What was asked for is done, and never told.
    LoseAnswer,
    /// The answer comes twice.
    Duplicate,
    /// The answer comes after that to the next request.
    Late,
    /// The answer names another request.
    WrongRid,
    /// The answer's JSON breaks off.
    BrokenJson,
    /// The answer lacks its operation ID.
    NoOperationId,
    /// The answer has a status that nobody knows.
    UnknownStatus,
    /// The answer is a page for browsers.
    Html,
    /// The answer has no body.
    Empty,
    /// The answer has members that no document has.
    UnknownMembers,
    /// So many polls of an operation are told that it is in progress.
    Assigning(u32),
    /// The operation is not known any more.
    ForgetOperation,
    /// The answer assigns a hub that is not there.
    UnknownHub,
    /// The answer says that the hub is spoken to by this profile.
    ConnectionProfile(ToldProfile),
    /// The certificates that were issued are written otherwise.
    ChainEncoding(ChainEncoding),
    /// The chain that is issued has so many certificates.
    ChainLength(u8),
    /// The certificate that is issued is valid for so long.
    IssuedValidity(Duration),
    /// The service says no more than so many bytes a second.
    Slow(u32),
    /// The TLS handshake ends with this alert.
    TlsAlert(u8),
    /// The service shows a certificate that no client may accept.
    Certificate(CertificateFlaw),
    /// The service judges by a clock that is so many seconds ahead.
    Clock(i64),
    /// CONNACK has this return code.
    Connack(u8),
    /// SUBACK has this return code for every filter.
    Suback(u8),
    /// SASL ends with this code.
    SaslOutcome(u8),
    /// The link is refused with this condition.
    Detach(&'static str),
}

/// The connection profile that is told of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldProfile {
    /// That of every hub of old.
    Classic,
    /// MQTT 5.
    MqttV5,
    /// One that no document has.
    Unknown,
}

/// How the certificates that were issued are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainEncoding {
    /// As PEM.
    Pem,
    /// As Base64 of PEM.
    PemBase64,
}

impl ToldProfile {
    /// All of them.
    pub(in crate::service) const ALL: [Self; 3] = [Self::Classic, Self::MqttV5, Self::Unknown];

    /// The word for it in a rule.
    pub(in crate::service) fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::MqttV5 => "mqttV5",
            Self::Unknown => "unknown",
        }
    }

    /// What a device is told.
    pub(in crate::service) fn told(self) -> &'static str {
        match self {
            Self::Unknown => "carrierPigeon",
            known => known.as_str(),
        }
    }
}

impl ChainEncoding {
    /// All of them.
    pub(in crate::service) const ALL: [Self; 2] = [Self::Pem, Self::PemBase64];

    /// The word for it in a rule.
    pub(in crate::service) fn as_str(self) -> &'static str {
        match self {
            Self::Pem => "pem",
            Self::PemBase64 => "pem-base64",
        }
    }
}

/// When it is known of a request whether something can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// As soon as it is there.
    Request,
    /// Once there is an answer, for it depends on what is in that.
    Answer,
}

impl What {
    /// When it is known whether it can happen.
    pub(in crate::service) fn stage(&self, place: FaultPlace) -> Stage {
        let tells_wait_alone =
            self.retry_after.is_some() && self.status.is_none() && self.delay.is_none();
        match self.deed {
            _ if place.is_one_moment() => Stage::Request,
            Some(
                Deed::NoOperationId
                | Deed::UnknownStatus
                | Deed::UnknownHub
                | Deed::ConnectionProfile(_)
                | Deed::ChainEncoding(_),
            ) => Stage::Answer,
            Some(Deed::ForgetOperation) if place == FaultPlace::Register => Stage::Answer,
            None if tells_wait_alone && !self.is_error() => Stage::Answer,
            _ => Stage::Request,
        }
    }

    /// Whether it tells of an error.
    pub(in crate::service) fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 400) || self.code.is_some()
    }
}
