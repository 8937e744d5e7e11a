//! Values of the types that the standard has (part 1, section 1.6).

use std::borrow::Cow;
use std::fmt;

/// Text of ASCII that names something which the standard, or a convention beside it, defines
/// (section 1.6.21).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(Cow<'static, str>);

impl Symbol {
    /// A symbol that the code knows.
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Takes text of ASCII; nothing else is a symbol.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        text.is_ascii().then_some(Self(Cow::Owned(text)))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":{}", self.0)
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value with its type.
///
/// Numbers with a fraction are kept as the bits they came in: nobody here calculates with them, and
/// so values can be compared.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, or in a list: what is left out.
    Null,
    /// True or false.
    Boolean(bool),
    /// 8 bits without sign.
    Ubyte(u8),
    /// 16 bits without sign.
    Ushort(u16),
    /// 32 bits without sign.
    Uint(u32),
    /// 64 bits without sign.
    Ulong(u64),
    /// 8 bits.
    Byte(i8),
    /// 16 bits.
    Short(i16),
    /// 32 bits.
    Int(i32),
    /// 64 bits.
    Long(i64),
    /// IEEE 754 binary32, its bits.
    Float(u32),
    /// IEEE 754 binary64, its bits.
    Double(u64),
    /// IEEE 754 decimal32, decimal64 or decimal128: 4, 8 or 16 bytes.
    Decimal(Vec<u8>),
    /// One character.
    Char(char),
    /// Milliseconds since 1970, UTC.
    Timestamp(i64),
    /// A UUID (RFC 4122, section 4.1.2).
    Uuid([u8; 16]),
    /// Bytes.
    Binary(Vec<u8>),
    /// Text.
    String(String),
    /// A name.
    Symbol(Symbol),
    /// Values of any types, in order.
    List(Vec<Value>),
    /// Keys and their values, in the order in which they came.
    Map(Vec<(Value, Value)>),
    /// Values of one type, in order.
    Array(Vec<Value>),
    /// A value with what it means in front.
    Described(Box<Value>, Box<Value>),
}

impl Value {
    /// Text, as a string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// A symbol that the code knows.
    pub const fn symbol(name: &'static str) -> Self {
        Self::Symbol(Symbol::known(name))
    }

    /// The text of a string or of a symbol.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Symbol(symbol) => Some(symbol.as_str()),
            _ => None,
        }
    }

    /// What its type is called in the standard.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Ubyte(_) => "ubyte",
            Self::Ushort(_) => "ushort",
            Self::Uint(_) => "uint",
            Self::Ulong(_) => "ulong",
            Self::Byte(_) => "byte",
            Self::Short(_) => "short",
            Self::Int(_) => "int",
            Self::Long(_) => "long",
            Self::Float(_) => "float",
            Self::Double(_) => "double",
            Self::Decimal(_) => "decimal",
            Self::Char(_) => "char",
            Self::Timestamp(_) => "timestamp",
            Self::Uuid(_) => "uuid",
            Self::Binary(_) => "binary",
            Self::String(_) => "string",
            Self::Symbol(_) => "symbol",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Array(_) => "array",
            Self::Described(..) => "described value",
        }
    }
}

/// The type alone: a value may be a token or a key.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol(symbol) => symbol.fmt(f),
            other => f.write_str(other.type_name()),
        }
    }
}
