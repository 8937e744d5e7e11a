//! Members of what is written as a list behind a descriptor: performatives, sections, outcomes
//! (part 1, section 1.4).
//!
//! Members at the end may be left out, and each may be null, which is the same.

use super::value::{Symbol, Value};
use super::violation::Violation;

/// The members of one composite, taken in their order.
pub(super) struct Fields {
    of: &'static str,
    values: std::vec::IntoIter<Value>,
}

/// Makes a method that takes the next member if it has one type.
macro_rules! takes {
    ($(#[$doc:meta] $name:ident: $variant:ident -> $type:ty, $expected:literal;)*) => {
        $(
            #[$doc]
            pub(super) fn $name(&mut self, member: &'static str) -> Result<Option<$type>, Violation> {
                match self.next() {
                    Value::Null => Ok(None),
                    Value::$variant(value) => Ok(Some(value)),
                    other => Err(self.mismatch(member, $expected, &other)),
                }
            }
        )*
    };
}

impl Fields {
    /// The members in a list.
    ///
    /// # Errors
    ///
    /// If it is no list, or has more members than there are.
    pub(super) fn new(of: &'static str, value: Value, known: usize) -> Result<Self, Violation> {
        match value {
            Value::List(values) if values.len() > known => {
                Err(Violation::Members { of, known, seen: values.len() })
            }
            Value::List(values) => Ok(Self { of, values: values.into_iter() }),
            other => Err(Violation::Type {
                of,
                member: "all",
                expected: "list",
                seen: other.type_name(),
            }),
        }
    }

    fn next(&mut self) -> Value {
        self.values.next().unwrap_or(Value::Null)
    }

    fn mismatch(&self, member: &'static str, expected: &'static str, seen: &Value) -> Violation {
        Violation::Type { of: self.of, member, expected, seen: seen.type_name() }
    }

    /// Any value.
    pub(super) fn any(&mut self) -> Value {
        self.next()
    }

    /// Passes over a member that nobody here needs.
    pub(super) fn skip(&mut self) {
        self.next();
    }

    takes! {
        /// True or false.
        boolean: Boolean -> bool, "boolean";
        /// 8 bits.
        ubyte: Ubyte -> u8, "ubyte";
        /// 16 bits.
        ushort: Ushort -> u16, "ushort";
        /// 32 bits.
        uint: Uint -> u32, "uint";
        /// 64 bits.
        ulong: Ulong -> u64, "ulong";
        /// Milliseconds since 1970.
        timestamp: Timestamp -> i64, "timestamp";
        /// Bytes.
        binary: Binary -> Vec<u8>, "binary";
        /// Text.
        string: String -> String, "string";
        /// A name.
        symbol: Symbol -> Symbol, "symbol";
        /// Keys and values.
        map: Map -> Vec<(Value, Value)>, "map";
    }

    /// One symbol or an array of them, as members of type symbol that may be multiple are written.
    pub(super) fn symbols(&mut self, member: &'static str) -> Result<Vec<Symbol>, Violation> {
        match self.next() {
            Value::Null => Ok(Vec::new()),
            Value::Symbol(symbol) => Ok(vec![symbol]),
            Value::Array(values) => values
                .into_iter()
                .map(|value| match value {
                    Value::Symbol(symbol) => Ok(symbol),
                    other => Err(self.mismatch(member, "symbol", &other)),
                })
                .collect(),
            other => Err(self.mismatch(member, "symbol", &other)),
        }
    }

    /// That a member which must be there is there.
    pub(super) fn needed<T>(&self, member: &'static str, value: Option<T>) -> Result<T, Violation> {
        value.ok_or(Violation::Missing { of: self.of, member })
    }
}

/// Members to be written; nulls at the end are left out.
pub(super) fn list(mut values: Vec<Value>) -> Value {
    let used = values.iter().rposition(|value| *value != Value::Null).map_or(0, |last| last + 1);
    values.truncate(used);
    Value::List(values)
}

/// A value behind the number that says what it is.
pub(super) fn described(code: u64, value: Value) -> Value {
    Value::Described(Box::new(Value::Ulong(code)), Box::new(value))
}

/// A member that may be left out.
pub(super) fn optional<T>(value: Option<T>, of: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, of)
}

/// A map that is left out if there is nothing in it: some clients take an empty one for a failure.
pub(super) fn filled(map: Vec<(Value, Value)>) -> Value {
    if map.is_empty() { Value::Null } else { Value::Map(map) }
}

/// Symbols as a member that may be multiple.
pub(super) fn multiple(symbols: Vec<Symbol>) -> Value {
    match symbols.len() {
        0 => Value::Null,
        _ => Value::Array(symbols.into_iter().map(Value::Symbol).collect()),
    }
}

/// What a described value is, by the number or the name that stands in front.
pub(super) fn descriptor(value: &Value, names: &[(u64, &str)]) -> Option<u64> {
    match value {
        Value::Ulong(code) => names.iter().map(|(known, _)| *known).find(|known| known == code),
        Value::Symbol(symbol) => {
            names.iter().find(|(_, name)| *name == symbol.as_str()).map(|(code, _)| *code)
        }
        _ => None,
    }
}
