//! Long texts in lines that fit the terminal, broken between words (J-222).
//!
//! What somebody copies is never broken: a word, what stands between two backticks, and a command line
//! of this program, which reaches to the end or a semicolon.

use std::borrow::Cow;
use std::io::{stderr, stdout};

use crate::cli::input::variable;

/// Where nobody says how wide lines may be.
const USUAL_WIDTH: usize = 100;
/// Narrower than this nothing is readable.
const LEAST_WIDTH: usize = 20;

/// Columns of a line on standard output.
pub(crate) fn width_of_output() -> usize {
    width(terminal_size::terminal_size_of(stdout()))
}

/// Columns of a line on standard error.
pub(crate) fn width_of_errors() -> usize {
    width(terminal_size::terminal_size_of(stderr()))
}

fn width(terminal: Option<(terminal_size::Width, terminal_size::Height)>) -> usize {
    let columns = match terminal {
        Some((width, _)) => Some(usize::from(width.0)),
        None => variable("COLUMNS").and_then(|columns| columns.parse().ok()),
    };
    columns.filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH).max(LEAST_WIDTH)
}

/// `text` behind `indent` columns of something else; its further lines begin below its first.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> Cow<'_, str> {
    if indent + columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let hang = indent.min(width / 2);
    let mut lines = String::with_capacity(text.len() + text.len() / 8);
    let (mut column, mut rest, mut is_begun) = (indent, text, false);
    while !rest.is_empty() {
        let gap = rest.len() - rest.trim_start_matches(' ').len();
        let end = gap + word(&rest[gap..]);
        let word = &rest[gap..end];
        if is_begun && column + gap + columns(word) > width {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', hang));
            column = hang;
        } else {
            lines.push_str(&rest[..gap]);
            column += gap;
        }
        lines.push_str(word);
        column += columns(word);
        is_begun = true;
        rest = &rest[end..];
    }
    lines.into()
}

/// The length of what is not broken at the beginning: up to a space that does not stand between two
/// backticks, or in a command line.
fn word(text: &str) -> usize {
    if text.starts_with("provision-sim ") {
        return text.find("; ").map_or(text.len(), |end| end + 1);
    }
    let mut end = 0;
    loop {
        let Some(at) = text[end..].find([' ', '`']) else { return text.len() };
        end += at;
        if text.as_bytes()[end] == b' ' {
            return end;
        }
        end += 1;
        // One alone means nothing.
        if let Some(closing) = text[end..].find('`') {
            end += closing + 1;
        }
    }
}

/// How wide it is on a terminal; colours take no room.
fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(|part| part.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_222_lines_break_between_words_and_hang_below_the_first() {
        assert_eq!(wrapped("one two three four", 12, 3), "one two\n   three\n   four");
        assert_eq!(wrapped("one two", 10, 3), "one two");
        assert_eq!(wrapped("one  two   three", 10, 0), "one  two\nthree", "columns stay");
        assert_eq!(wrapped("", 10, 3), "");
        assert_eq!(wrapped("äöü äöü", 6, 0), "äöü\näöü");
        assert_eq!(wrapped("\u{1b}[31maaa\u{1b}[0m bbb", 7, 0), "\u{1b}[31maaa\u{1b}[0m bbb");
    }

    #[test]
    fn j_222_what_is_copied_is_not_broken() {
        let url = "https://a.example/a/long/path?with=query";
        assert_eq!(wrapped(&format!("see {url} there"), 20, 2), format!("see\n  {url}\n  there"));
        assert_eq!(wrapped(url, 20, 2), url);
        assert_eq!(
            wrapped("run `provision-sim serve --state a b`, then", 20, 2),
            "run\n  `provision-sim serve --state a b`,\n  then"
        );
        assert_eq!(
            wrapped("more: provision-sim explain 401; later", 20, 2),
            "more:\n  provision-sim explain 401;\n  later"
        );
        assert_eq!(wrapped("it`s one two three", 10, 0), "it`s one\ntwo three", "one alone");
    }

    #[test]
    fn j_222_a_narrow_terminal_leaves_room_for_the_text() {
        assert_eq!(wrapped("aaaa bbbb cccc", 20, 15), "aaaa\n          bbbb cccc");
    }
}
