//! Paragraphs, and how things of others are shown: what came from outside must not steer the
//! terminal.

use std::time::Duration;

use crate::text::inert;

/// Longest text that is shown whole; what is sent can be 96 KB (H.3).
const LONGEST: usize = 4096;

/// One step of the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paragraph {
    pub(super) headline: String,
    pub(super) lines: Vec<String>,
    /// What it means; told once in a story.
    pub(super) why: Vec<&'static str>,
}

/// A paragraph without lines so far.
pub(super) fn paragraph(headline: impl Into<String>) -> Paragraph {
    Paragraph { headline: headline.into(), lines: Vec::new(), why: Vec::new() }
}

impl Paragraph {
    pub(super) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    pub(super) fn why(mut self, why: &'static str) -> Self {
        self.why.push(why);
        self
    }

    /// A body, as it is.
    pub(super) fn body(self, body: &[u8]) -> Self {
        if body.trim_ascii().is_empty() {
            return self.line("body    (empty)");
        }
        self.line(format!("body    {}", printable(&String::from_utf8_lossy(body))))
    }
}

/// Text of others: control characters escaped, and no longer than is good.
pub(super) fn printable(text: &str) -> String {
    match text.char_indices().find(|&(index, _)| index >= LONGEST) {
        Some((end, _)) => format!("{}… ({} bytes in all)", inert(&text[..end]), text.len()),
        None => inert(text).into_owned(),
    }
}

/// `0.3 ms`, `1250.0 ms`.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J-152.
    #[test]
    fn text_of_others_does_not_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}"), "a\\u{1b}[2Jb\\nc\\u{9b}");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let shown = printable(&"ä".repeat(LONGEST));

        assert!(shown.ends_with("ä… (8192 bytes in all)"), "{shown}");
        assert_eq!(shown.matches('ä').count(), LONGEST / 2);
    }

    #[test]
    fn times_that_no_calendar_has_are_no_defect() {}

    #[test]
    fn waits_are_told_in_the_unit_that_fits() {}
}
