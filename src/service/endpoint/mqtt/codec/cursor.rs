//! A cursor over the body of one packet, and the data representations of section 1.5.
//!
//! Every read is checked and names the field it is for, so that no input can make it panic. It
//! judges how a field is encoded, not what the field says.

use super::{Field, Violation};

/// The part of a packet's body that is still to be read.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// How many bytes are still to be read.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Everything still to be read: the payload of a PUBLISH has no length of its own.
    pub(super) fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// One byte (section 1.5.1).
    pub(super) fn byte(&mut self, field: Field) -> Result<u8, Violation> {
        self.array(field).map(|[byte]| byte)
    }

    /// A two-byte number (section 1.5.2).
    pub(super) fn number(&mut self, field: Field) -> Result<u16, Violation> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Bytes with their length in front, as the will message and the password are written.
    pub(super) fn binary(&mut self, field: Field) -> Result<&'a [u8], Violation> {
        let announced = usize::from(self.number(field)?);
        let left = self.left();
        let (bytes, rest) = self
            .rest
            .split_at_checked(announced)
            .ok_or(Violation::FieldOverrun { field, announced, left })?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A string (section 1.5.3). Control characters other than U+0000 are legal: clients SHOULD NOT
    /// send them.
    pub(super) fn text(&mut self, field: Field) -> Result<&'a str, Violation> {
        let bytes = self.binary(field)?;
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Violation::IllFormedUtf8 { field, error })?;
        match text.find('\0') {
            Some(offset) => Err(Violation::NulCharacter { field, offset }),
            None => Ok(text),
        }
    }

    fn array<const N: usize>(&mut self, field: Field) -> Result<[u8; N], Violation> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Violation::MissingField {
            field,
            needed: N,
            left: self.left(),
        })?;
        self.rest = rest;
        Ok(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bytes, refused};
    use super::*;

    fn topic(hex: &str) -> Result<String, Violation> {
        Cursor::new(&bytes(hex)).text(Field::TopicName).map(str::to_owned)
    }

    #[test]
    fn a_string_keeps_its_byte_order_mark_and_control_characters() {
        assert_eq!(topic("0004 efbbbf 61").as_deref(), Ok("\u{feff}a"));
        assert_eq!(topic("0002 011f").as_deref(), Ok("\u{1}\u{1f}"));
    }

    #[test]
    fn a_string_ends_where_its_length_says() {
        let body = bytes("0001 61 62");
        let mut cursor = Cursor::new(&body);
        assert_eq!(cursor.text(Field::TopicName), Ok("a"));
        assert_eq!((cursor.left(), cursor.remainder(), cursor.left()), (1, &b"b"[..], 0));
    }

    #[test]
    fn a_missing_field_is_named_with_its_rule() {
        let violation = refused("30 01 00");
        let field = Field::TopicName;
        assert_eq!(violation, Violation::MissingField { field, needed: 2, left: 1 });
        assert_eq!(violation.rule(), "MQTT-3.3.2-1");
    }

    #[test]
    fn a_length_beyond_the_packet_is_refused() {
        let violation = refused("30 04 0003 6162");
        let field = Field::TopicName;
        assert_eq!(violation, Violation::FieldOverrun { field, announced: 3, left: 2 });
        assert_eq!(violation.rule(), "MQTT 3.1.1 section 1.5.3");
    }

    #[test]
    fn ill_formed_utf8_is_refused() {
        // A stray byte, an overlong slash, a surrogate, a code point past U+10FFFF, a sequence cut
        // short.
        for string in ["0001 ff", "0002 c0af", "0003 eda080", "0004 f4908080", "0002 61c3"] {
            let violation = topic(string).expect_err("ill-formed UTF-8");
            assert_eq!(violation.rule(), "MQTT-1.5.3-1", "{string}");
        }
        let message = refused("30 06 0004 61eda080").to_string();
        let expected = "the topic name must be well-formed UTF-8, but has an invalid utf-8 sequence of 1 bytes from index 1";
        assert_eq!(message, expected);
    }

    #[test]
    fn a_nul_character_is_refused() {
        let violation = refused("30 05 0003 610062");
        let field = Field::TopicName;
        assert_eq!(violation, Violation::NulCharacter { field, offset: 1 });
        assert_eq!(violation.rule(), "MQTT-1.5.3-2");
    }
}
