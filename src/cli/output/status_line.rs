//! One line on the terminal that changes in place, below all others.
//!
//! There is one terminal, so whether the line is on it is known in one place: whoever prints calls
//! [`clear`] first. The line is drawn without escape sequences and without colour, so it suits every
//! terminal that can go back to the beginning of a line.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

/// For terminals that do not tell their width.
const USUAL_WIDTH: usize = 80;

/// Columns of the line that is on the terminal; 0 if there is none.
static SHOWN: AtomicUsize = AtomicUsize::new(0);

/// Takes the line off the terminal.
pub(crate) fn clear() {
    let width = SHOWN.swap(0, Ordering::Relaxed);
    if width > 0 {
        let _ = write!(std::io::stderr(), "\r{:width$}\r", "");
    }
}

/// Puts the line on the terminal, in place of the one that is there.
pub(crate) fn show(text: &str) {
    let columns = terminal_size::terminal_size_of(std::io::stderr())
        .map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0));
    // The last column stays free: some terminals break the line there.
    let text = cut(text, columns.saturating_sub(1));
    let width = text.chars().count();
    let before = SHOWN.swap(width, Ordering::Relaxed);
    let mut err = std::io::stderr();
    let _ = write!(err, "\r{text}{:1$}", "", before.saturating_sub(width));
    let _ = err.flush();
}

/// The first `columns` characters; the texts here have none that are wider than one column.
pub(crate) fn cut(text: &str, columns: usize) -> &str {
    text.char_indices().nth(columns).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J-153.
    #[test]
    fn the_line_fits_the_terminal() {
        assert_eq!(cut("waiting", 4), "wait");
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(cut("waiting", 80), "waiting");
    }
}
