//! Values to bytes, each in the fewest that the standard allows (part 1, section 1.6).

use super::code;
use super::value::Value;

/// Writes a value behind what is there.
pub fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(code::NULL),
        Value::Boolean(true) => out.push(code::TRUE),
        Value::Boolean(false) => out.push(code::FALSE),
        Value::Ubyte(number) => fixed(out, code::UBYTE, &[*number]),
        Value::Ushort(number) => fixed(out, code::USHORT, &number.to_be_bytes()),
        Value::Uint(0) => out.push(code::UINT_0),
        Value::Uint(number) => match u8::try_from(*number) {
            Ok(small) => fixed(out, code::SMALL_UINT, &[small]),
            Err(_) => fixed(out, code::UINT, &number.to_be_bytes()),
        },
        Value::Ulong(0) => out.push(code::ULONG_0),
        Value::Ulong(number) => match u8::try_from(*number) {
            Ok(small) => fixed(out, code::SMALL_ULONG, &[small]),
            Err(_) => fixed(out, code::ULONG, &number.to_be_bytes()),
        },
        Value::Byte(number) => fixed(out, code::BYTE, &number.to_be_bytes()),
        Value::Short(number) => fixed(out, code::SHORT, &number.to_be_bytes()),
        Value::Int(number) => match i8::try_from(*number) {
            Ok(small) => fixed(out, code::SMALL_INT, &small.to_be_bytes()),
            Err(_) => fixed(out, code::INT, &number.to_be_bytes()),
        },
        Value::Long(number) => match i8::try_from(*number) {
            Ok(small) => fixed(out, code::SMALL_LONG, &small.to_be_bytes()),
            Err(_) => fixed(out, code::LONG, &number.to_be_bytes()),
        },
        Value::Float(bits) => fixed(out, code::FLOAT, &bits.to_be_bytes()),
        Value::Double(bits) => fixed(out, code::DOUBLE, &bits.to_be_bytes()),
        Value::Decimal(bytes) => {
            let code = match bytes.len() {
                4 => code::DECIMAL_32,
                8 => code::DECIMAL_64,
                _ => code::DECIMAL_128,
            };
            fixed(out, code, bytes);
        }
        Value::Char(character) => fixed(out, code::CHAR, &u32::from(*character).to_be_bytes()),
        Value::Timestamp(number) => fixed(out, code::TIMESTAMP, &number.to_be_bytes()),
        Value::Uuid(bytes) => fixed(out, code::UUID, bytes),
        Value::Binary(bytes) => sized(out, code::BINARY_8, code::BINARY_32, bytes),
        Value::String(text) => sized(out, code::STRING_8, code::STRING_32, text.as_bytes()),
        Value::Symbol(symbol) => {
            sized(out, code::SYMBOL_8, code::SYMBOL_32, symbol.as_str().as_bytes());
        }
        Value::List(values) if values.is_empty() => out.push(code::LIST_0),
        Value::List(values) => {
            let mut body = Vec::new();
            values.iter().for_each(|value| write_value(value, &mut body));
            compound(out, [code::LIST_8, code::LIST_32], values.len(), &body);
        }
        Value::Map(entries) => {
            let mut body = Vec::new();
            for (key, value) in entries {
                write_value(key, &mut body);
                write_value(value, &mut body);
            }
            compound(out, [code::MAP_8, code::MAP_32], entries.len() * 2, &body);
        }
        Value::Array(values) => array(out, values),
        Value::Described(descriptor, value) => {
            out.push(code::DESCRIBED);
            write_value(descriptor, out);
            write_value(value, out);
        }
    }
}

/// The bytes of one value.
pub(super) fn written(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(value, &mut out);
    out
}

fn fixed(out: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    out.push(code);
    out.extend_from_slice(bytes);
}

/// A length that is written in four bytes. No frame is as large as what would not fit.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn sized(out: &mut Vec<u8>, small: u8, large: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(length) => out.extend_from_slice(&[small, length]),
        Err(_) => fixed(out, large, &length(bytes.len())),
    }
    out.extend_from_slice(bytes);
}

fn compound(out: &mut Vec<u8>, [small, large]: [u8; 2], count: usize, body: &[u8]) {
    match (u8::try_from(body.len() + 1), u8::try_from(count)) {
        (Ok(size), Ok(count)) => out.extend_from_slice(&[small, size, count]),
        _ => {
            fixed(out, large, &length(body.len() + 4));
            out.extend_from_slice(&length(count));
        }
    }
    out.extend_from_slice(body);
}

/// An array has one format code for all, so each value is written in the widest form of its type.
fn array(out: &mut Vec<u8>, values: &[Value]) {
    let mut body = Vec::new();
    match values.first() {
        None => body.push(code::NULL),
        Some(first) => {
            let (descriptor, plain) = parted(first);
            if let Some(descriptor) = descriptor {
                body.push(code::DESCRIBED);
                write_value(descriptor, &mut body);
            }
            body.push(wide_code(plain));
        }
    }
    values.iter().for_each(|value| wide(parted(value).1, &mut body));
    compound(out, [code::ARRAY_8, code::ARRAY_32], values.len(), &body);
}

fn parted(value: &Value) -> (Option<&Value>, &Value) {
    match value {
        Value::Described(descriptor, value) => (Some(descriptor), value),
        value => (None, value),
    }
}

fn wide_code(value: &Value) -> u8 {
    match value {
        Value::Null => code::NULL,
        Value::Boolean(_) => code::BOOLEAN,
        Value::Uint(_) => code::UINT,
        Value::Ulong(_) => code::ULONG,
        Value::Int(_) => code::INT,
        Value::Long(_) => code::LONG,
        Value::Binary(_) => code::BINARY_32,
        Value::String(_) => code::STRING_32,
        Value::Symbol(_) => code::SYMBOL_32,
        Value::List(_) => code::LIST_32,
        Value::Map(_) => code::MAP_32,
        Value::Array(_) => code::ARRAY_32,
        // One form only: its code is the first byte of it.
        other => written(other)[0],
    }
}

/// A value in its widest form, without its code.
fn wide(value: &Value, out: &mut Vec<u8>) {
    let large = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend_from_slice(&length(bytes.len()));
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Boolean(is) => out.push((*is).into()),
        Value::Uint(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Ulong(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Long(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Binary(bytes) => large(out, bytes),
        Value::String(text) => large(out, text.as_bytes()),
        Value::Symbol(symbol) => large(out, symbol.as_str().as_bytes()),
        Value::List(_) | Value::Map(_) | Value::Array(_) => wide_compound(value, out),
        other => out.extend_from_slice(&written(other)[1..]),
    }
}

fn wide_compound(value: &Value, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    let count = match value {
        Value::List(values) => {
            values.iter().for_each(|value| write_value(value, &mut body));
            values.len()
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                write_value(key, &mut body);
                write_value(value, &mut body);
            }
            entries.len() * 2
        }
        Value::Array(values) => {
            let mut inner = Vec::new();
            array(&mut inner, values);
            // Behind the code and the two sizes of either form.
            let header = if inner[0] == code::ARRAY_8 { 3 } else { 9 };
            body.extend_from_slice(&inner[header..]);
            values.len()
        }
        _ => 0,
    };
    out.extend_from_slice(&length(body.len() + 4));
    out.extend_from_slice(&length(count));
    out.extend_from_slice(&body);
}
