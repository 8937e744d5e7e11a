//! The return codes of an MQTT 3.1.1 CONNACK (section 3.2.2.3 of the standard).

use std::fmt;

/// How the service answers a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ConnectCode {
    /// The session is open.
    Accepted = 0,
    /// The protocol level is not 3.1.1's.
    UnacceptableProtocolVersion = 1,
    /// The client ID is not allowed.
    IdentifierRejected = 2,
    /// DPS's answer to an unknown ID scope (A.6).
    ServerUnavailable = 3,
    /// User name or password are malformed.
    BadUserNameOrPassword = 4,
    /// The client may not connect; client ID and user name disagree (A.6).
    NotAuthorized = 5,
}

impl fmt::Display for ConnectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::UnacceptableProtocolVersion => "unacceptable protocol version",
            Self::IdentifierRejected => "identifier rejected",
            Self::ServerUnavailable => "server unavailable",
            Self::BadUserNameOrPassword => "bad user name or password",
            Self::NotAuthorized => "not authorized",
        })
    }
}
