//! A strict reader of the pages: every element is closed where it must be, every attribute quoted, nothing is
//! there that the page's policy would not run, and every link is found.

use std::collections::HashSet;

/// Elements that have no end.
const VOID: [&str; 7] = ["meta", "link", "img", "input", "br", "hr", "wbr"];

/// What a page leads to.
#[derive(Debug, Default)]
pub struct Html {
    /// `href` and `src`, entities resolved.
    pub links: Vec<String>,
    /// What was written between tags and in attributes, entities resolved.
    pub texts: Vec<String>,
}

/// Reads a page, or panics with what is wrong in it.
#[track_caller]
pub fn read(html: &str) -> Html {
    let html = html.strip_prefix("<!doctype html>\n").expect("a document type");
    let mut found = Html::default();
    let mut open: Vec<&str> = Vec::new();
    let mut ids = HashSet::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        found.texts.push(plain(text));
        let end = end_of(tag);
        let (tag, after) = (&tag[1..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> in {open:?} before {after:.80}");
            continue;
        }
        let name_ends = tag.find(char::is_whitespace).unwrap_or(tag.len());
        let name = &tag[..name_ends];
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '-')
        };
        assert!(is_name(name), "<{tag}> is no element");
        assert_ne!(name, "style", "a style within a page");
        for (attribute, value) in attributes(&tag[name_ends..]) {
            assert!(is_name(attribute), "{attribute} of <{tag}>");
            assert!(!attribute.starts_with("on") && attribute != "style", "{attribute} of <{tag}>");
            let value = plain(value);
            if matches!(attribute, "href" | "src" | "action" | "data-live" | "data-events") {
                let is_ours =
                    value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
                assert!(is_ours, "{attribute} leads to {value}");
            }
            match attribute {
                "id" => assert!(ids.insert(value.clone()), "{value} is there twice"),
                "href" | "src" => found.links.push(value.clone()),
                _ => {}
            }
            found.texts.push(value);
        }
        if name == "script" {
            rest = rest.strip_prefix("</script>").expect("a script of its own file");
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} are open at the end: {rest}");
    found
}

/// Where a tag ends: at the first `>` that is in no quotes.
#[track_caller]
fn end_of(tag: &str) -> usize {
    let mut quote = None;
    for (at, letter) in tag.char_indices() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None, '>') => return at,
            _ => {}
        }
    }
    panic!("a tag has no end: {tag:.80}")
}

#[track_caller]
fn attributes(text: &str) -> Vec<(&str, &str)> {
    let (mut found, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let name_ends = rest.find(|it: char| it == '=' || it.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_ends);
        let Some(quoted) = after.strip_prefix('=') else {
            found.push((name, ""));
            rest = after.trim_start();
            continue;
        };
        let quote = quoted.chars().next().filter(|it| matches!(it, '"' | '\''));
        let quote = quote.unwrap_or_else(|| panic!("{name} has no quotes"));
        let (value, after) = quoted[1..].split_once(quote).expect("the end of a value");
        found.push((name, value));
        assert!(after.is_empty() || after.starts_with(char::is_whitespace), "{after:.40}");
        rest = after.trim_start();
    }
    found
}

/// Text without its entities; an ampersand that begins none is a mistake.
#[track_caller]
fn plain(text: &str) -> String {
    let mut shown = String::new();
    let mut parts = text.split('&');
    shown.extend(parts.next());
    for part in parts {
        let (entity, after) =
            part.split_once(';').unwrap_or_else(|| panic!("a bare & in {text:.200}"));
        let letter = match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            _ => {
                let number = entity.strip_prefix('#').and_then(|number| number.parse().ok());
                number
                    .and_then(char::from_u32)
                    .unwrap_or_else(|| panic!("&{entity}; in {text:.200}"))
            }
        };
        shown.push(letter);
        shown.push_str(after);
    }
    shown
}

#[test]
fn a_page_that_is_broken_or_runs_what_others_wrote_is_refused() {
    let page = |body: &str| format!("<!doctype html>\n<html><body>{body}</body></html>\n");
    let good = page(
        r#"<p id="a">1 &#60; 2<br><a href="/x?a=1&#38;b=2">x</a></p><script src="/s"></script>"#,
    );
    assert_eq!(read(&good).links, ["/x?a=1&b=2", "/s"]);

    for bad in [
        "<p>",
        "<b><i></b></i>",
        "a & b",
        "<script>alert(1)</script>",
        r#"<p onclick="x">"#,
        r#"<p style="x"></p>"#,
        "<p class=x></p>",
        r#"<a href="https://evil.example/"></a>"#,
        r#"<a href="javascript:x"></a>"#,
        r#"<p id="a"></p><p id="a"></p>"#,
        "<style></style>",
    ] {
        let bad = page(bad);
        let refused = std::panic::catch_unwind(|| read(&bad));
        assert!(refused.is_err(), "{bad}");
    }
}
