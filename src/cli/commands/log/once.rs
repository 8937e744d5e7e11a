//! Which registrations were shown: an entry changes after its end too, when its device asks again.

use std::collections::BTreeSet;

/// More than a journal keeps: what is older than that changes no more.
const KEPT: usize = 20_000;

/// The sequence numbers of those that were shown.
#[derive(Debug, Default)]
pub(super) struct Once(BTreeSet<u64>);

impl Once {
    /// Whether it is the first time.
    pub(super) fn is_new(&mut self, sequence: u64) -> bool {
        let is_new = self.0.insert(sequence);
        if self.0.len() > KEPT {
            self.0.pop_first();
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_new_once_and_only_so_many_are_kept() {
        let mut once = Once::default();

        assert!(once.is_new(7) && !once.is_new(7) && once.is_new(8));
        (0..3 * KEPT as u64).for_each(|sequence| {
            once.is_new(sequence);
        });

        assert_eq!(once.0.len(), KEPT);
    }
}
