//! Whose key made a signature, and how, where it is not the right one (D-3).
//!
//! It is help and no check: what it costs is bounded (J-211), whatever is enrolled and whoever asks.

use std::cell::Cell;

use thiserror::Error;

use super::construction::{self, Construction, RightKey};
use super::{Claims, DeviceKey, GroupKeys, KeySlot, SignatureForm};
use crate::wire::RegistrationId;

/// How many signatures are tried in each of the four steps (J-211).
const TRIES: usize = 1_000;

/// How many groups can be asked whether they would take a device, in one step (J-211).
pub fn groups_to_ask(device: &RegistrationId) -> usize {
    TRIES / GroupKeys::most_signatures(device)
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
    /// No key makes such a signature.
    #[error("the field `sig` of the SAS token is {0}; expected the Base64 of 32 bytes")]
    Form(SignatureForm),
    /// The right key signed, but not as it should.
    #[error("the SAS token is signed {0}")]
    Constructed(Construction),
    /// The key is the one that a group would take, and the device has an enrollment of its own.
    #[error(
        "the SAS token is signed with the key that enrollment group {group:?} derives for this device"
    )]
    OfGroup {
        /// The group.
        group: String,
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

/// The keys to try.
#[derive(Debug, Default)]
pub struct KnownKeys<'a> {
    /// Those of the device's own enrollment, which then decides alone; empty if it has none.
    pub own: Vec<&'a DeviceKey>,
    /// Those of the enrollment groups, with their names.
    pub groups: Vec<(&'a str, &'a GroupKeys)>,
    /// Those of other devices' own enrollments.
    pub others: Vec<(&'a RegistrationId, &'a DeviceKey)>,
    /// Devices for which the groups' keys may have been derived.
    pub candidates: Vec<RegistrationId>,
}

impl KnownKeys<'_> {
    /// Finds out how the token of this device was signed, if that is not too far to seek.
    pub fn diagnose(&self, claims: &Claims<'_>, device: &RegistrationId) -> SignatureFault {
        let form = claims.signature_form().map(SignatureFault::Form);
        form.or_else(|| self.group_key_itself(claims))
            .or_else(|| self.construction(claims, device))
            .or_else(|| self.of_group(claims, device))
            .or_else(|| self.key_of_another(claims))
            .unwrap_or(SignatureFault::Unknown)
    }

    fn group_key_itself(&self, claims: &Claims<'_>) -> Option<SignatureFault> {
        let mut slots = self.groups.iter().flat_map(|(_, keys)| keys.slots()).take(TRIES);
        let (slot, _) =
            slots.find(|(_, key)| claims.is_signed_with(&key.misused_as_device_key()))?;
        Some(SignatureFault::GroupKeyItself { slot })
    }

    /// With the keys that would be right.
    fn construction(&self, claims: &Claims<'_>, device: &RegistrationId) -> Option<SignatureFault> {
        let own = self.own.iter().map(|key| RightKey::Device(key));
        let groups = self.groups.iter().flat_map(|(_, keys)| keys.slots());
        let groups = groups.map(|(_, key)| RightKey::Group(key));
        let right: Vec<_> = if self.own.is_empty() { groups.collect() } else { own.collect() };
        let left = Cell::new(TRIES);
        let mut may_try = || left.replace(left.get().saturating_sub(1)) > 0;
        for key in right {
            // To make a key ready is work too.
            if left.get() == 0 {
                break;
            }
            if let Some(found) = construction::find(claims, device, key, &mut may_try) {
                return Some(SignatureFault::Constructed(found));
            }
        }
        None
    }

    /// With the key that would be right if the device had no enrollment of its own.
    fn of_group(&self, claims: &Claims<'_>, device: &RegistrationId) -> Option<SignatureFault> {
        if self.own.is_empty() {
            return None;
        }
        let mut groups = self.groups.iter().take(groups_to_ask(device));
        let (group, _) = groups.find(|(_, keys)| keys.matching(claims, device).is_some())?;
        Some(SignatureFault::OfGroup { group: (*group).to_owned() })
    }

    fn key_of_another(&self, claims: &Claims<'_>) -> Option<SignatureFault> {
        // No more than half of the tries, for what is derived matters more often.
        let others = &self.others[..self.others.len().min(TRIES / 2)];
        let own_key = others.iter().find(|(_, key)| claims.is_signed_with(key));
        if let Some((owner, _)) = own_key {
            return Some(SignatureFault::KeyOf((*owner).clone()));
        }
        // To make a key ready costs as much as to derive with it.
        let slots = self.groups.iter().flat_map(|(_, keys)| keys.slots()).take(TRIES / 4);
        let derivers: Vec<_> = slots.map(|(_, key)| key.deriver()).collect();
        let tries = self.candidates.iter().flat_map(|id| derivers.iter().map(move |it| (id, it)));
        let (owner, _) = tries
            .take(TRIES - others.len())
            .find(|(id, deriver)| claims.is_signed_with(&deriver.derive(id)))?;
        Some(SignatureFault::KeyOf(owner.clone()))
    }
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;
