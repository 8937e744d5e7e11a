//! How SASL ends where it does not end well.

use std::fmt;

/// Why a server does not let a device past SASL (AMQP 1.0 part 5, section 5.3.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslRefusal {
    /// Code 1: it does not believe who the device says it is.
    Credentials,
    /// Code 2: something broke on its side.
    System,
    /// Code 3: something is broken on its side, and stays so.
    Permanent,
    /// Code 4: something is broken on its side for a while.
    Temporary,
    /// A code that the standard does not have.
    Unknown(u8),
}

impl SaslRefusal {
    /// The code.
    pub fn code(self) -> u8 {
        match self {
            Self::Credentials => 1,
            Self::System => 2,
            Self::Permanent => 3,
            Self::Temporary => 4,
            Self::Unknown(code) => code,
        }
    }

    /// What a code other than 0 means.
    pub(in crate::device) fn of(code: u8) -> Self {
        match code {
            1 => Self::Credentials,
            2 => Self::System,
            3 => Self::Permanent,
            4 => Self::Temporary,
            code => Self::Unknown(code),
        }
    }
}

impl fmt::Display for SaslRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Credentials => "the credentials are not accepted",
            Self::System => "something broke on the server's side",
            Self::Permanent => "something is broken on the server's side, and stays so",
            Self::Temporary => "something is broken on the server's side for a while",
            Self::Unknown(_) => "a code that AMQP does not have",
        };
        write!(f, "{} ({words})", self.code())
    }
}
