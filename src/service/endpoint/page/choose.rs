//! Which device and which enrollment are meant where somebody types a device's ID, and perhaps a name.

use std::sync::Arc;

use super::site::Site;
use crate::attestation::DeviceKey;
use crate::service::enrollment::{Attestation, Enrollment, Kind};
use crate::text::inert;
use crate::tutorial;
use crate::wire::RegistrationId;

/// How many names are offered.
const OFFERED: usize = 200;

/// The enrollment of that name, a group's first; without a name the device's own, else the group of the
/// tutorial that has devices of its name, else the only group there is.
fn enrollment(site: &Site, id: &str, name: &str) -> Option<Arc<Enrollment>> {
    site.registrar.read_enrollments(|all| {
        if !name.is_empty() {
            let group = all.find(Kind::Group, name);
            return group.or_else(|| all.find(Kind::Individual, name)).cloned();
        }
        let only = || {
            let mut groups = all.groups();
            groups.next().filter(|_| groups.next().is_none())
        };
        let own = all.find(Kind::Individual, id);
        own.or_else(|| all.find(Kind::Group, tutorial::group_of(id).0)).or_else(only).cloned()
    })
}

/// The device of an ID as it was typed, and the enrollment that lets it in; else what to tell who typed it.
pub(super) fn device(
    site: &Site,
    id: &str,
    name: &str,
) -> Result<(RegistrationId, Arc<Enrollment>), String> {
    let registration_id: RegistrationId = id
        .parse()
        .map_err(|error| format!("“{}” cannot be a registration ID: {error}.", inert(id)))?;
    match enrollment(site, registration_id.as_str(), name) {
        Some(enrollment) => Ok((registration_id, enrollment)),
        None if name.is_empty() => Err("Which enrollment lets it in? Choose one.".to_owned()),
        None => Err(format!("There is no enrollment “{}”.", inert(name))),
    }
}

/// The key of a device through an enrollment, if that has keys.
pub(super) fn key(enrollment: &Enrollment, id: &RegistrationId) -> Option<DeviceKey> {
    match &enrollment.attestation {
        Attestation::GroupKeys(keys) => Some(keys.primary.derive(id)),
        Attestation::DeviceKeys(keys) => Some(keys.primary.clone()),
        _ => None,
    }
}

/// Names of enrollments to choose from, groups first.
pub(super) fn names(site: &Site) -> Vec<String> {
    site.registrar.read_enrollments(|all| {
        let individuals = all.iter().filter(|it| it.kind() == Kind::Individual);
        let both = all.groups().chain(individuals).take(OFFERED);
        both.map(|enrollment| inert(enrollment.name()).into_owned()).collect()
    })
}
