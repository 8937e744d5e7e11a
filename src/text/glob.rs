//! Which names are meant: `*` stands for any characters, `?` for one; case does not matter, as in
//! registration IDs (D.1).

use std::fmt;

/// A pattern of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Any text is a pattern but an empty one, which no name matches.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Whether it means `name`.
    pub fn matches(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        let same = |one: char, other: char| one == '?' || one.eq_ignore_ascii_case(&other);
        // The last `*`, and how much of the name it has swallowed: the only choice ever to be taken back.
        let (mut at, mut seen, mut star) = (0, 0, None);
        while seen < name.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, seen));
                    at += 1;
                }
                Some(&c) if same(c, name[seen]) => (at, seen) = (at + 1, seen + 1),
                _ => match &mut star {
                    Some((begin, swallowed)) => {
                        *swallowed += 1;
                        (at, seen) = (*begin + 1, *swallowed);
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|c| *c == '*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn stars_and_question_marks_stand_for_others() {
        for (pattern, name) in [
            ("pump-*", "pump-0042"),
            ("pump-*", "PUMP-"),
            ("*", ""),
            ("*-42", "a-4-42"),
            ("p?mp-*-?", "pump-a-b-c"),
            ("*a*b*", "xaxbx"),
            ("pump", "Pump"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("pump-*", "pum-1"), ("pump", "pump-1"), ("?", ""), ("*ab", "aab-"), ("a*b*c", "acb")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    /// What it should mean, in the fewest words.
    fn meant(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                meant(rest, name) || (!name.is_empty() && meant(pattern, &name[1..]))
            }
            ([b'?', rest @ ..], [_, tail @ ..]) => meant(rest, tail),
            ([c, rest @ ..], [d, tail @ ..]) => c == d && meant(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_means_what_it_should(pattern in "[ab*?]{1,8}", name in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &name), meant(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
