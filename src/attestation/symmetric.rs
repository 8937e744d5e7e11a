//! Does a SAS token come from a device of this group? And if not, why not (D-3)?
//!
//! The wire only ever says 401. What is found here is for the service's own log and for
//! `sas-token --check`; whose key it was instead, `diagnosis` finds out.

use super::{Claims, GroupKey};
use crate::wire::RegistrationId;

/// Which of the two keys of an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySlot {
    /// `primaryKey`.
    Primary,
    /// `secondaryKey`.
    Secondary,
}

/// The two keys of an enrollment group; devices may use either (D.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupKeys {
    /// `primaryKey`.
    pub primary: GroupKey,
    /// `secondaryKey`.
    pub secondary: GroupKey,
}

/// How a token matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyMatch {
    /// The group key from which the device's was derived.
    pub slot: KeySlot,
    /// Whether it was derived from the lower-case form of the ID rather than the ID as sent (J-5).
    pub folded: bool,
}

impl GroupKeys {
    /// Both keys with their slots.
    pub fn slots(&self) -> [(KeySlot, &GroupKey); 2] {
        [(KeySlot::Primary, &self.primary), (KeySlot::Secondary, &self.secondary)]
    }

    /// How many signatures [`matching`](Self::matching) compares at most.
    pub(super) fn most_signatures(registration_id: &RegistrationId) -> usize {
        if has_upper_case(registration_id) { 4 } else { 2 }
    }

    /// Which of the group's keys, if any, lies behind the key that signed the token.
    pub fn matching(
        &self,
        claims: &Claims<'_>,
        registration_id: &RegistrationId,
    ) -> Option<KeyMatch> {
        let has_upper_case = has_upper_case(registration_id);
        self.slots().into_iter().find_map(|(slot, key)| {
            let deriver = key.deriver();
            if claims.is_signed_with(&deriver.derive(registration_id)) {
                return Some(KeyMatch { slot, folded: false });
            }
            let folded =
                has_upper_case && claims.is_signed_with(&deriver.derive_folded(registration_id));
            folded.then_some(KeyMatch { slot, folded })
        })
    }
}

/// Only then is there a lower-case form of its own (J-5).
fn has_upper_case(registration_id: &RegistrationId) -> bool {
    registration_id.as_str().bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {

    use super::super::testing::{id, keys, signed};
    use super::*;

    #[test]
    fn d_3_derivations_from_either_key_match() {
        for (slot, key) in keys().slots() {
            let token = signed(&key.derive(&id("toaster")), "toaster");

            let matched = keys().matching(&token.claims().unwrap(), &id("toaster"));

            assert_eq!(matched, Some(KeyMatch { slot, folded: false }));
        }
    }

    #[test]
    fn j_5_a_key_derived_from_the_lower_case_id_matches_too() {
        let token = signed(&keys().primary.derive(&id("toaster")), "Toaster");

        let matched = keys().matching(&token.claims().unwrap(), &id("Toaster"));

        assert_eq!(matched, Some(KeyMatch { slot: KeySlot::Primary, folded: true }));
    }
}
