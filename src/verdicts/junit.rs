//! The file that CI systems read.
//!
//! JUnit has no document that defines it: there are the schema of Ant's task, which is strict, and what CI
//! systems accept, which is much. What is written here is what all of them know (J-300): no attribute and no
//! element that one of them refuses, and all that one of them asks for. So a case has no output of its
//! own: that of all cases is the suite's, and the conversation of a bad one is in its failure.

use std::fmt::Write;

use super::case::{Case, PartKind};
use super::outcome::Outcome;
use super::shown::{line, lines, seconds, seen, timestamp};
use super::suite::{Results, Suite, Totals};
use crate::text::Foreign;

/// The most bytes of one part of a conversation: CI systems refuse files that are too large.
const PART: usize = 64 * 1024;

/// Results as a JUnit file. Whatever stands in them, it is well-formed XML 1.0.
pub fn junit(results: &Results) -> String {
    let mut xml = Xml::new();
    xml.open("testsuites", &[]);
    for (id, suite) in results.suites.iter().enumerate() {
        write_suite(&mut xml, id, suite);
    }
    xml.close("testsuites");
    xml.text
}

fn write_suite(xml: &mut Xml, id: usize, suite: &Suite) {
    let totals @ Totals { failed, broken, skipped, not_observed, .. } = suite.totals();
    xml.open(
        "testsuite",
        &[
            ("name", named(&suite.name)),
            ("timestamp", timestamp(suite.began)),
            // What the schema says is to be written where it is not known. The machine's name is nobody's
            // business.
            ("hostname", "localhost".to_owned()),
            ("tests", totals.cases().to_string()),
            ("failures", failed.to_string()),
            ("errors", broken.to_string()),
            ("skipped", (skipped + not_observed).to_string()),
            ("time", seconds(suite.took)),
            ("package", named(suite.file.as_deref().unwrap_or(&suite.name))),
            ("id", id.to_string()),
        ],
    );
    xml.open("properties", &[]);
    let file = suite.file.iter().map(|file| ("file", file.as_str()));
    let others = suite.properties.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in file.chain(others) {
        xml.empty("property", &[("name", named(name)), ("value", line(value))]);
    }
    xml.close("properties");
    suite.cases.iter().for_each(|case| write_case(xml, case));
    xml.element("system-out", &[], &output(suite));
    xml.element("system-err", &[], "");
    xml.close("testsuite");
}

fn write_case(xml: &mut Xml, case: &Case) {
    let attributes = [
        ("name", named(&case.name)),
        ("classname", named(&case.class)),
        ("time", seconds(case.took)),
    ];
    let element = match &case.outcome {
        Outcome::Passed | Outcome::Warned(_) => return xml.empty("testcase", &attributes),
        Outcome::Failed(_) => "failure",
        Outcome::Broken(_) => "error",
        Outcome::Skipped(_) | Outcome::NotObserved(_) => "skipped",
    };
    xml.open("testcase", &attributes);
    let message = ("message", line(&case.outcome.reason()));
    match element {
        "skipped" => xml.empty(element, &[message]),
        _ => {
            let kind = ("type", case.outcome.as_str().to_owned());
            xml.element(element, &[message, kind], &story(case));
        }
    }
    xml.close("testcase");
}

/// A name that is not empty, for those who group by it.
fn named(name: &str) -> String {
    let name = line(name.trim());
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

/// All that is known of a bad case.
fn story(case: &Case) -> String {
    let mut text = String::new();
    for reason in case.outcome.reasons() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line(reason));
    }
    if let Some(rule) = &case.rule {
        let source = rule.source.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        let _ =
            writeln!(text, "rule {}: {}", line(&rule.id), line(&format!("{}{source}", rule.text)));
    }
    if !case.seen.is_empty() {
        let _ = write!(text, "\nSeen:\n{}", seen(&case.seen));
    }
    // The timeline tells what these two have, in fewer words.
    let is_told = |kind| !matches!(kind, PartKind::Journal | PartKind::Webhook);
    for part in case.conversation.iter().filter(|part| is_told(part.kind)) {
        let shown = Foreign::up_to(part.text.trim_end(), PART).into_text();
        let _ = writeln!(text, "\n{}:\n{}", part.kind.title(), lines(&shown));
    }
    text
}

/// What was seen of each case, for those that did not fail too.
fn output(suite: &Suite) -> String {
    let mut text = String::new();
    for case in &suite.cases {
        let name = line(&case.name);
        let reason = match case.outcome.reason() {
            reason if reason.is_empty() => reason,
            reason => format!(": {}", line(&reason)),
        };
        let took = seconds(case.took);
        let _ = writeln!(text, "{name}: {}{reason} ({took} s)", case.outcome.word());
        text.push_str(&seen(&case.seen));
    }
    text
}

/// Writes elements, each in a line of its own where that changes no text.
struct Xml {
    text: String,
    depth: usize,
}

type Attribute = (&'static str, String);

impl Xml {
    fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 }
    }

    fn open(&mut self, name: &str, attributes: &[Attribute]) {
        self.begin(name, attributes);
        self.text.push_str(">\n");
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        let _ = writeln!(self.text, "{:1$}</{name}>", "", 2 * self.depth);
    }

    fn empty(&mut self, name: &str, attributes: &[Attribute]) {
        self.begin(name, attributes);
        self.text.push_str("/>\n");
    }

    fn element(&mut self, name: &str, attributes: &[Attribute], text: &str) {
        self.begin(name, attributes);
        let _ = writeln!(self.text, ">{}</{name}>", escaped(text));
    }

    fn begin(&mut self, name: &str, attributes: &[Attribute]) {
        let _ = write!(self.text, "{:1$}<{name}", "", 2 * self.depth);
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"{}\"", escaped(value));
        }
    }
}

/// What XML takes for its own. Texts come without the characters that it forbids.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;
    use roxmltree::{Document, Node};

    use super::super::case::{Part, Rule, Seen};
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
        Results { name: "run".to_owned(), began, took: suite.took, suites: vec![suite] }
    }

    fn child<'a>(node: Node<'a, 'a>, name: &str) -> Node<'a, 'a> {
        node.children().find(|it| it.has_tag_name(name)).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn j_300_every_outcome_is_read_back() {
        let why = || "why <&> \"so\"".to_owned();
        let mut failed =
            Case::new("pumps", "pump-3", Outcome::Failed(vec![why(), "too".to_owned()]));
        failed.took = Duration::from_millis(250);
        failed.seen.push(Seen::new(Duration::from_millis(12), "register"));
        failed.rule = Some(Rule {
            id: "rule-1".to_owned(),
            text: "wait".to_owned(),
            source: Some("https://a".to_owned()),
        });
        failed.conversation.push(Part::new(PartKind::Device, "Registering Device\n  ]]> done"));
        let file = junit(&results(vec![
            Case::new("pumps", "pump-1", Outcome::Passed),
            Case::new("pumps", "pump-2", Outcome::Warned(why())),
            failed,
            Case::new("pumps", "pump-4", Outcome::Skipped(why())),
            Case::new("pumps", "pump-5", Outcome::NotObserved(why())),
            Case::new("pumps", "pump-6", Outcome::Broken(why())),
        ]));

        let document = Document::parse(&file).unwrap();
        let suite = child(document.root_element(), "testsuite");
        let attributes: Vec<_> = suite.attributes().map(|it| (it.name(), it.value())).collect();
        assert_eq!(
            attributes,
            [
                ("name", "pumps"),
                ("timestamp", "2026-03-02T08:15:30"),
                ("hostname", "localhost"),
                ("tests", "6"),
                ("failures", "1"),
                ("errors", "1"),
                ("skipped", "2"),
                ("time", "1.500"),
                ("package", "tests/pumps.toml"),
                ("id", "0"),
            ]
        );
        let cases: Vec<_> = suite.children().filter(|it| it.has_tag_name("testcase")).collect();
        let kinds: Vec<_> = cases
            .iter()
            .map(|case| {
                case.first_element_child()
                    .map(|it| (it.tag_name().name(), it.attribute("message").unwrap()))
            })
            .collect();
        assert_eq!(
            kinds,
            [
                None,
                None,
                Some(("failure", "why <&> \"so\"; too")),
                Some(("skipped", "why <&> \"so\"")),
                Some(("skipped", "why <&> \"so\"")),
                Some(("error", "why <&> \"so\"")),
            ]
        );
        assert_eq!(cases[2].attribute("time"), Some("0.250"));
        assert_eq!(
            child(cases[2], "failure").text().unwrap(),
            "why <&> \"so\"\ntoo\nrule rule-1: wait (https://a)\n\nSeen:\n    0.012 s  register\n\n\
             Device:\nRegistering Device\n  ]]> done\n"
        );
        assert!(
            child(suite, "system-out")
                .text()
                .unwrap()
                .contains("pump-2: warned: why <&> \"so\" (0.000 s)\n")
        );
    }

    #[test]
    fn j_300_a_long_conversation_is_cut_and_says_so() {
        let mut case = Case::new("a", "b", Outcome::Broken("no service".to_owned()));
        case.conversation.push(Part::new(PartKind::Log, "x".repeat(2 * PART)));

        let file = junit(&results(vec![case]));

        assert!(file.len() < 2 * PART && file.contains("(cut here; 131072 bytes in all)"));
    }

    proptest! {
        #[test]
        fn j_300_whatever_stands_in_it_it_is_well_formed(
            text in "(\\PC|\\p{C}|[&<>\"'\\[\\]\\x00-\u{9f}\u{fffe}\u{ffff}]){0,40}",
            millis in any::<u64>(),
        ) {
            let mut case = Case::new(&*text, &*text, Outcome::Failed(vec![text.clone()]));
            case.took = Duration::from_millis(millis);
            case.seen.push(Seen::new(case.took, &*text));
            case.conversation.push(Part::new(PartKind::Device, &*text));
            let mut results = results(vec![case]);
            results.suites[0].name.clone_from(&text);
            results.suites[0].properties.push((text.clone(), text.clone()));

            let file = junit(&results);

            let document = Document::parse(&file);
            prop_assert!(document.is_ok(), "{:?}\n{file}", document.err());
            prop_assert!(!file.contains(|it: char| it.is_control() && it != '\n' && it != '\t'));
        }
    }
}
