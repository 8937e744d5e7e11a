//! The two ends of a link: where messages come from, and where they go (part 3, section 3.5).

use super::fields::{Fields, described, descriptor, list};
use super::value::Value;
use super::violation::Violation;

const SOURCE: u64 = 0x28;
const TARGET: u64 = 0x29;
const COORDINATOR: u64 = 0x30;
const NAMES: [(u64, &str); 3] = [
    (SOURCE, "amqp:source:list"),
    (TARGET, "amqp:target:list"),
    (COORDINATOR, "amqp:coordinator:list"),
];

/// One end of a link. Of all that the standard lets it have, only the address says something to
/// devices and services; the rest is read over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terminus {
    /// The name of the node.
    pub address: Option<String>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Target,
}

impl Terminus {
    /// An end with an address.
    pub fn at(address: impl Into<String>) -> Self {
        Self { address: Some(address.into()) }
    }

    pub(super) fn read(end: End, value: Value) -> Result<Option<Self>, Violation> {
        let of = match end {
            End::Source => "a source",
            End::Target => "a target",
        };
        let (code, value) = match value {
            Value::Null => return Ok(None),
            Value::Described(code, value) => (code, *value),
            other => {
                let seen = other.type_name();
                return Err(Violation::Type {
                    of,
                    member: "all",
                    expected: "described list",
                    seen,
                });
            }
        };
        let known = match (end, descriptor(&code, &NAMES)) {
            (End::Source, Some(SOURCE)) => 11,
            (End::Target, Some(TARGET)) => 7,
            // Transactions, which nobody here has: an end without an address.
            (End::Target, Some(COORDINATOR)) => return Ok(Some(Self::default())),
            _ => {
                let seen = "something else";
                return Err(Violation::Type { of, member: "descriptor", expected: of, seen });
            }
        };
        let mut fields = Fields::new(of, value, known)?;
        // An address may have any type; one that is no text is nobody's here.
        let address = fields.any().as_text().map(str::to_owned);
        Ok(Some(Self { address }))
    }

    pub(super) fn write(self, end: End) -> Value {
        let code = match end {
            End::Source => SOURCE,
            End::Target => TARGET,
        };
        described(code, list(vec![self.address.map_or(Value::Null, Value::String)]))
    }
}
