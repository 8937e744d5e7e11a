//! Which test checks which rule of the documents: `docs/rules.md` is made from what tests and code
//! cite, and every rule is cited by a test, or says why it cannot be.
//!
//! A citation is a rule's ID (`A-12`, `F.4`), a range of them (`J-90 to J-93`), or the beginning of a
//! test's name (`a_12_…`; where there are A-2 and A.2, `a_2_…` stands for either).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::document::{Page, pages, root};
use super::rule_id::{RuleId, cited, defined};

/// Rules that no test can check, and why.
const NOT_TESTED: [(&str, &str); 0] = [];

/// Where citations are looked for.
const FOLDERS: [&str; 5] = ["src", "tests", "benches", "fuzz", "examples"];

/// The files that cite a rule.
#[derive(Default)]
struct Citations {
    tests: BTreeSet<String>,
    code: BTreeSet<String>,
}

fn citations(known: &BTreeSet<RuleId>) -> BTreeMap<RuleId, Citations> {
    let mut citations = BTreeMap::<RuleId, Citations>::new();
    for folder in FOLDERS {
        visit(&root().join(folder), &mut |path, text| {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            let (code, tests) = parts(&name, text);
            for rule in cited(code, known) {
                citations.entry(rule).or_default().code.insert(name.clone());
            }
            for rule in cited(tests, known) {
                citations.entry(rule).or_default().tests.insert(name.clone());
            }
        });
    }
    citations
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let extension =
            path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            visit(&path, each);
        } else if ["rs", "py", "js", "mjs"].contains(&extension) && !path.ends_with(file!()) {
            each(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// What of a file is code, and what is tests of it.
fn parts<'a>(name: &str, text: &'a str) -> (&'a str, &'a str) {
    let is_test =
        name.starts_with("tests/") || name.ends_with("tests.rs") || name.contains("/tests/");
    if is_test {
        return ("", text);
    }
    match text.find("#[cfg(test)]\nmod tests {") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    }
}

fn page_of_rules() -> String {
    let pages = pages();
    let known = pages.iter().flat_map(|page| defined(&page.text)).map(|(rule, _)| rule).collect();
    let citations = citations(&known);
    let mut text = HEAD.to_owned();
    for page in pages.iter().filter(|page| !defined(&page.text).is_empty()) {
        text += &section(page, &citations);
    }
    text
}

const HEAD: &str = "\
# Where each rule is tested

Made from what tests and code cite: `UPDATE_DOCS=1 cargo test --test all rules` writes this page anew,
and the same test without the variable fails if the page is out of date or a rule has no test.
";

fn section(page: &Page, citations: &BTreeMap<RuleId, Citations>) -> String {
    let name = page.path.strip_prefix("docs").unwrap().display();
    let title = page.text.lines().next().unwrap().trim_start_matches("# ");
    let mut text = format!("\n## [{title}]({name})\n\n| rule | tests | code |\n|---|---|---|\n");
    for (rule, anchor) in defined(&page.text) {
        let none = Citations::default();
        let Citations { tests, code } = citations.get(&rule).unwrap_or(&none);
        let tests = match reason(rule) {
            Some(reason) => format!("none: {reason}"),
            None => list(tests),
        };
        writeln!(text, "| [{rule}]({name}#{anchor}) | {tests} | {} |", list(code)).unwrap();
    }
    text
}

fn list(files: &BTreeSet<String>) -> String {
    files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", ")
}

fn reason(rule: RuleId) -> Option<&'static str> {
    NOT_TESTED.iter().find(|(name, _)| *name == rule.to_string()).map(|(_, reason)| *reason)
}

#[test]
fn the_page_of_rules_is_what_tests_and_code_cite() {
    let path = root().join("docs/rules.md");
    let made = page_of_rules();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();

    let differs = made.lines().zip(written.lines()).find(|(made, written)| made != written);
    assert!(
        made == written,
        "docs/rules.md is out of date, first here: {differs:?}; \
         renew it: UPDATE_DOCS=1 cargo test --test all rules"
    );
}

#[test]
fn every_rule_has_a_test_or_a_reason_why_it_cannot_have_one() {
    let rules: Vec<RuleId> =
        pages().iter().flat_map(|page| defined(&page.text)).map(|(rule, _)| rule).collect();
    let known: BTreeSet<RuleId> = rules.iter().copied().collect();
    assert_eq!(known.len(), rules.len(), "a number stands for two rules");
    let citations = citations(&known);
    let is_tested = |rule: &RuleId| citations.get(rule).is_some_and(|c| !c.tests.is_empty());

    let untested: Vec<String> = rules
        .iter()
        .filter(|rule| !is_tested(rule) && reason(**rule).is_none())
        .map(ToString::to_string)
        .collect();
    assert!(untested.is_empty(), "no test cites {}", untested.join(", "));
    for (name, _) in NOT_TESTED {
        let rule = rules.iter().find(|rule| rule.to_string() == name);
        let rule = rule.unwrap_or_else(|| panic!("{name} is not tested, and no rule either"));
        assert!(!is_tested(rule), "{name} has a test now: take it off the list");
    }
}
