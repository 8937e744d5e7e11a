//! Does a SAS token come from a device of this group? And if not, why not (D-3)?
//!
//! The wire only ever says 401. What is found here is for the service's own log and for
//! `sas-token --check`.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::{Claims, GroupKey, Malformed, NameFault};
use crate::wire::{IdScope, RegistrationId};

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

    /// Which of the group's keys, if any, lies behind the key that signed the token.
    pub fn matching(
        &self,
        claims: &Claims<'_>,
        registration_id: &RegistrationId,
    ) -> Option<KeyMatch> {
        let has_upper_case = registration_id.as_str().bytes().any(|byte| byte.is_ascii_uppercase());
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

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SasFault {
    /// The device sent no token.
    #[error("no SAS token was sent as password")]
    Absent,
    /// It is no token.
    #[error("the password is not a SAS token: {0}")]
    Malformed(#[from] Malformed),
    /// It is for something else.
    #[error("the SAS token is for something else: {0}")]
    Names(#[from] NameFault),
    /// It has expired.
    #[error("the SAS token expired {} ago", humantime::format_duration(Duration::from_secs(.0.as_secs())))]
    Expired(
        /// How long ago.
        Duration,
    ),
    /// It was signed with a key that is not the device's.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
}

impl SasFault {
    /// A word for logs that programs read.
    pub fn as_word(&self) -> &'static str {
        match self {
            Self::Absent => "noToken",
            Self::Malformed(_) => "malformedToken",
            Self::Names(NameFault::Resource { .. }) => "resource",
            Self::Names(NameFault::IdScope { .. }) => "idScope",
            Self::Names(NameFault::RegistrationId { .. }) => "registrationId",
            Self::Expired(_) => "expired",
            Self::Signature(SignatureFault::GroupKeyItself { .. }) => "groupKeyItself",
            Self::Signature(SignatureFault::KeyOf { .. }) => "keyOfAnotherDevice",
            Self::Signature(SignatureFault::Unknown) => "signature",
        }
    }

    /// The checks that need no key: names and time, in this order.
    pub fn check_claims(
        claims: &Claims<'_>,
        id_scope: &IdScope,
        registration_id: &RegistrationId,
        now: SystemTime,
    ) -> Result<(), Self> {
        claims.check_names(id_scope, registration_id)?;
        match claims.expired_since(now) {
            Some(since) => Err(Self::Expired(since)),
            None => Ok(()),
        }
    }
}

/// Whose key signed, if it was not the device's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// The group's key was not derived from, it was used as it is.
    #[error(
        "the SAS token is signed with the group key itself; the device must derive its own key from it"
    )]
    GroupKeyItself {
        /// Which one.
        slot: KeySlot,
    },
    /// The key was derived for another device.
    #[error("the SAS token is signed with a key that belongs to `{0}`")]
    KeyOf(
        /// That device.
        RegistrationId,
    ),
    /// No key that can be tried.
    #[error("the SAS token is signed with a key that belongs to no enrollment here")]
    Unknown,
}

/// Finds out with which wrong key a token was signed: the group keys themselves, or the keys of
/// other devices, tried for the `candidates`.
pub fn diagnose_signature<'a>(
    claims: &Claims<'_>,
    groups: impl IntoIterator<Item = &'a GroupKeys>,
    candidates: &[RegistrationId],
) -> SignatureFault {
    for (slot, key) in groups.into_iter().flat_map(GroupKeys::slots) {
        if claims.is_signed_with(&key.misused_as_device_key()) {
            return SignatureFault::GroupKeyItself { slot };
        }
        let deriver = key.deriver();
        if let Some(owner) = candidates.iter().find(|id| claims.is_signed_with(&deriver.derive(id)))
        {
            return SignatureFault::KeyOf(owner.clone());
        }
    }
    SignatureFault::Unknown
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::{DeviceKey, SasToken, registration_resource};
    use super::*;

    fn keys() -> GroupKeys {
        GroupKeys {
            primary: "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==".parse().unwrap(),
            secondary: "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==".parse().unwrap(),
        }
    }

    fn id(text: &str) -> RegistrationId {
        text.parse().unwrap()
    }

    fn signed(key: &DeviceKey, registration_id: &str) -> SasToken {
        let resource = registration_resource(&"scope".parse().unwrap(), &id(registration_id));
        SasToken::sign(&resource, key, UNIX_EPOCH + Duration::from_secs(1_000))
    }

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

    #[test]
    fn d_3_wrong_keys_are_named() {
        let keys = keys();
        let candidates = [id("other"), id("breakroom499-contoso-tstrsd-007")];
        let fault = |key: &DeviceKey| {
            diagnose_signature(&signed(key, "toaster").claims().unwrap(), [&keys], &candidates)
        };

        assert_eq!(
            fault(&keys.secondary.misused_as_device_key()),
            SignatureFault::GroupKeyItself { slot: KeySlot::Secondary }
        );
        assert_eq!(
            fault(&"JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=".parse().unwrap()),
            SignatureFault::KeyOf(id("breakroom499-contoso-tstrsd-007"))
        );
        assert_eq!(fault(&"AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap()), SignatureFault::Unknown);
    }

    #[test]
    fn j_24_an_expired_token_says_since_when() {
        let token = signed(&keys().primary.derive(&id("toaster")), "toaster");
        let now = UNIX_EPOCH + Duration::from_millis(1_012_900);

        let fault = SasFault::check_claims(
            &token.claims().unwrap(),
            &"scope".parse().unwrap(),
            &id("toaster"),
            now,
        )
        .unwrap_err();

        assert_eq!(fault.to_string(), "the SAS token expired 12s ago");
        assert_eq!(fault.as_word(), "expired");
    }
}
