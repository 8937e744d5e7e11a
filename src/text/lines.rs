//! Text that is read as it comes: the decoding as an adapter between a source and who reads its
//! lines.

use std::io::{self, BufRead, Read};

use zeroize::Zeroizing;

use super::encoding::Decoder;

const PIECE: usize = 64 * 1024;

/// Bytes of one of the encodings in, UTF-8 without a byte order mark out. Holds a piece at a time,
/// which is wiped in the end: a list may have keys in it. What is no text ends it with an error of
/// the kind `InvalidData`, behind the text that stands before it.
pub struct TextReader<R> {
    source: R,
    decoder: Decoder,
    /// Read, and not decoded yet.
    raw: Zeroizing<Vec<u8>>,
    /// Decoded, and taken up to here.
    text: Zeroizing<String>,
    taken: usize,
    has_ended: bool,
}

impl<R: Read> TextReader<R> {
    /// Reads from this.
    pub fn new(source: R) -> Self {
        Self {
            source,
            decoder: Decoder::default(),
            raw: Zeroizing::default(),
            text: Zeroizing::default(),
            taken: 0,
            has_ended: false,
        }
    }

    /// Decodes more, in place of what was taken. Leaves nothing only at the end.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        while self.text.is_empty() {
            let known = self.decoder.has_begun();
            if !self.raw.is_empty() || (self.has_ended && !known) {
                let decoded = self.decoder.decode(&self.raw, self.has_ended, &mut self.text);
                let consumed =
                    decoded.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
                self.raw.drain(..consumed);
                if consumed > 0 || known != self.decoder.has_begun() {
                    continue;
                }
            }
            if self.has_ended {
                break;
            }
            self.read_more()?;
        }
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<()> {
        let before = self.raw.len();
        self.raw.resize(before + PIECE, 0);
        let read = loop {
            match self.source.read(&mut self.raw[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.raw.truncate(before + read.as_ref().map_or(0, |length| *length));
        self.has_ended = read? == 0;
        Ok(())
    }
}

/// What it holds may be secret.
impl<R> std::fmt::Debug for TextReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextReader").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

impl<R: Read> BufRead for TextReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.text.len() {
            self.refill()?;
        }
        Ok(&self.text.as_bytes()[self.taken..])
    }

    fn consume(&mut self, amount: usize) {
        self.taken = self.text.len().min(self.taken + amount);
    }
}

impl<R: Read> Read for TextReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::text::encoding::{decode, encoded};

    /// Gives bytes in pieces of the sizes that were asked for.
    struct Pieces {
        bytes: VecDeque<u8>,
        sizes: Vec<usize>,
    }

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.sizes.pop().unwrap_or(1).clamp(1, buffer.len());
            self.bytes.read(&mut buffer[..size])
        }
    }

    fn reader(bytes: &[u8], sizes: Vec<usize>) -> TextReader<Pieces> {
        TextReader::new(Pieces { bytes: bytes.iter().copied().collect(), sizes })
    }

    #[test]
    fn lines_are_read_from_every_encoding() {
        for bytes in encoded("pump-1\r\npümp-2 🍞\n") {
            let lines = reader(&bytes, Vec::new()).lines().collect::<Result<Vec<_>, _>>().unwrap();

            assert_eq!(lines, ["pump-1", "pümp-2 🍞"]);
        }
    }

    #[test]
    fn a_short_first_line_is_not_held_back() {
        let mut lines = TextReader::new(b"a\n".chain(Endless)).lines();

        assert_eq!(lines.next().unwrap().unwrap(), "a");
    }

    /// More would come, but not now.
    struct Endless;

    impl Read for Endless {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("a reader at a terminal would wait here")
        }
    }

    #[test]
    fn the_lines_before_a_wrong_byte_are_read() {
        let mut lines = reader(b"pump-1\npump-\xE9\n", vec![100]).lines();

        assert_eq!(lines.next().unwrap().unwrap(), "pump-1");
        let error = lines.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("byte 13 "), "{error}");
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_make_the_same_text_or_the_same_error(
            bytes in prop_oneof![
                "[^\0]{0,30}".prop_flat_map(|text| prop::sample::select(encoded(&text).to_vec())),
                prop::collection::vec(prop::sample::select(&b"a\0\xFF\xFE\xEF\xBB\xBF\xD8\xDC\xC3"[..]), 0..16),
            ],
            sizes in prop::collection::vec(1..9_usize, 0..40),
        ) {
            let mut whole = String::new();
            let expected = decode(&bytes, &mut whole).map_err(|fault| fault.to_string());
            let mut text = String::new();
            let result = reader(&bytes, sizes).read_to_string(&mut text).map_err(|error| error.to_string());

            prop_assert_eq!(result.map(drop), expected);
            if expected_is_good(&bytes) {
                prop_assert_eq!(text, whole);
            }
        }
    }

    fn expected_is_good(bytes: &[u8]) -> bool {
        decode(bytes, &mut String::new()).is_ok()
    }
}
