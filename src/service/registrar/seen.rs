//! Which devices came by lately: theirs are the keys to try when a token does not match.

use std::collections::{HashSet, VecDeque};

use crate::wire::RegistrationId;

/// How many devices are remembered; the oldest is forgotten first.
const MAX: usize = 1000;

/// The registration IDs seen last, and some that are tried always.
#[derive(Debug, Default)]
pub(super) struct SeenRegistrationIds {
    always: Vec<RegistrationId>,
    seen: HashSet<RegistrationId>,
    order: VecDeque<RegistrationId>,
}

impl SeenRegistrationIds {
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

    /// Forgets the IDs it saw; those that are tried always stay.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
        self.order.clear();
    }

    /// Those that are tried always, then those that came by last: no more than are tried (J-211).
    pub(super) fn all(&self) -> Vec<RegistrationId> {
        self.always.iter().chain(self.order.iter().rev()).take(MAX).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_but_never_the_suspects() {
        let id = |n: usize| format!("d{n}").parse::<RegistrationId>().unwrap();
        let mut seen = SeenRegistrationIds::new(vec![id(7_000_000)]);

        (0..3 * MAX).for_each(|n| seen.add(&id(n % (2 * MAX))));

        let all = seen.all();
        assert_eq!(all.len(), MAX);
        assert_eq!((&all[0], &all[1]), (&id(7_000_000), &id(MAX - 1)), "the last first");

        seen.forget();
        seen.add(&id(1));
        assert_eq!(seen.all(), [id(7_000_000), id(1)]);
    }
}
