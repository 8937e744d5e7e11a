//! What a page says that came in place of an answer, in a line: gateways, proxies and portals write
//! HTML, and the title says who they are.

use super::inert;

/// Longest part that is told.
const LONGEST: usize = 80;

/// The title of an HTML page, else its first words; of any other text the first line. `None` if there
/// is nothing to read.
pub fn page_line(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let words = if is_html(body) {
        title(&text).unwrap_or_else(|| untagged(&text))
    } else {
        text.into_owned()
    };
    let line = words.lines().map(str::trim).find(|line| !line.is_empty())?;
    let end = line.char_indices().nth(LONGEST).map_or(line.len(), |(end, _)| end);
    let dots = if end < line.len() { "…" } else { "" };
    Some(format!("{}{dots}", inert(&line[..end])))
}

/// Whether it is a page of HTML, or XML.
pub fn is_html(body: &[u8]) -> bool {
    body.trim_ascii_start()
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body.trim_ascii_start())
        .starts_with(b"<")
}

fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title = html[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    Some(title).filter(|title| !title.is_empty())
}

/// What stands outside of tags.
fn untagged(html: &str) -> String {
    let mut parts = html.split('<');
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_is_told_by_its_title_or_its_first_words_and_steers_nothing() {
        for (page, line) in [
            ("<html><head><title>403\n Forbidden</title></head>", "403 Forbidden"),
            ("<!DOCTYPE html><HTML><TITLE lang=en>Sign in</TITLE>", "Sign in"),
            ("<html><body><h1>Access denied</h1><p>by", "Access denied"),
            ("<title></title><p>x", "x"),
            ("upstream connect error\nmore", "upstream connect error"),
            ("a\u{1b}]0;t\u{7}", "a\\u{1b}]0;t\\u{7}"),
        ] {
            assert_eq!(page_line(page.as_bytes()).as_deref(), Some(line), "{page}");
        }
        assert_eq!(page_line(b" \r\n"), None);
        assert_eq!(page_line(b"<html></html>"), None);
        assert_eq!(page_line(&b"x".repeat(90)).unwrap().chars().count(), LONGEST + 1);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "(<title|>|</title|<|\\PC){0,40}") {
            let _ = page_line(text.as_bytes());
        }
    }
}
