//! What a device gets that registers again: the table of F.6, without the twins.

use super::enrollment::ReprovisionPolicy;
use super::record::Assignment;
use crate::wire::{ApiVersion, Substatus};

/// The three ways of an enrollment with devices that come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reprovisioning {
    /// Another hub is possible, the data moves along.
    Migrate,
    /// Another hub is possible, the data starts afresh.
    Reset,
    /// The hub stays.
    Never,
}

impl Reprovisioning {
    /// The way that an enrollment and a device's API version choose (F.6, J-23).
    pub fn of(policy: Option<ReprovisionPolicy>, api_version: &ApiVersion) -> Self {
        match policy {
            Some(ReprovisionPolicy { update_hub_assignment: false, .. }) => Self::Never,
            Some(ReprovisionPolicy { migrate_device_data: true, .. }) => Self::Migrate,
            Some(ReprovisionPolicy { migrate_device_data: false, .. }) => Self::Reset,
            None if api_version.is_sticky_without_policy() => Self::Never,
            None => Self::Migrate,
        }
    }

    /// The hub to use and what to call it, given the device's earlier hub and the one chosen now.
    pub fn decide(
        self,
        earlier: Option<&Assignment>,
        chosen: Assignment,
    ) -> (Assignment, Substatus) {
        let Some(earlier) = earlier else {
            return (chosen, Substatus::InitialAssignment);
        };
        let is_same = earlier.hub.eq_ignore_ascii_case(&chosen.hub);
        match self {
            Self::Never => (earlier.clone(), Substatus::ReprovisionedToInitialAssignment),
            Self::Migrate if is_same => (chosen, Substatus::ReprovisionedToInitialAssignment),
            Self::Migrate => (chosen, Substatus::DeviceDataMigrated),
            // On the same hub too: our choice (J-3).
            Self::Reset => (chosen, Substatus::DeviceDataReset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(hub: &str) -> Assignment {
        Assignment { hub: hub.to_owned(), device_id: "pump".to_owned() }
    }

    #[test]
    fn f_6_hub_and_substatus_row_by_row() {
        use Reprovisioning::{Migrate, Never, Reset};
        use Substatus::{
            DeviceDataMigrated, DeviceDataReset, InitialAssignment,
            ReprovisionedToInitialAssignment,
        };

        for (way, earlier, chosen, hub, substatus) in [
            (Migrate, None, "west", "west", InitialAssignment),
            (Migrate, Some("west"), "WEST", "WEST", ReprovisionedToInitialAssignment),
            (Migrate, Some("west"), "east", "east", DeviceDataMigrated),
            (Reset, Some("west"), "west", "west", DeviceDataReset),
            (Reset, Some("west"), "east", "east", DeviceDataReset),
            (Never, Some("west"), "east", "west", ReprovisionedToInitialAssignment),
        ] {
            let earlier = earlier.map(on);
            assert_eq!(
                way.decide(earlier.as_ref(), on(chosen)),
                (on(hub), substatus),
                "{way:?} {chosen}"
            );
        }
    }

    #[test]
    fn f_6_a_policy_wins_over_the_api_version() {
        let (old, new) = ("2018-04-01".parse().unwrap(), "2019-03-31".parse().unwrap());
        let policy = |update_hub_assignment, migrate_device_data| {
            Some(ReprovisionPolicy { update_hub_assignment, migrate_device_data })
        };

        assert_eq!(Reprovisioning::of(None, &old), Reprovisioning::Never);
        assert_eq!(Reprovisioning::of(None, &new), Reprovisioning::Migrate);
        assert_eq!(Reprovisioning::of(policy(true, true), &old), Reprovisioning::Migrate);
        assert_eq!(Reprovisioning::of(policy(true, false), &new), Reprovisioning::Reset);
        assert_eq!(Reprovisioning::of(policy(false, true), &new), Reprovisioning::Never);
    }
}
