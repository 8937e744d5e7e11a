//! What the frames before a connection say (part 5, section 5.3).

use super::fields::{Fields, described, descriptor, list, multiple, optional};
use super::performative::unknown;
use super::value::{Symbol, Value};
use super::violation::Violation;

const NAMES: [(u64, &str); 5] = [
    (0x40, "amqp:sasl-mechanisms:list"),
    (0x41, "amqp:sasl-init:list"),
    (0x42, "amqp:sasl-challenge:list"),
    (0x43, "amqp:sasl-response:list"),
    (0x44, "amqp:sasl-outcome:list"),
];

/// One of the five things that a frame of SASL can say.
#[derive(Clone, PartialEq, Eq)]
pub enum Sasl {
    /// The server says what it offers.
    Mechanisms(Vec<Symbol>),
    /// The client chooses.
    Init {
        /// What it chose.
        mechanism: Symbol,
        /// What it has to say first.
        response: Option<Vec<u8>>,
        /// Whom it means to have reached.
        hostname: Option<String>,
    },
    /// The server asks.
    Challenge(Vec<u8>),
    /// The client answers.
    Response(Vec<u8>),
    /// The server has decided.
    Outcome(SaslCode),
}

/// How SASL ended (section 5.3.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslCode {
    /// 0: the client may go on.
    Ok,
    /// 1: it is not who it says it is.
    Auth,
    /// 2 to 4: the system fails; for ever, or for a time.
    System(u8),
}

impl SaslCode {
    /// The code of a number; above 4 there are none, and they are taken as they are.
    pub fn of(code: u8) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::Auth,
            other => Self::System(other),
        }
    }

    fn write(self) -> Value {
        Value::Ubyte(match self {
            Self::Ok => 0,
            Self::Auth => 1,
            Self::System(code) => code,
        })
    }
}

impl Sasl {
    /// Its name in the standard.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mechanisms(_) => "sasl-mechanisms",
            Self::Init { .. } => "sasl-init",
            Self::Challenge(_) => "sasl-challenge",
            Self::Response(_) => "sasl-response",
            Self::Outcome(_) => "sasl-outcome",
        }
    }

    pub(super) fn read(value: Value) -> Result<Self, Violation> {
        let (code, value) = match value {
            Value::Described(code, value) => (code, *value),
            other => {
                return Err(Violation::NoPerformative { seen: format!("a {}", other.type_name()) });
            }
        };
        let bytes = |of, member, value| {
            let mut fields = Fields::new(of, value, 1)?;
            let bytes = fields.binary(member)?;
            fields.needed(member, bytes)
        };
        match descriptor(&code, &NAMES) {
            Some(0x40) => {
                let mut fields = Fields::new("sasl-mechanisms", value, 1)?;
                Ok(Self::Mechanisms(fields.symbols("sasl-server-mechanisms")?))
            }
            Some(0x41) => {
                let mut fields = Fields::new("sasl-init", value, 3)?;
                let mechanism = fields.symbol("mechanism")?;
                Ok(Self::Init {
                    mechanism: fields.needed("mechanism", mechanism)?,
                    response: fields.binary("initial-response")?,
                    hostname: fields.string("hostname")?,
                })
            }
            Some(0x42) => bytes("sasl-challenge", "challenge", value).map(Self::Challenge),
            Some(0x43) => bytes("sasl-response", "response", value).map(Self::Response),
            Some(0x44) => {
                let mut fields = Fields::new("sasl-outcome", value, 2)?;
                let code = fields.ubyte("code")?;
                Ok(Self::Outcome(SaslCode::of(fields.needed("code", code)?)))
            }
            _ => Err(Violation::NoPerformative { seen: unknown(&code) }),
        }
    }

    pub(super) fn write(self) -> Value {
        match self {
            Self::Mechanisms(names) => described(0x40, list(vec![multiple(names)])),
            Self::Init { mechanism, response, hostname } => described(
                0x41,
                list(vec![
                    Value::Symbol(mechanism),
                    optional(response, Value::Binary),
                    optional(hostname, Value::String),
                ]),
            ),
            Self::Challenge(bytes) => described(0x42, list(vec![Value::Binary(bytes)])),
            Self::Response(bytes) => described(0x43, list(vec![Value::Binary(bytes)])),
            Self::Outcome(code) => described(0x44, list(vec![code.write()])),
        }
    }
}

/// Without what is said in it: that is a token.
impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mechanisms(names) => f.debug_tuple("Mechanisms").field(names).finish(),
            Self::Init { mechanism, .. } => f.debug_tuple("Init").field(mechanism).finish(),
            Self::Outcome(code) => f.debug_tuple("Outcome").field(code).finish(),
            other => f.write_str(other.name()),
        }
    }
}
