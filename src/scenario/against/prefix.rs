//! What the names of one run begin with: `ps-7k2m9q4x-`. Nobody else's names do, so that a run can use
//! a service that others use too, and what it leaves behind can be told by its name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::sources::Chance;

const START: &str = "ps-";
/// Neither `0` and `o` nor `1` and `l`: people read these names to each other.
const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
/// Enough that two of a million runs hardly meet.
const LENGTH: usize = 8;

/// The prefix of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(Box<str>);

/// A text that is no prefix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "expected ps-, {LENGTH} letters or digits, and -, as a run tells it; for example ps-7k2m9q4x-"
)]
pub struct PrefixError;

impl Prefix {
    /// How many characters each has.
    pub const LENGTH: usize = START.len() + LENGTH + 1;

    /// One for what is played of this file; no other run has it, unless it has the same seed.
    pub fn new(chance: &Chance, file: &str) -> Self {
        let number = chance.number("prefix", file);
        let letter = |index: usize| char::from(LETTERS[(number >> (5 * index)) as usize % 32]);
        let letters: String = (0..LENGTH).map(letter).collect();
        Self(format!("{START}{letters}-").into())
    }

    /// As it stands before names.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is one of this run; services may have changed its case.
    pub fn begins(&self, name: &str) -> bool {
        name.get(..self.0.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.0))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let text = text.trim().to_ascii_lowercase();
        let middle = text.strip_prefix(START).and_then(|rest| rest.strip_suffix('-'));
        let is_one = middle.is_some_and(|middle| {
            middle.len() == LENGTH && middle.bytes().all(|byte| LETTERS.contains(&byte))
        });
        if is_one { Ok(Self(text.into())) } else { Err(PrefixError) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sources::TestSeed;

    #[test]
    fn j_290_a_seed_fixes_it_and_without_one_each_run_has_its_own() {
        let seeded = |seed, file| Prefix::new(&Chance::seeded(TestSeed(seed)), file);

        assert_eq!(seeded(7, "a.toml"), seeded(7, "a.toml"));
        assert_ne!(seeded(7, "a.toml"), seeded(8, "a.toml"));
        assert_ne!(seeded(7, "a.toml"), seeded(7, "b.toml"), "files are played beside each other");
        let system = Chance::system();
        assert_ne!(Prefix::new(&system, "a.toml"), Prefix::new(&system, "a.toml"));
    }

    #[test]
    fn what_could_be_the_name_of_something_else_is_no_prefix() {
        for text in ["", "ps-", "ps-pumps-", "ps-7k2m9q4x", "7k2m9q4x-", "ps-7k2m9q41-", "ps-*-"] {
            assert_eq!(text.parse::<Prefix>(), Err(PrefixError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_prefix_can_stand_before_a_registration_id(seed: u64) {
            let prefix = Prefix::new(&Chance::seeded(TestSeed(seed)), "a.toml");
            let name = format!("{prefix}a");

            prop_assert!(name.parse::<crate::wire::RegistrationId>().is_ok());
            prop_assert!(prefix.begins(&name) && prefix.begins(&name.to_ascii_uppercase()));
            prop_assert_eq!(prefix.as_str().parse(), Ok(prefix));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,20}") {
            let _ = text.parse::<Prefix>();
            let _ = Prefix::new(&Chance::system(), &text).begins(&text);
        }
    }
}
