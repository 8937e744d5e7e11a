//! What a device gets that registers again: the table of F.6.
//!
//! Pure. Rows are tried from the top; the first that fits decides.

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

/// What a reset means on the hub that the device already has: public texts disagree (J-3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResetOnSameHub {
    /// The identity is made anew, with the enrollment's first twin.
    #[default]
    Reset,
    /// Nothing happens.
    Keep,
}

/// Where the chosen hub stands to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// It never registered, and the hub does not know it.
    New,
    /// It never registered, but the hub knows it.
    Known,
    /// It has this hub already.
    SameHub,
    /// It has another one.
    OtherHub,
}

/// What becomes of the twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwinHandling {
    /// It stays where and as it is.
    Kept,
    /// It goes to the new hub, and the old hub forgets the device.
    Moved,
    /// It begins as the webhook says, or else the enrollment; the old hub forgets the device.
    Fresh,
    /// It begins as the enrollment says, whatever the webhook does.
    FreshFromEnrollment,
}

/// Whose hub the device gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hub {
    /// The one that allocation chose.
    Chosen,
    /// The one that it has.
    Own,
}

/// A row of the table: what must hold, where a way or a choice of `None` is any, and what follows.
/// The substatus is in the newest API version's words; what older ones are told is decided when
/// they are.
struct Row(Option<Reprovisioning>, Situation, Option<ResetOnSameHub>, Hub, TwinHandling, Substatus);

use Reprovisioning::{Migrate, Never, Reset};
use Situation::{Known, New, OtherHub, SameHub};
use Substatus::{
    DeviceDataMigrated, DeviceDataReset, InitialAssignment, ReprovisionedToInitialAssignment,
};
use TwinHandling::{Fresh, FreshFromEnrollment, Kept, Moved};

/// F.6, row by row.
#[rustfmt::skip]
static TABLE: [Row; 9] = [
    //  way            situation J-3                          hub          twin                 substatus
    Row(None,          New,      None,                        Hub::Chosen, Fresh,               InitialAssignment),
    Row(None,          Known,    None,                        Hub::Chosen, Kept,                ReprovisionedToInitialAssignment),
    Row(Some(Migrate), SameHub,  None,                        Hub::Chosen, Kept,                ReprovisionedToInitialAssignment),
    Row(Some(Migrate), OtherHub, None,                        Hub::Chosen, Moved,               DeviceDataMigrated),
    Row(Some(Reset),   SameHub,  Some(ResetOnSameHub::Reset), Hub::Chosen, FreshFromEnrollment, DeviceDataReset),
    Row(Some(Reset),   SameHub,  Some(ResetOnSameHub::Keep),  Hub::Chosen, Kept,                ReprovisionedToInitialAssignment),
    Row(Some(Reset),   OtherHub, None,                        Hub::Chosen, Fresh,               DeviceDataReset),
    Row(Some(Never),   SameHub,  None,                        Hub::Own,    Kept,                ReprovisionedToInitialAssignment),
    Row(Some(Never),   OtherHub, None,                        Hub::Own,    Kept,                ReprovisionedToInitialAssignment),
];

impl Row {
    fn fits(&self, way: Reprovisioning, situation: Situation, choice: ResetOnSameHub) -> bool {
        self.0.is_none_or(|it| it == way)
            && self.1 == situation
            && self.2.is_none_or(|it| it == choice)
    }
}

/// What the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassignment {
    /// The device's hub from now on.
    pub assignment: Assignment,
    /// What becomes of its twin.
    pub twin: TwinHandling,
    /// What the device is told.
    pub substatus: Substatus,
}

impl Reprovisioning {
    /// The way that an enrollment and a device's API version choose (F.6, J-23).
    pub fn of(policy: Option<ReprovisionPolicy>, api_version: &ApiVersion) -> Self {
        match policy {
            Some(ReprovisionPolicy { update_hub_assignment: false, .. }) => Never,
            Some(ReprovisionPolicy { migrate_device_data: true, .. }) => Migrate,
            Some(ReprovisionPolicy { migrate_device_data: false, .. }) => Reset,
            None if api_version.is_sticky_without_policy() => Never,
            None => Migrate,
        }
    }

    /// What the table says, given the device's earlier hub, the one chosen now, and whether that
    /// one knows the device.
    pub fn decide(
        self,
        earlier: Option<&Assignment>,
        chosen: Assignment,
        is_known: bool,
        on_same_hub: ResetOnSameHub,
    ) -> Reassignment {
        let situation = match earlier {
            None if is_known => Known,
            None => New,
            Some(earlier) if earlier.hub == chosen.hub => SameHub,
            Some(_) => OtherHub,
        };
        let Row(.., hub, twin, substatus) = TABLE
            .iter()
            .find(|row| row.fits(self, situation, on_same_hub))
            .unwrap_or_else(|| unreachable!("the table has a row for each case"));
        let assignment = match earlier {
            Some(earlier) if *hub == Hub::Own => earlier.clone(),
            _ => chosen,
        };
        Reassignment { assignment, twin: *twin, substatus: substatus.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(hub: &str) -> Assignment {
        Assignment { hub: hub.parse().unwrap(), device_id: "pump".parse().unwrap() }
    }

    #[test]
    fn f_6_hub_twin_and_substatus_row_by_row() {
        for (way, earlier, known, chosen, hub, twin, substatus) in [
            (Migrate, None, false, "west", "west", Fresh, InitialAssignment),
            (Migrate, None, true, "west", "west", Kept, ReprovisionedToInitialAssignment),
            (Migrate, Some("west"), true, "WEST", "WEST", Kept, ReprovisionedToInitialAssignment),
            (Migrate, Some("west"), false, "east", "east", Moved, DeviceDataMigrated),
            (Reset, Some("west"), true, "west", "west", FreshFromEnrollment, DeviceDataReset),
            (Reset, Some("west"), false, "east", "east", Fresh, DeviceDataReset),
            (Never, Some("west"), true, "west", "west", Kept, ReprovisionedToInitialAssignment),
            (Never, Some("west"), false, "east", "west", Kept, ReprovisionedToInitialAssignment),
        ] {
            let earlier = earlier.map(on);
            let reassigned =
                way.decide(earlier.as_ref(), on(chosen), known, ResetOnSameHub::default());
            let expected = Reassignment { assignment: on(hub), twin, substatus };
            assert_eq!(reassigned, expected, "{way:?} {chosen}");
        }
    }

    #[test]
    fn j_3_a_reset_on_the_same_hub_can_be_switched_off() {
        let reassigned = Reset.decide(Some(&on("west")), on("west"), true, ResetOnSameHub::Keep);

        assert_eq!(
            (reassigned.twin, reassigned.substatus),
            (Kept, ReprovisionedToInitialAssignment)
        );
    }

    #[test]
    fn the_table_has_one_row_for_each_case() {
        for way in [Migrate, Reset, Never] {
            for situation in [New, Known, SameHub, OtherHub] {
                for choice in [ResetOnSameHub::Reset, ResetOnSameHub::Keep] {
                    let rows = TABLE.iter().filter(|row| row.fits(way, situation, choice)).count();
                    assert_eq!(rows, 1, "{way:?} {situation:?} {choice:?}");
                }
            }
        }
    }

    #[test]
    fn f_6_a_policy_wins_over_the_api_version() {
        let (old, new) = ("2018-04-01".parse().unwrap(), "2019-03-31".parse().unwrap());
        let policy = |update_hub_assignment, migrate_device_data| {
            Some(ReprovisionPolicy { update_hub_assignment, migrate_device_data })
        };

        assert_eq!(Reprovisioning::of(None, &old), Never);
        assert_eq!(Reprovisioning::of(None, &new), Migrate);
        assert_eq!(Reprovisioning::of(policy(true, true), &old), Migrate);
        assert_eq!(Reprovisioning::of(policy(true, false), &new), Reset);
        assert_eq!(Reprovisioning::of(policy(false, true), &new), Never);
    }
}
