//! The enrollments of an instance.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use super::record::{Enrollment, Kind};

/// The enrollments of an instance, in order of name: pages of a list must fit together, and which
/// of thousands of groups a token is tried against first must not depend on chance. Names differ
/// only in more than case (D.1).
#[derive(Debug, Clone, Default)]
pub struct Enrollments {
    individual: BTreeMap<Box<str>, Arc<Enrollment>>,
    groups: BTreeMap<Box<str>, Arc<Enrollment>>,
}

impl Enrollments {
    /// Adds or replaces.
    pub fn put(&mut self, enrollment: Arc<Enrollment>) {
        let name = enrollment.name().to_ascii_lowercase().into();
        self.of_kind_mut(enrollment.kind()).insert(name, enrollment);
    }

    /// The enrollment of that kind and name.
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Arc<Enrollment>> {
        self.of_kind(kind).get(&*name.to_ascii_lowercase())
    }

    /// The groups.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Enrollment>> {
        self.groups.values()
    }

    /// All of them, groups last.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Enrollment>> {
        self.individual.values().chain(self.groups.values())
    }

    /// Those of one kind whose names come behind `after`, at most `limit`.
    pub fn page(&self, kind: Kind, after: Option<&str>, limit: usize) -> Vec<Arc<Enrollment>> {
        let after = after.map(str::to_ascii_lowercase);
        let from = after.as_deref().map_or(Unbounded, Excluded);
        let behind = self.of_kind(kind).range::<str, _>((from, Unbounded));
        behind.take(limit).map(|(_, enrollment)| enrollment.clone()).collect()
    }

    /// Takes the enrollment of that kind and name away (E.7).
    pub fn remove(&mut self, kind: Kind, name: &str) -> Option<Arc<Enrollment>> {
        self.of_kind_mut(kind).remove(&*name.to_ascii_lowercase())
    }

    fn of_kind(&self, kind: Kind) -> &BTreeMap<Box<str>, Arc<Enrollment>> {
        match kind {
            Kind::Individual => &self.individual,
            Kind::Group => &self.groups,
        }
    }

    fn of_kind_mut(&mut self, kind: Kind) -> &mut BTreeMap<Box<str>, Arc<Enrollment>> {
        match kind {
            Kind::Individual => &mut self.individual,
            Kind::Group => &mut self.groups,
        }
    }
}
