//! The cases of a file, and all of them together.

use std::fmt;
use std::ops::AddAssign;
use std::time::{Duration, SystemTime};

use super::case::Case;
use super::outcome::Outcome;

/// Everything that was tried in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// What it is called, such as `provision-sim run`.
    pub name: String,
    /// When it began.
    pub began: SystemTime,
    /// How long it took, from the first to the last. Less than its suites together if they ran at once.
    pub took: Duration,
    /// The suites, in the order in which they were given.
    pub suites: Vec<Suite>,
}

/// The cases of a file, or of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// What it is called.
    pub name: String,
    /// The file that says what to try, as it was named.
    pub file: Option<String>,
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// In what circumstances: a name and its value.
    pub properties: Vec<(String, String)>,
    /// What was tried, in order.
    pub cases: Vec<Case>,
}

/// How many cases went how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// As it must be.
    pub passed: usize,
    /// As it must be, and something to know.
    pub warned: usize,
    /// Not as it must be.
    pub failed: usize,
    /// Not tried.
    pub skipped: usize,
    /// Tried, and nothing came up that would decide.
    pub not_observed: usize,
    /// Not to be tried.
    pub broken: usize,
}

impl Totals {
    /// Of some cases.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let mut totals = Self::default();
        for case in cases {
            *match case.outcome {
                Outcome::Passed => &mut totals.passed,
                Outcome::Warned(_) => &mut totals.warned,
                Outcome::Failed(_) => &mut totals.failed,
                Outcome::Skipped(_) => &mut totals.skipped,
                Outcome::NotObserved(_) => &mut totals.not_observed,
                Outcome::Broken(_) => &mut totals.broken,
            } += 1;
        }
        totals
    }

    /// All of them.
    pub fn cases(&self) -> usize {
        let Self { passed, warned, failed, skipped, not_observed, broken } = self;
        passed + warned + failed + skipped + not_observed + broken
    }

    /// Whether nothing is to be mended.
    pub fn are_good(&self) -> bool {
        self.failed == 0 && self.broken == 0
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.warned += other.warned;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.not_observed += other.not_observed;
        self.broken += other.broken;
    }
}

/// `2 passed, 0 failed`, and of the rest what there is.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        let rest = [
            (self.warned, "warned"),
            (self.skipped, "skipped"),
            (self.not_observed, "not observed"),
            (self.broken, "broken"),
        ];
        rest.iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, word)| write!(f, ", {count} {word}"))
    }
}

impl Suite {
    /// How many of its cases went how.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.cases)
    }
}

impl Results {
    /// How many of all cases went how.
    pub fn totals(&self) -> Totals {
        Totals::of(self.suites.iter().flat_map(|suite| &suite.cases))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_name_what_there_is() {
        let why = || "why".to_owned();
        let cases = [
            Outcome::Passed,
            Outcome::Passed,
            Outcome::Warned(why()),
            Outcome::Skipped(why()),
            Outcome::NotObserved(why()),
            Outcome::Broken(why()),
        ]
        .map(|outcome| Case::new("class", "name", outcome));

        let mut totals = Totals::of(&cases);

        assert_eq!(
            totals.to_string(),
            "2 passed, 0 failed, 1 warned, 1 skipped, 1 not observed, 1 broken"
        );
        assert_eq!((totals.cases(), totals.are_good()), (6, false));
        assert_eq!(Totals::of(&cases[..2]).to_string(), "2 passed, 0 failed");
        totals += Totals::of(&[Case::new("class", "name", Outcome::Failed(vec![why()]))]);
        assert_eq!((totals.failed, totals.cases()), (1, 7));
    }
}
