//! The file that people read: one page that needs nothing else, no script and no network.

use askama::Template;

use super::case::{Case, Rule};
use super::outcome::Outcome;
use super::shown::{line, lines, seconds, timestamp};
use super::suite::{Results, Suite, Totals};
use crate::text::spoken;

/// Results as a page. Whatever stands in them, it is text there; the page is well-formed XML too.
pub fn html(results: &Results) -> String {
    // Writing to a string does not fail.
    Page::of(results).render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "verdicts/report.html")]
struct Page {
    title: String,
    /// The totals in words.
    verdict: String,
    chips: Vec<Chip>,
    began: String,
    took: String,
    version: &'static str,
    /// What is to be mended, in front of all the rest.
    bad: Vec<Bad>,
    suites: Vec<ShownSuite>,
}

/// A colour, and a sign for those who see none.
#[derive(Clone, Copy)]
struct Look {
    colour: &'static str,
    sign: &'static str,
}

struct Chip {
    colour: &'static str,
    sign: &'static str,
    text: String,
}

struct Bad {
    id: String,
    name: String,
    reason: String,
}

struct ShownSuite {
    id: String,
    name: String,
    totals: String,
    took: String,
    properties: Vec<(String, String)>,
    cases: Vec<ShownCase>,
}

struct ShownCase {
    id: String,
    look: Look,
    word: &'static str,
    name: String,
    class: String,
    took: String,
    is_bad: bool,
    reasons: Vec<String>,
    rule: Option<Rule>,
    seen: Vec<(String, String)>,
    parts: Vec<(&'static str, String)>,
}

const GOOD: Look = Look { colour: "good", sign: "✓" };
const BAD: Look = Look { colour: "bad", sign: "✕" };
const WARN: Look = Look { colour: "warn", sign: "!" };
const NONE: Look = Look { colour: "none", sign: "–" };

fn look(outcome: &Outcome) -> Look {
    match outcome {
        Outcome::Passed => GOOD,
        Outcome::Warned(_) => WARN,
        Outcome::Failed(_) | Outcome::Broken(_) => BAD,
        Outcome::Skipped(_) | Outcome::NotObserved(_) => NONE,
    }
}

impl Page {
    fn of(results: &Results) -> Self {
        let suites: Vec<_> = results
            .suites
            .iter()
            .enumerate()
            .map(|(index, suite)| ShownSuite::of(index + 1, suite))
            .collect();
        let bad = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
        let bad = bad.filter(|(_, case)| case.is_bad).map(|(suite, case)| Bad {
            id: case.id.clone(),
            name: format!("{}: {}", suite.name, case.name),
            reason: case.reasons.join("; "),
        });
        Self {
            title: line(&results.name),
            verdict: results.totals().to_string(),
            chips: chips(results.totals()),
            began: timestamp(results.began),
            took: spoken(results.took),
            version: env!("CARGO_PKG_VERSION"),
            bad: bad.collect(),
            suites,
        }
    }
}

fn chips(totals: Totals) -> Vec<Chip> {
    let Totals { passed, warned, failed, skipped, not_observed, broken } = totals;
    [
        (GOOD, passed, "passed"),
        (WARN, warned, "warned"),
        (BAD, failed, "failed"),
        (BAD, broken, "broken"),
        (NONE, skipped, "skipped"),
        (NONE, not_observed, "not observed"),
    ]
    .into_iter()
    .filter(|(_, count, word)| *count > 0 || *word == "passed")
    .map(|(Look { colour, sign }, count, word)| Chip {
        colour,
        sign,
        text: format!("{count} {word}"),
    })
    .collect()
}

impl ShownSuite {
    fn of(number: usize, suite: &Suite) -> Self {
        let file = suite.file.iter().filter(|file| **file != suite.name);
        let file = file.map(|file| ("file".to_owned(), line(file)));
        let properties = suite.properties.iter().map(|(name, value)| (line(name), line(value)));
        let cases = suite.cases.iter().enumerate();
        Self {
            id: format!("suite-{number}"),
            name: line(&suite.name),
            totals: suite.totals().to_string(),
            took: spoken(suite.took),
            properties: file.chain(properties).collect(),
            cases: cases
                .map(|(index, case)| ShownCase::of(format!("case-{number}-{}", index + 1), case))
                .collect(),
        }
    }
}

impl ShownCase {
    fn of(id: String, case: &Case) -> Self {
        Self {
            id,
            look: look(&case.outcome),
            word: case.outcome.word(),
            name: line(&case.name),
            class: line(&case.class),
            took: spoken(case.took),
            is_bad: case.outcome.is_bad(),
            reasons: case.outcome.reasons().iter().map(|reason| line(reason)).collect(),
            rule: case.rule.as_ref().map(|rule| Rule {
                id: line(&rule.id),
                text: line(&rule.text),
                // Nothing else becomes a link.
                source: rule
                    .source
                    .clone()
                    .filter(|it| it.starts_with("https://"))
                    .map(|it| line(&it)),
            }),
            seen: case.seen.iter().map(|seen| (seconds(seen.at), line(&seen.text))).collect(),
            parts: case
                .conversation
                .iter()
                .map(|part| (part.kind.title(), lines(part.text.trim_end())))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;
    use roxmltree::{Document, ParsingOptions};

    use super::super::case::{Part, PartKind, Seen};
    use super::*;

    fn results(cases: Vec<Case>) -> Results {
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_439_330);
        let suite = Suite {
            name: "pumps".to_owned(),
            file: Some("tests/pumps.toml".to_owned()),
            began,
            took: Duration::from_millis(1500),
            properties: vec![("transport".to_owned(), "mqtt".to_owned())],
            cases,
        };
        Results { name: "Scenarios".to_owned(), began, took: suite.took, suites: vec![suite] }
    }

    /// As XML: every element ends, and every text is one.
    fn parsed(page: &str) -> Result<Document<'_>, roxmltree::Error> {
        Document::parse_with_options(page, ParsingOptions { allow_dtd: true, ..Default::default() })
    }

    #[test]
    fn a_page_opens_what_is_bad_folds_the_rest_and_needs_nothing_else() {
        let mut bad = Case::new("pumps", "pump-2", Outcome::Failed(vec!["no hub".to_owned()]));
        bad.rule = Some(Rule {
            id: "rule-1".to_owned(),
            text: "wait".to_owned(),
            source: Some("https://example.org/a".to_owned()),
        });
        bad.conversation.push(Part::new(PartKind::Device, "<script>alert(1)</script>"));

        let page = html(&results(vec![Case::new("pumps", "pump-1", Outcome::Passed), bad]));

        let document = parsed(&page).unwrap();
        let cases: Vec<_> = document
            .descendants()
            .filter(|it| it.attribute("class") == Some("case"))
            .map(|it| (it.attribute("id").unwrap(), it.has_attribute("open")))
            .collect();
        assert_eq!(cases, [("case-1-1", false), ("case-1-2", true)]);
        let part = document.descendants().find(|it| it.has_tag_name("pre")).unwrap();
        assert_eq!(part.text(), Some("<script>alert(1)</script>"));
        let links: Vec<_> = document.descendants().filter_map(|it| it.attribute("href")).collect();
        assert_eq!(links, ["#case-1-2", "https://example.org/a"]);
        for name in ["script", "link", "img", "iframe"] {
            assert!(!document.descendants().any(|it| it.has_tag_name(name)), "{name}");
        }
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
    }

    #[test]
    fn no_source_becomes_a_link_that_runs() {
        let mut case = Case::new("a", "b", Outcome::Passed);
        case.rule = Some(Rule {
            id: "X".to_owned(),
            text: "y".to_owned(),
            source: Some("javascript:alert(1)".to_owned()),
        });

        assert!(!html(&results(vec![case])).contains("javascript:"));
    }

    proptest! {
        #[test]
        fn whatever_stands_in_it_the_page_is_well_formed(
            text in "(\\PC|\\p{C}|[&<>\"'\\x00-\u{9f}\u{fffe}\u{ffff}\u{202e}]){0,40}",
        ) {
            let mut case = Case::new(&*text, &*text, Outcome::Broken(text.clone()));
            case.seen.push(Seen::new(case.took, &*text));
            case.rule = Some(Rule { id: text.clone(), text: text.clone(), source: Some(format!("https://{text}")) });
            case.conversation.push(Part::new(PartKind::Journal, &*text));
            let mut results = results(vec![case]);
            results.name.clone_from(&text);
            results.suites[0].properties.push((text.clone(), text.clone()));

            let page = html(&results);

            let document = parsed(&page);
            prop_assert!(document.is_ok(), "{:?}\n{page}", document.err());
            prop_assert!(!page.contains(|it: char| it.is_control() && !matches!(it, '\n' | '\t')));
        }
    }
}
