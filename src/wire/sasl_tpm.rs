//! The mechanism TPM of SASL: what a device and the service say to each other until the device's TPM has a key to
//! sign with, and has signed (C-7). Who says what when is each side's own affair.

use std::borrow::Cow;

/// What is said where nothing is to be said.
pub const NOTHING: [u8; 1] = [0];

/// As many as can be numbered (C-8).
pub const MAX_SEGMENTS: u8 = NUMBER + 1;

/// The bits in the first byte of a segment: what it is, whether it is the last, and its number.
const SEGMENT: u8 = 0x80;
const LAST: u8 = 0x40;
const NUMBER: u8 = 0x03;

/// What a device says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction<'a> {
    /// The instance that the device wants.
    pub id_scope: Cow<'a, str>,
    /// The device.
    pub registration_id: Cow<'a, str>,
    /// As a TPM writes it, with the two bytes of its size.
    pub endorsement_key: &'a [u8],
}

impl<'a> Introduction<'a> {
    /// Takes it apart, if it is one. What is no UTF-8 comes out as no ID can be.
    pub fn read(response: &'a [u8]) -> Option<Self> {
        let mut parts = content(response)?.splitn(3, |byte| *byte == 0);
        let [id_scope, registration_id, endorsement_key] =
            [parts.next()?, parts.next()?, parts.next()?];
        Some(Self {
            id_scope: String::from_utf8_lossy(id_scope),
            registration_id: String::from_utf8_lossy(registration_id),
            endorsement_key,
        })
    }

    /// The response.
    pub fn write(&self) -> Vec<u8> {
        let Self { id_scope, registration_id, endorsement_key } = self;
        let parts = [id_scope.as_bytes(), registration_id.as_bytes(), endorsement_key];
        response(&parts.join(&0))
    }
}

/// What a device responds, later on: it stands behind a NUL.
pub fn response(content: &[u8]) -> Vec<u8> {
    [&[0], content].concat()
}

/// What stands behind the NUL of a response; nothing, if nothing does.
pub fn content(response: &[u8]) -> Option<&[u8]> {
    match response {
        [0, content @ ..] if !content.is_empty() => Some(content),
        _ => None,
    }
}

/// A part of what holds the key for the TPM, which is longer than one challenge may be (C-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// From 0, and less than [`MAX_SEGMENTS`].
    pub number: u8,
    /// Whether it is the last.
    pub is_last: bool,
    /// The part.
    pub content: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Takes it apart, if it is one.
    pub fn read(challenge: &'a [u8]) -> Option<Self> {
        let (control, content) =
            challenge.split_first().filter(|(control, _)| **control & SEGMENT != 0)?;
        Some(Self { number: control & NUMBER, is_last: control & LAST != 0, content })
    }

    /// The challenge.
    pub fn write(&self) -> Vec<u8> {
        let last = if self.is_last { LAST } else { 0 };
        [&[SEGMENT | last | self.number], self.content].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_7_an_introduction_is_read_as_it_was_written() {
        let introduction = Introduction {
            id_scope: "0ne1".into(),
            registration_id: "pump-0042".into(),
            endorsement_key: b"\0\x02EK",
        };

        let written = introduction.write();

        assert_eq!(written, b"\x000ne1\0pump-0042\0\0\x02EK");
        assert_eq!(Introduction::read(&written), Some(introduction));
        for other in [&b""[..], b"\0", b"\x000ne1\0pump-0042", b"0ne1\0pump-0042\0\0\x01x"] {
            assert_eq!(Introduction::read(other), None);
        }
    }

    #[test]
    fn c_8_a_segment_is_read_as_it_was_written() {
        for (number, is_last, first) in [(0, false, 0x80), (1, true, 0xC1), (3, true, 0xC3)] {
            let segment = Segment { number, is_last, content: b"key" };

            let written = segment.write();

            assert_eq!((written[0], &written[1..]), (first, &b"key"[..]));
            assert_eq!(Segment::read(&written), Some(segment));
        }
        assert_eq!((Segment::read(b""), Segment::read(b"\x41key")), (None, None));
    }
}
