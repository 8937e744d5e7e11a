//! Texts of others as a page shows them: JSON on many lines, letter by letter as it was sent (K-7), and
//! nothing that a browser would hide.

use std::fmt::Write;

use crate::text::{inert, inert_json};

/// Deeper than this nothing is moved to the right: what is nested a thousand times would else be mostly
/// blanks.
const DEEPEST: usize = 24;
/// What stands behind a text that was cut, up to the number.
const MARK: &str = "… (cut here; ";

/// A text that may have several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Inert, but for its line ends.
    pub(super) text: String,
    /// It is, or began as, an object or an array of JSON.
    pub(super) is_json: bool,
}

impl Shown {
    /// JSON as JSON, anything else line by line.
    pub(super) fn of(text: &str) -> Self {
        if text.trim_start().starts_with(['{', '[']) {
            return Self { text: pretty(text), is_json: true };
        }
        let lines: Vec<_> = text.lines().map(inert).collect();
        Self { text: lines.join("\n"), is_json: false }
    }

    /// Whether it is a sentence rather than a document.
    pub(super) fn is_line(&self) -> bool {
        !self.is_json && !self.text.contains('\n')
    }
}

/// JSON with a member on each line. Only blanks between its tokens change: a number keeps its digits, a text
/// its escapes. What is no JSON, or was cut, is laid out as far as it goes.
pub(super) fn pretty(json: &str) -> String {
    let (json, mark) = json.rfind(MARK).map_or((json, ""), |at| json.split_at(at));
    let json = inert_json(json.trim());
    let mut shown = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            shown.push(letter);
            in_text = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
            continue;
        }
        match letter {
            ' ' => {}
            '"' => {
                in_text = true;
                shown.push(letter);
            }
            '{' | '[' => {
                shown.push(letter);
                while letters.next_if_eq(&' ').is_some() {}
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => shown.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut shown, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut shown, depth);
                shown.push(letter);
            }
            ',' => {
                shown.push(letter);
                new_line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            _ => shown.push(letter),
        }
    }
    // Writing to a string does not fail.
    let _ = write!(shown, "{}", inert(mark));
    shown
}

fn new_line(shown: &mut String, depth: usize) {
    shown.push('\n');
    (0..depth.min(DEEPEST)).for_each(|_| shown.push_str("  "));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn k_7_json_is_shown_letter_by_letter() {
        let shown = pretty(
            r#"{"n":1.50,"big":12345678901234567890123,"t":"a\u00e9 {,}\"","e":{ },"l":[1, []]}"#,
        );

        let expected = r#"{
  "n": 1.50,
  "big": 12345678901234567890123,
  "t": "a\u00e9 {,}\"",
  "e": {},
  "l": [
    1,
    []
  ]
}"#;
        assert_eq!(shown, expected);
    }

    #[test]
    fn json_that_was_cut_is_laid_out_as_far_as_it_goes_and_says_so() {
        let shown = pretty(r#"{"a":[1,"tex… (cut here; 5002 bytes in all)"#);

        assert_eq!(shown, "{\n  \"a\": [\n    1,\n    \"tex… (cut here; 5002 bytes in all)");
    }

    #[test]
    fn what_is_no_json_stays_in_its_lines() {
        let shown = Shown::of("<h1>no</h1>\r\n\u{1b}[31mred\n");

        assert_eq!(shown.text, "<h1>no</h1>\n\\u{1b}[31mred");
        assert!(!shown.is_json && !shown.is_line() && Shown::of("one").is_line());
    }

    #[test]
    fn what_is_nested_a_thousand_times_does_not_become_blanks() {
        assert!(pretty(&"[".repeat(4096)).len() < 4096 * (2 + 2 * DEEPEST));
    }

    proptest! {
        #[test]
        fn k_7_shown_json_says_the_same(text in any::<String>(), key in "\\PC{0,9}", number in any::<f64>()) {
            let value = json!({ key: [text, { "n": number, "e": [], "o": {} }] });

            let shown = pretty(&value.to_string());

            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
            prop_assert!(shown.lines().all(|line| inert(line) == line));
        }
    }
}
