//! What the service API needs of all enrollments: to list them, and to take one away.

use std::sync::Arc;

use super::{Enrollment, Kind};
use crate::service::instance::Enrollments;

impl Enrollments {
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
