//! What a back end wrote into a record that this program does not know: it comes back as it was sent
//! (K-7).

use crate::wire::{Members, Payload, from_json_object};

/// The members of which the record and the objects in it are made; the attestation apart, which the
/// service writes itself (J-190).
const OBJECTS: [(&str, &[&str]); 3] = [
    ("capabilities", &["iotEdge"]),
    ("reprovisionPolicy", &["updateHubAssignment", "migrateDeviceData"]),
    ("customAllocationDefinition", &["webhookUrl", "apiVersion"]),
];

/// Members that are not known, as they were sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unknown {
    /// Those of the record.
    pub of_record: Members,
    within: Vec<(&'static str, Members)>,
}

impl Unknown {
    /// Those of a record of which these are `known`.
    pub(super) fn of(record: Members, known: &[&str]) -> Self {
        let within = OBJECTS.iter().filter_map(|(name, known)| {
            let members = members(record.get(name)?).without(known);
            (!members.is_empty()).then_some((*name, members))
        });
        Self { within: within.collect(), of_record: record.without(known) }
    }

    /// All of them, with their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Payload)> {
        std::iter::once(&self.of_record)
            .chain(self.within.iter().map(|(_, it)| it))
            .flat_map(Members::iter)
    }

    /// An object of the record with those that it had.
    pub(super) fn put_back(&self, name: &str, shown: &Payload) -> Members {
        let mut shown = members(shown);
        if let Some((_, unknown)) = self.within.iter().find(|(object, _)| *object == name) {
            shown.extend(unknown);
        }
        shown
    }
}

fn members(object: &Payload) -> Members {
    from_json_object(object.as_json().as_bytes()).unwrap_or_default()
}
