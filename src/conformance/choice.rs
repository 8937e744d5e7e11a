//! Which cases are wanted.

use thiserror::Error;

use super::case::Case;
use super::cases::all;
use crate::text::nearest;

/// There is no such case.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no case {given:?}{}", meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default())]
pub struct UnknownCase {
    /// What was asked for.
    pub given: String,
    /// What comes nearest.
    pub meant: Option<&'static str>,
}

/// The cases of these names, in the order in which all are; all of them where none is named.
///
/// # Errors
///
/// If there is none of a name.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Case>, UnknownCase> {
    for name in names {
        if all().all(|case| case.id != name) {
            let meant = nearest(name, all().map(|case| case.id));
            return Err(UnknownCase { given: name.clone(), meant });
        }
    }
    let is_wanted = |case: &&Case| names.is_empty() || names.iter().any(|name| name == case.id);
    Ok(all().filter(is_wanted).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::service::FaultRule;
    use crate::wire::RegistrationId;

    #[test]
    fn every_case_has_a_name_of_its_own_and_rules_that_can_strike() {
        let names: BTreeSet<_> = all().map(|case| case.id).collect();

        assert_eq!(names.len(), all().count());
        assert!(names.len() >= 30, "{}", names.len());
        assert_eq!(all().next().map(|case| case.id), Some("assigned"));
        for case in all() {
            let id = case.id;
            assert!(
                id.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-'),
                "{id}"
            );
            format!("conformance-{id}-20").parse::<RegistrationId>().unwrap();
            for fault in case.setup.faults {
                fault.parse::<FaultRule>().unwrap_or_else(|error| panic!("{id}: {error}"));
            }
        }
    }

    #[test]
    fn a_case_that_is_not_there_is_named_with_the_nearest() {
        let error = chosen(&["wait-retry-after-3".to_owned()]).unwrap_err().to_string();

        assert_eq!(
            error,
            "there is no case \"wait-retry-after-3\"; did you mean waits-retry-after-3?"
        );
        let names: Vec<_> = ["disabled", "assigned"].map(str::to_owned).into();
        let ids: Vec<_> = chosen(&names).unwrap().iter().map(|case| case.id).collect();
        assert_eq!(ids, ["assigned", "disabled"]);
    }
}

#[cfg(test)]
#[path = "judges_tests.rs"]
mod judges_tests;
