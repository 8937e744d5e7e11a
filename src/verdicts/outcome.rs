//! What became of a case.

use crate::text::Secrets;

/// What became of a case. Only [`Failed`](Self::Failed) and [`Broken`](Self::Broken) are bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it must be.
    Passed,
    /// As it must be, and yet something that its author should know.
    Warned(String),
    /// It is not as it must be; in what, each in a sentence.
    Failed(Vec<String>),
    /// It was not tried, and why.
    Skipped(String),
    /// It was tried, and what would have decided it did not come up; why.
    NotObserved(String),
    /// It could not be tried, or not to its end: a file that cannot be read, a service that does not start.
    Broken(String),
}

impl Outcome {
    /// Failed with each of the differences, passed if there is none.
    pub fn of_differences(differences: Vec<String>) -> Self {
        if differences.is_empty() { Self::Passed } else { Self::Failed(differences) }
    }

    /// Whether it is something to mend.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Broken(_))
    }

    /// The word for it, for programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned(_) => "warned",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::NotObserved(_) => "notObserved",
            Self::Broken(_) => "broken",
        }
    }

    /// The same for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotObserved(_) => "not observed",
            _ => self.as_str(),
        }
    }

    /// Why it is not simply passed: nothing, one reason, or every difference.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Passed => &[],
            Self::Failed(differences) => differences,
            Self::Warned(why) | Self::Skipped(why) | Self::NotObserved(why) | Self::Broken(why) => {
                std::slice::from_ref(why)
            }
        }
    }

    /// Has none of the secrets in its reasons.
    pub(super) fn hide(&mut self, secrets: &Secrets) {
        let reasons = match self {
            Self::Passed => &mut [],
            Self::Failed(differences) => &mut differences[..],
            Self::Warned(why) | Self::Skipped(why) | Self::NotObserved(why) | Self::Broken(why) => {
                std::slice::from_mut(why)
            }
        };
        reasons.iter_mut().for_each(|reason| *reason = secrets.mask(reason).into_owned());
    }

    /// The same in one text.
    pub fn reason(&self) -> String {
        self.reasons().join("; ")
    }
}
