//! Bytes to values (part 1, sections 1.2 and 1.6).

use super::code;
use super::value::{Symbol, Value};
use super::violation::Violation;

/// How deep values may be nested. No performative needs more than six; a stack must not be for
/// strangers to use up.
const DEPTH: usize = 16;

/// Elements of an array may need no bytes at all (`true`, or a list of nothing): so many of them
/// are taken, for otherwise six bytes are 4,000,000,000 values.
const MAX_EMPTY_ELEMENTS: usize = 256;

/// Each element of an array is given the descriptor that is written once: a long one would make a lot
/// of memory of few bytes. A name of the standard has 30 bytes, a number 9.
const MAX_ARRAY_DESCRIPTOR: usize = 128;

/// For the same reason: so many described elements of an array are taken. Nobody sends any.
const MAX_DESCRIBED_ELEMENTS: usize = 256;

/// Bytes that are still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

/// Reads one value, and how many bytes it has.
///
/// # Errors
///
/// Says which rule of the standard the bytes break.
pub fn read_value(bytes: &[u8]) -> Result<(Value, usize), Violation> {
    let mut cursor = Cursor::new(bytes);
    let value = cursor.value()?;
    Ok((value, bytes.len() - cursor.left()))
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<Value, Violation> {
        self.value_at(0)
    }

    fn value_at(&mut self, depth: usize) -> Result<Value, Violation> {
        if depth > DEPTH {
            return Err(Violation::Depth { limit: DEPTH });
        }
        match self.byte("a format code")? {
            code::DESCRIBED => {
                let descriptor = self.value_at(depth + 1)?;
                let value = self.value_at(depth + 1)?;
                Ok(Value::Described(Box::new(descriptor), Box::new(value)))
            }
            code => self.value_of(code, depth),
        }
    }

    /// A value whose format code was read.
    fn value_of(&mut self, code: u8, depth: usize) -> Result<Value, Violation> {
        Ok(match code {
            code::NULL => Value::Null,
            code::TRUE => Value::Boolean(true),
            code::FALSE => Value::Boolean(false),
            code::BOOLEAN => match self.byte("a boolean")? {
                0 => Value::Boolean(false),
                1 => Value::Boolean(true),
                seen => return Err(Violation::Boolean { seen }),
            },
            code::UBYTE => Value::Ubyte(self.byte("a ubyte")?),
            code::USHORT => Value::Ushort(u16::from_be_bytes(self.array("a ushort")?)),
            code::UINT_0 => Value::Uint(0),
            code::SMALL_UINT => Value::Uint(self.byte("a uint")?.into()),
            code::UINT => Value::Uint(u32::from_be_bytes(self.array("a uint")?)),
            code::ULONG_0 => Value::Ulong(0),
            code::SMALL_ULONG => Value::Ulong(self.byte("a ulong")?.into()),
            code::ULONG => Value::Ulong(u64::from_be_bytes(self.array("a ulong")?)),
            code::BYTE => Value::Byte(i8::from_be_bytes(self.array("a byte")?)),
            code::SHORT => Value::Short(i16::from_be_bytes(self.array("a short")?)),
            code::SMALL_INT => Value::Int(i8::from_be_bytes(self.array("an int")?).into()),
            code::INT => Value::Int(i32::from_be_bytes(self.array("an int")?)),
            code::SMALL_LONG => Value::Long(i8::from_be_bytes(self.array("a long")?).into()),
            code::LONG => Value::Long(i64::from_be_bytes(self.array("a long")?)),
            code::FLOAT => Value::Float(u32::from_be_bytes(self.array("a float")?)),
            code::DOUBLE => Value::Double(u64::from_be_bytes(self.array("a double")?)),
            code::DECIMAL_32 => Value::Decimal(self.bytes(4, "a decimal32")?.to_vec()),
            code::DECIMAL_64 => Value::Decimal(self.bytes(8, "a decimal64")?.to_vec()),
            code::DECIMAL_128 => Value::Decimal(self.bytes(16, "a decimal128")?.to_vec()),
            code::CHAR => {
                let seen = u32::from_be_bytes(self.array("a char")?);
                Value::Char(char::from_u32(seen).ok_or(Violation::Char { seen })?)
            }
            code::TIMESTAMP => Value::Timestamp(i64::from_be_bytes(self.array("a timestamp")?)),
            code::UUID => Value::Uuid(self.array("a uuid")?),
            code::BINARY_8 => Value::Binary(self.sized_8("a binary")?.to_vec()),
            code::BINARY_32 => Value::Binary(self.sized_32("a binary")?.to_vec()),
            code::STRING_8 => string(self.sized_8("a string")?)?,
            code::STRING_32 => string(self.sized_32("a string")?)?,
            code::SYMBOL_8 => symbol(self.sized_8("a symbol")?)?,
            code::SYMBOL_32 => symbol(self.sized_32("a symbol")?)?,
            code::LIST_0 => Value::List(Vec::new()),
            code::LIST_8 => list(Compound::small(self, "list")?, depth)?,
            code::LIST_32 => list(Compound::large(self, "list")?, depth)?,
            code::MAP_8 => map(Compound::small(self, "map")?, depth)?,
            code::MAP_32 => map(Compound::large(self, "map")?, depth)?,
            code::ARRAY_8 => array(Compound::small(self, "array")?, depth)?,
            code::ARRAY_32 => array(Compound::large(self, "array")?, depth)?,
            code => return Err(Violation::FormatCode { code }),
        })
    }

    fn bytes(&mut self, needed: usize, what: &'static str) -> Result<&'a [u8], Violation> {
        let left = self.rest.len();
        let (bytes, rest) =
            self.rest.split_at_checked(needed).ok_or(Violation::Short { what, needed, left })?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Violation> {
        let left = self.rest.len();
        let (bytes, rest) =
            self.rest.split_first_chunk().ok_or(Violation::Short { what, needed: N, left })?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, Violation> {
        self.array(what).map(|[byte]| byte)
    }

    fn length(&mut self, what: &'static str) -> Result<usize, Violation> {
        // What does not fit into a usize is not there either.
        Ok(u32::from_be_bytes(self.array(what)?).try_into().unwrap_or(usize::MAX))
    }

    fn sized_8(&mut self, what: &'static str) -> Result<&'a [u8], Violation> {
        let length = self.byte(what)?;
        self.bytes(length.into(), what)
    }

    fn sized_32(&mut self, what: &'static str) -> Result<&'a [u8], Violation> {
        let length = self.length(what)?;
        self.bytes(length, what)
    }
}

fn string(bytes: &[u8]) -> Result<Value, Violation> {
    std::str::from_utf8(bytes)
        .map(Value::text)
        .map_err(|error| Violation::Utf8 { offset: error.valid_up_to() })
}

fn symbol(bytes: &[u8]) -> Result<Value, Violation> {
    let text = std::str::from_utf8(bytes).map_err(|_| Violation::Symbol)?;
    Symbol::new(text).map(Value::Symbol).ok_or(Violation::Symbol)
}

/// A list, map or array behind its size and count (section 1.2.3).
struct Compound<'a> {
    what: &'static str,
    count: usize,
    body: Cursor<'a>,
}

impl<'a> Compound<'a> {
    fn small(cursor: &mut Cursor<'a>, what: &'static str) -> Result<Self, Violation> {
        let mut body = Cursor::new(cursor.sized_8(what)?);
        let count = body.byte("the count of values")?.into();
        Ok(Self { what, count, body })
    }

    fn large(cursor: &mut Cursor<'a>, what: &'static str) -> Result<Self, Violation> {
        let mut body = Cursor::new(cursor.sized_32(what)?);
        let count = body.length("the count of values")?;
        Ok(Self { what, count, body })
    }

    /// Every value of a list or map has a byte at least.
    fn check_count(&self) -> Result<(), Violation> {
        let bytes = self.body.left();
        if self.count > bytes {
            return Err(Violation::Count { what: self.what, count: self.count, bytes });
        }
        Ok(())
    }

    fn check_end(&self, size: usize) -> Result<(), Violation> {
        match self.body.left() {
            0 => Ok(()),
            left => Err(Violation::Size { what: self.what, announced: size, used: size - left }),
        }
    }
}

fn list(mut compound: Compound<'_>, depth: usize) -> Result<Value, Violation> {
    compound.check_count()?;
    let size = compound.body.left();
    let values = (0..compound.count)
        .map(|_| compound.body.value_at(depth + 1))
        .collect::<Result<Vec<_>, _>>()?;
    compound.check_end(size)?;
    Ok(Value::List(values))
}

fn map(mut compound: Compound<'_>, depth: usize) -> Result<Value, Violation> {
    compound.check_count()?;
    if !compound.count.is_multiple_of(2) {
        return Err(Violation::OddMap { count: compound.count });
    }
    let size = compound.body.left();
    let mut entries: Vec<(Value, Value)> = Vec::new();
    for _ in 0..compound.count / 2 {
        let key = compound.body.value_at(depth + 1)?;
        let value = compound.body.value_at(depth + 1)?;
        entries.push((key, value));
    }
    compound.check_end(size)?;
    if has_twice(&entries) {
        return Err(Violation::TwiceInMap);
    }
    Ok(Value::Map(entries))
}

/// Looks for a key that stands twice, by sorting: a stranger's map of 10,000 keys must not cost
/// 50,000,000 comparisons.
fn has_twice(entries: &[(Value, Value)]) -> bool {
    let mut keys: Vec<Vec<u8>> =
        entries.iter().map(|(key, _)| super::write::written(key)).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

fn array(mut compound: Compound<'_>, depth: usize) -> Result<Value, Violation> {
    let size = compound.body.left();
    let (descriptor, code) = match compound.body.byte("the format code of an array")? {
        code::DESCRIBED => {
            let before = compound.body.left();
            let descriptor = compound.body.value_at(depth + 1)?;
            let length = before - compound.body.left();
            if length > MAX_ARRAY_DESCRIPTOR {
                return Err(Violation::ArrayDescriptor { length, limit: MAX_ARRAY_DESCRIPTOR });
            }
            (Some(descriptor), compound.body.byte("the format code of an array")?)
        }
        code => (None, code),
    };
    let most = match descriptor {
        Some(_) => MAX_DESCRIBED_ELEMENTS,
        None => compound.body.left().max(MAX_EMPTY_ELEMENTS),
    };
    if compound.count > most {
        let (what, count) = (compound.what, compound.count);
        return Err(Violation::Count { what, count, bytes: compound.body.left() });
    }
    if depth >= DEPTH {
        return Err(Violation::Depth { limit: DEPTH });
    }
    let mut values = Vec::new();
    for _ in 0..compound.count {
        let value = compound.body.value_of(code, depth + 1)?;
        values.push(match &descriptor {
            Some(descriptor) => Value::Described(Box::new(descriptor.clone()), Box::new(value)),
            None => value,
        });
    }
    compound.check_end(size)?;
    Ok(Value::Array(values))
}
