//! Texts of others in a file for people: what no file may have, and what steers a reader's eyes, is written
//! as an escape, as on the terminal (J-241). Lines stay lines.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::text::inert;
use crate::wire::writable;

/// In one line.
pub(super) fn line(text: &str) -> String {
    inert(text)
        .chars()
        .map(|it| if is_allowed(it) { it } else { char::REPLACEMENT_CHARACTER })
        .collect()
}

/// In as many lines as it has; tabs stay as they are.
pub(super) fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, part) in text.split('\n').enumerate() {
        if index > 0 {
            shown.push('\n');
        }
        let part = part.strip_suffix('\r').unwrap_or(part);
        let cells: Vec<_> = part.split('\t').map(line).collect();
        shown.push_str(&cells.join("\t"));
    }
    shown
}

/// The two that no document of XML or HTML has and that are no control characters.
fn is_allowed(character: char) -> bool {
    !matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// `1.234`: seconds with three digits.
pub(super) fn seconds(duration: Duration) -> String {
    let millis = (duration.as_micros() + 500) / 1000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// `2026-03-02T08:15:30`, in UTC: the schemas of JUnit allow no zone. What has no such form is the nearest
/// that has.
pub(super) fn timestamp(time: SystemTime) -> String {
    let time = writable(time.max(SystemTime::UNIX_EPOCH));
    humantime::format_rfc3339_seconds(time).to_string().trim_end_matches('Z').to_owned()
}

/// What was seen, each in a line behind its time.
pub(super) fn seen(seen: &[super::case::Seen]) -> String {
    let mut text = String::new();
    for it in seen {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:>9} s  {}", seconds(it.at), line(&it.text));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_reader_is_an_escape_and_lines_stay_lines() {
        assert_eq!(
            lines("a\tb\r\n\u{1b}[31mred\u{202e}\0\n\u{ffff}"),
            "a\tb\n\\u{1b}[31mred\\u{202e}\\u{0}\n\u{fffd}"
        );
        assert_eq!(line("a\nb"), "a\\nb");
    }

    #[test]
    fn every_time_has_a_form() {
        assert_eq!(seconds(Duration::from_micros(1_999_500)), "2.000");
        assert_eq!(seconds(Duration::ZERO), "0.000");
        let at = |seconds| timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(1_772_439_330), "2026-03-02T08:15:30");
        assert_eq!(at(i64::MAX as u64), "9999-12-31T23:59:59");
        assert_eq!(
            timestamp(SystemTime::UNIX_EPOCH - Duration::from_secs(9)),
            "1970-01-01T00:00:00"
        );
    }
}
