//! Links between the documents lead somewhere, and the book has every page.

use std::path::{Component, Path, PathBuf};

use super::document::{Page, pages, root};

/// The targets of the links in a text, without those in code.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if !is_code {
            let ends = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            links.extend(ends.map(|(target, _)| target));
        }
    }
    links
}

/// The anchors of a page.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// The anchor that GitHub and mdBook make of a heading.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn broken<'a>(page: &'a Page, pages: &[Page]) -> Vec<&'a str> {
    let folder = page.path.parent().unwrap();
    let is_broken = |target: &&str| {
        if target.starts_with("https://") {
            return false;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = if file.is_empty() { page.path.clone() } else { plain(&folder.join(file)) };
        let linked = pages.iter().find(|page| page.path == path);
        let is_there = linked.is_some() || root().join(&path).exists();
        let has_anchor = linked.is_some_and(|page| anchors(&page.text).iter().any(|a| a == anchor));
        !is_there || !(anchor.is_empty() || has_anchor)
    };
    links(&page.text).into_iter().filter(is_broken).collect()
}

/// The path without `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
        plain
    })
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let pages = pages();
    for page in &pages {
        assert_eq!(broken(page, &pages), Vec::<&str>::new(), "in {}", page.path.display());
    }
}

#[test]
fn a_link_without_file_or_heading_is_found() {
    let text = "[a](b.md) [c](#d) [e](#f-g) [h](https://example.com)\n```\n[i](j)\n```\n## F: G\n";
    let page = || Page { path: "docs/x.md".into(), text: text.to_owned() };

    assert_eq!(broken(&page(), &[page()]), ["b.md", "#d"]);
}

#[test]
fn the_book_has_every_page() {
    let pages = pages();
    let summary = pages.iter().find(|page| page.path.ends_with("SUMMARY.md")).unwrap();
    let linked = links(&summary.text);
    for page in &pages {
        let Ok(path) = page.path.strip_prefix("docs") else { continue };
        let is_there =
            path.ends_with("SUMMARY.md") || linked.iter().any(|link| path == Path::new(link));
        assert!(is_there, "docs/SUMMARY.md does not have {}", path.display());
    }
}
