//! The lines of a log, whatever is in it: a serial port has noise, and a line may have no end.

use std::io::{self, BufRead, BufReader, Read};

use super::lines::TextReader;

/// Longest part of a line that is looked at, in bytes; a body of DPS may have 96 KB (H.3).
const LONGEST: u64 = 128 * 1024;

/// Reads lines as they come. What is no UTF-8 is replaced; UTF-16 is read where a byte order mark says
/// so. Holds one line at a time.
///
/// # Errors
///
/// If the source cannot be read.
pub fn each_line(source: impl Read, each: impl FnMut(&str)) -> io::Result<()> {
    let mut source = BufReader::with_capacity(64 * 1024, source);
    let start = source.fill_buf()?;
    if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
        return lines(TextReader::new(source), each);
    }
    lines(source, each)
}

fn lines(mut source: impl BufRead, mut each: impl FnMut(&str)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = source.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            source.skip_until(b'\n')?;
        }
        each(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(bytes, |line| lines.push(line.to_owned())).unwrap();
        lines
    }

    #[test]
    fn noise_other_encodings_and_lines_without_an_end_are_read() {
        assert_eq!(read(b"a\r\n\xff\xfeb\n\nc"), ["a", "\u{fffd}\u{fffd}b", "", "c"]);
        assert_eq!(read(b"\xff\xfea\0\n\0b\0"), ["a", "b"]);
        assert_eq!(read(b""), [""; 0]);
        let mut long = vec![b'x'; 300 * 1024];
        long.extend_from_slice(b"\nshort\n");
        let lines = read(&long);
        assert_eq!((lines[0].len() as u64, lines[1].as_str()), (LONGEST, "short"));
    }
}
