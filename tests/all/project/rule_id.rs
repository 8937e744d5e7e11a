//! The IDs of rules, and where a text defines or cites them.

use std::collections::BTreeSet;
use std::fmt;

/// `A-12` or `F.4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleId {
    letter: char,
    /// `.` for what a section says, `-` for a rule of its own.
    separator: char,
    number: u32,
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.letter, self.separator, self.number)
    }
}

/// The ID at the beginning of a text, and what follows it.
fn leading(text: &str) -> Option<(RuleId, &str)> {
    let mut chars = text.chars();
    let letter = chars.next().filter(char::is_ascii_uppercase)?;
    let separator = chars.next().filter(|c| ['.', '-'].contains(c))?;
    let rest = chars.as_str();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest[..digits].parse().ok()?;
    let rest = &rest[digits..];
    let is_longer = rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-')
        || rest
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric()));
    (!is_longer).then_some((RuleId { letter, separator, number }, rest))
}

/// The rules that a page defines, in bold or as a heading, each with the anchor of its heading.
pub(super) fn defined(page: &str) -> Vec<(RuleId, String)> {
    let mut rules = Vec::new();
    let mut anchor = String::new();
    for line in page.lines() {
        if line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim();
            anchor = super::links::anchor(heading);
            rules.extend(leading(heading).map(|(rule, _)| (rule, anchor.clone())));
        }
        let bold = line.split("**").skip(1).step_by(2).filter_map(leading);
        rules.extend(
            bold.filter(|(_, rest)| rest.is_empty()).map(|(rule, _)| (rule, anchor.clone())),
        );
    }
    rules
}

/// The rules that a source text cites, of those that are known.
pub(super) fn cited(text: &str, known: &BTreeSet<RuleId>) -> BTreeSet<RuleId> {
    let mut found = BTreeSet::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        let is_inside = before.replace(c).is_some_and(|b| b.is_alphanumeric() || "_-.".contains(b));
        if let Some((rule, rest)) = leading(&text[at..]).filter(|_| !is_inside) {
            let last = rest.strip_prefix(" to ").and_then(leading).map_or(rule, |(last, _)| last);
            let numbers = rule.number..=last.number.max(rule.number);
            found.extend(numbers.map(|number| RuleId { number, ..rule }));
        }
    }
    for line in text.lines() {
        let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        found.extend(name.into_iter().flat_map(|(name, _)| named(name)));
    }
    found.intersection(known).copied().collect()
}

/// The rules that a test's name says: at its beginning, one after the other, or later one of ours.
fn named(name: &str) -> Vec<RuleId> {
    let words: Vec<&str> = name.split('_').collect();
    let mut rules = Vec::new();
    let mut is_beginning = true;
    for (index, pair) in words.windows(2).enumerate() {
        let (letter, number) = (pair[0].chars().next().unwrap_or('_'), pair[1].parse());
        let (true, Ok(number)) = (pair[0].len() == 1 && letter.is_ascii_lowercase(), number) else {
            is_beginning &= index % 2 == 1;
            continue;
        };
        if is_beginning || letter == 'j' {
            let letter = letter.to_ascii_uppercase();
            rules.extend(['.', '-'].map(|separator| RuleId { letter, separator, number }));
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        let known = defined("**A-1** **A-2** **J-9** **J-10** **J-11**\n### A.2 Title\n### F.4\n");
        let known = known.into_iter().map(|(rule, _)| rule).collect();
        cited(text, &known).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rules_are_defined_in_bold_and_by_headings() {
        let rules = defined(
            "## J. Ours\n- **J-9** x [y] **G-2** z, **not**\n### A.2 Two: words\n**A-1** b\n",
        );

        let rules: Vec<_> =
            rules.iter().map(|(rule, anchor)| (rule.to_string(), &**anchor)).collect();
        let wanted = [
            ("J-9", "j-ours"),
            ("G-2", "j-ours"),
            ("A.2", "a2-two-words"),
            ("A-1", "a2-two-words"),
        ];
        assert_eq!(rules, wanted.map(|(rule, anchor)| (rule.to_owned(), anchor)));
    }

    #[test]
    fn rules_are_cited_by_id_range_and_name() {
        assert_eq!(ids("// (A-1, J-9 to J-11) and F.4."), ["A-1", "F.4", "J-9", "J-10", "J-11"]);
        assert_eq!(ids("fn a_1_f_4_some_thing_and_j_10_that() {"), ["A-1", "F.4", "J-10"]);
        assert_eq!(ids("    async fn a_2_either() {"), ["A-2", "A.2"]);
    }

    #[test]
    fn what_only_looks_like_a_rule_is_none() {
        for text in
            ["AES-A-1", "A-10", "F.4.2", "J-9a", "XA-1", "fn of_a_1_thing()", "fn jj_9_x()", "A-3"]
        {
            assert_eq!(ids(text), Vec::<String>::new(), "{text}");
        }
    }
}
