//! From bytes to text: UTF-8 and UTF-16, told apart by the byte order mark. Pure, and in pieces of
//! any size.

use thiserror::Error;

/// Why bytes are no text that is read here. Positions are those of bytes, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotText {
    /// There is no byte order mark, and it is not UTF-8.
    #[error("it is not UTF-8: byte {position} does not belong there; save it as UTF-8")]
    Utf8 {
        /// The first byte that does not fit.
        position: u64,
    },
    /// The byte order mark is that of UTF-16, and the rest is not UTF-16.
    #[error("it begins as UTF-16, but is none: see byte {position}; save it as UTF-8")]
    Utf16 {
        /// The first byte that does not fit.
        position: u64,
    },
    /// The byte order mark is that of UTF-32.
    #[error("it is UTF-32, which is not read here; save it as UTF-8")]
    Utf32,
    /// A character that no text has. UTF-16 without a byte order mark is full of them.
    #[error("it is no text: byte {position} is NUL; if it is UTF-16, save it as UTF-8")]
    Nul {
        /// Where it stands.
        position: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 { is_big_endian: bool },
}

/// What a text may begin with, and the encoding that it tells. The longer of two that begin alike
/// comes first.
const MARKS: [(&[u8], Option<Encoding>); 5] = [
    (&[0xEF, 0xBB, 0xBF], Some(Encoding::Utf8)),
    (&[0xFF, 0xFE, 0, 0], None),
    (&[0, 0, 0xFE, 0xFF], None),
    (&[0xFF, 0xFE], Some(Encoding::Utf16 { is_big_endian: false })),
    (&[0xFE, 0xFF], Some(Encoding::Utf16 { is_big_endian: true })),
];

/// Decodes a text piece by piece. The caller keeps what was not consumed and gives it again, with
/// more behind it.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    encoding: Option<Encoding>,
    /// Bytes consumed.
    position: u64,
}

impl Decoder {
    /// Decodes what is whole of `bytes` onto `text`, and tells how many bytes that were: none if
    /// more are needed. With `is_last` nothing more will come.
    ///
    /// # Errors
    ///
    /// If the first of the bytes do not belong there. What stands before them was decoded by an
    /// earlier call.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        is_last: bool,
        text: &mut String,
    ) -> Result<usize, NotText> {
        let consumed = match self.encoding {
            None => self.begin(bytes, is_last)?,
            Some(Encoding::Utf8) => self.utf8(bytes, is_last, text)?,
            Some(Encoding::Utf16 { is_big_endian }) => {
                self.utf16(bytes, is_big_endian, is_last, text)?
            }
        };
        self.position += consumed as u64;
        Ok(consumed)
    }

    /// Whether the encoding is known: only then does decoding come forward.
    pub(super) fn has_begun(&self) -> bool {
        self.encoding.is_some()
    }

    /// Consumes the byte order mark. Waits for more only where that might still become one, so that
    /// a short first line is not held back.
    fn begin(&mut self, bytes: &[u8], is_last: bool) -> Result<usize, NotText> {
        if !is_last
            && MARKS.iter().any(|(mark, _)| mark.len() > bytes.len() && mark.starts_with(bytes))
        {
            return Ok(0);
        }
        let mark = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark));
        let (length, encoding) = match mark {
            Some((mark, Some(encoding))) => (mark.len(), *encoding),
            Some((_, None)) => return Err(NotText::Utf32),
            None => (0, Encoding::Utf8),
        };
        self.encoding = Some(encoding);
        Ok(length)
    }

    fn utf8(&self, bytes: &[u8], is_last: bool, text: &mut String) -> Result<usize, NotText> {
        let (valid, is_cut_off) = match std::str::from_utf8(bytes) {
            Ok(valid) => (valid, false),
            Err(error) => {
                let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]);
                (valid.unwrap_or_default(), error.error_len().is_none())
            }
        };
        let valid = match valid.find('\0') {
            Some(0) => return Err(NotText::Nul { position: self.position + 1 }),
            Some(nul) => &valid[..nul],
            None => valid,
        };
        if valid.is_empty() && !bytes.is_empty() && (is_last || !is_cut_off) {
            return Err(NotText::Utf8 { position: self.position + 1 });
        }
        text.push_str(valid);
        Ok(valid.len())
    }

    fn utf16(
        &self,
        bytes: &[u8],
        is_big_endian: bool,
        is_last: bool,
        text: &mut String,
    ) -> Result<usize, NotText> {
        let mut consumed = 0;
        loop {
            let rest = &bytes[consumed..];
            let position = self.position + consumed as u64 + 1;
            let fault = match first_of_utf16(rest, is_big_endian) {
                First::Whole('\0', _) => NotText::Nul { position },
                First::Whole(character, length) => {
                    text.push(character);
                    consumed += length;
                    continue;
                }
                First::CutOff if rest.is_empty() || !is_last => return Ok(consumed),
                First::CutOff | First::Wrong => NotText::Utf16 { position },
            };
            return if consumed == 0 { Err(fault) } else { Ok(consumed) };
        }
    }
}

/// What UTF-16 begins with.
enum First {
    /// A character of so many bytes.
    Whole(char, usize),
    CutOff,
    /// Half of a surrogate pair.
    Wrong,
}

fn first_of_utf16(bytes: &[u8], is_big_endian: bool) -> First {
    let unit = |at: usize| {
        let pair = [*bytes.get(at)?, *bytes.get(at + 1)?];
        Some(if is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let Some(first) = unit(0) else { return First::CutOff };
    if let Some(character) = char::from_u32(first.into()) {
        return First::Whole(character, 2);
    }
    let is_low = (0xDC00..0xE000).contains(&first);
    let second = match unit(2) {
        _ if is_low => return First::Wrong,
        None => return First::CutOff,
        Some(second) => second,
    };
    match char::decode_utf16([first, second]).next() {
        Some(Ok(character)) => First::Whole(character, 4),
        _ => First::Wrong,
    }
}

/// Decodes the whole of a text onto `text`.
pub(super) fn decode(bytes: &[u8], text: &mut String) -> Result<(), NotText> {
    let mut decoder = Decoder::default();
    let mut rest = bytes;
    while !rest.is_empty() || !decoder.has_begun() {
        let consumed = decoder.decode(rest, true, text)?;
        rest = &rest[consumed..];
    }
    Ok(())
}

/// A text in each of the encodings that are read, for tests.
#[cfg(test)]
pub(super) fn encoded(text: &str) -> [Vec<u8>; 4] {
    let units =
        |marked: &str, bytes: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(bytes).collect();
    let marked = format!("\u{FEFF}{text}");
    [
        text.as_bytes().to_vec(),
        marked.as_bytes().to_vec(),
        units(&marked, u16::to_le_bytes),
        units(&marked, u16::to_be_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> Result<String, NotText> {
        let mut text = String::new();
        decode(bytes, &mut text).map(|()| text)
    }

    #[test]
    fn each_encoding_is_told_by_its_byte_order_mark_which_is_no_part_of_the_text() {
        for text in ["", "a", "idScope = \"0ne\"\r\n", "Küche 🍞\n"] {
            for bytes in encoded(text) {
                assert_eq!(decoded(&bytes).as_deref(), Ok(text), "{bytes:?}");
            }
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_the_position_of_the_first_wrong_byte() {
        for (bytes, fault) in [
            (&b"caf\xE9 1"[..], NotText::Utf8 { position: 4 }),
            (b"\xEF\xBB\xBFab\xFF", NotText::Utf8 { position: 6 }),
            (b"cut \xF0\x9F\x8D", NotText::Utf8 { position: 5 }),
            (b"a\0b\0", NotText::Nul { position: 2 }),
            (b"\xFF\xFEa\0\0\0", NotText::Nul { position: 5 }),
            (b"\xFF\xFEa\0b", NotText::Utf16 { position: 5 }),
            (b"\xFF\xFEa\0\0\xDC", NotText::Utf16 { position: 5 }),
            (b"\xFE\xFF\0a\xD8\0\0a", NotText::Utf16 { position: 5 }),
            (b"\xFE\xFF\xD8\0", NotText::Utf16 { position: 3 }),
            (b"\xFF\xFE\0\0a\0\0\0", NotText::Utf32),
            (b"\0\0\xFE\xFF\0\0\0a", NotText::Utf32),
            (b"\0", NotText::Nul { position: 1 }),
            (b"\xFF", NotText::Utf8 { position: 1 }),
        ] {
            assert_eq!(decoded(bytes), Err(fault), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back_from_every_encoding(text in "[^\0]{0,40}") {
            prop_assume!(!text.starts_with('\u{FEFF}'));
            for bytes in encoded(&text) {
                prop_assert_eq!(decoded(&bytes), Ok(text.clone()));
            }
        }

        #[test]
        fn no_bytes_make_it_panic_and_utf_8_without_nul_is_what_the_standard_library_says(
            bytes in prop::collection::vec(any::<u8>(), 0..24), mark in 0..MARKS.len(),
        ) {
            let marked = [MARKS[mark].0, &bytes].concat();
            let _ = decoded(&marked);
            if MARKS.iter().all(|(mark, _)| !bytes.starts_with(mark)) {
                let expected = String::from_utf8(bytes.clone()).ok().filter(|text| !text.contains('\0'));
                prop_assert_eq!(decoded(&bytes).ok(), expected);
            }
        }
    }
}
