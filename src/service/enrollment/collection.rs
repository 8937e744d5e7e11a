//! The enrollments of an instance.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::record::{Enrollment, Kind};

/// The enrollments of an instance. Names differ only in more than case (D.1).
#[derive(Debug, Clone, Default)]
pub struct Enrollments {
    individual: HashMap<String, Arc<Enrollment>>,
    // In order of name: with thousands of groups a token is tried against each, and which one
    // matches first must not depend on chance.
    groups: BTreeMap<String, Arc<Enrollment>>,
}

impl Enrollments {
    /// Adds or replaces.
    pub fn put(&mut self, enrollment: Arc<Enrollment>) {
        let name = enrollment.name().to_ascii_lowercase();
        match enrollment.kind() {
            Kind::Individual => self.individual.insert(name, enrollment),
            Kind::Group => self.groups.insert(name, enrollment),
        };
    }

    /// The enrollment of that kind and name.
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Arc<Enrollment>> {
        let name = name.to_ascii_lowercase();
        match kind {
            Kind::Individual => self.individual.get(&name),
            Kind::Group => self.groups.get(&name),
        }
    }

    /// The groups, in order of name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Enrollment>> {
        self.groups.values()
    }

    /// All of them, groups last.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Enrollment>> {
        self.individual.values().chain(self.groups.values())
    }

    /// Takes the enrollment of that kind and name away (E.7).
    pub fn remove(&mut self, kind: Kind, name: &str) -> Option<Arc<Enrollment>> {
        let name = name.to_ascii_lowercase();
        match kind {
            Kind::Individual => self.individual.remove(&name),
            Kind::Group => self.groups.remove(&name),
        }
    }

    /// All of one kind, in order of name: pages of a query must fit together.
    pub fn of_kind(&self, kind: Kind) -> Vec<Arc<Enrollment>> {
        match kind {
            Kind::Individual => {
                let mut named: Vec<_> = self.individual.iter().collect();
                named.sort_unstable_by_key(|(name, _)| *name);
                named.into_iter().map(|(_, enrollment)| enrollment.clone()).collect()
            }
            Kind::Group => self.groups.values().cloned().collect(),
        }
    }
}
