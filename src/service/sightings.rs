//! Which devices have come by lately: theirs are the keys to try when a token does not match.

use std::collections::{HashSet, VecDeque};

use crate::wire::RegistrationId;

/// How many devices are remembered; the oldest is forgotten first.
const MAX: usize = 1000;

/// The devices seen last, and some that are always suspected.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    always: Vec<RegistrationId>,
    seen: HashSet<RegistrationId>,
    order: VecDeque<RegistrationId>,
}

impl Sightings {
    pub(super) fn new(always: Vec<RegistrationId>) -> Self {
        Self { always, ..Self::default() }
    }

    pub(super) fn add(&mut self, registration_id: &RegistrationId) {
        if self.seen.contains(registration_id) {
            return;
        }
        if self.order.len() >= MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.seen.insert(registration_id.clone());
        self.order.push_back(registration_id.clone());
    }

    /// Forgets whom it saw; the suspects stay.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
        self.order.clear();
    }

    pub(super) fn all(&self) -> Vec<RegistrationId> {
        self.always.iter().chain(&self.order).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_but_never_the_suspects() {
        let id = |n: usize| format!("d{n}").parse::<RegistrationId>().unwrap();
        let mut sightings = Sightings::new(vec![id(7_000_000)]);

        (0..3 * MAX).for_each(|n| sightings.add(&id(n % (2 * MAX))));

        let all = sightings.all();
        assert_eq!(all.len(), MAX + 1);
        assert_eq!((&all[0], &all[MAX]), (&id(7_000_000), &id(MAX - 1)));

        sightings.forget();
        sightings.add(&id(1));
        assert_eq!(sightings.all(), [id(7_000_000), id(1)]);
    }
}
