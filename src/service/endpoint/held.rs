//! What is said later than it was meant to be, because a fault on demand wants it so.

use tokio::time::Instant;

/// What is held back on one connection: answers until the next one, and what is due at a time. Most have
/// nothing of the kind.
#[derive(Debug)]
pub(super) struct Held<A, D> {
    late: A,
    /// In the order in which it came.
    delayed: Vec<(Instant, D)>,
}

impl<A: Default, D> Default for Held<A, D> {
    fn default() -> Self {
        Self { late: A::default(), delayed: Vec::new() }
    }
}

impl<A: Default, D> Held<A, D> {
    /// Holds answers back until the next one.
    pub(super) fn until_next<T>(&mut self, answers: A)
    where
        A: IntoIterator<Item = T> + Extend<T>,
    {
        self.late.extend(answers);
    }

    /// What waits for this answer.
    pub(super) fn take_late(&mut self) -> A {
        std::mem::take(&mut self.late)
    }

    pub(super) fn until(&mut self, at: Instant, delayed: D) {
        self.delayed.push((at, delayed));
    }

    /// When something is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.iter().map(|(at, _)| *at).min()
    }

    /// What is due first.
    pub(super) fn take_due(&mut self) -> Option<D> {
        let first = self.delayed.iter().enumerate().min_by_key(|(_, (at, _))| *at)?.0;
        Some(self.delayed.remove(first).1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_in_its_order() {
        let (now, mut held) = (Instant::now(), Held::<Vec<u8>, &str>::default());
        assert_eq!(held.next_due(), None);
        for (seconds, text) in [(2, "c"), (1, "a"), (1, "b")] {
            held.until(now + Duration::from_secs(seconds), text);
        }

        assert_eq!(held.next_due(), Some(now + Duration::from_secs(1)));
        let taken: Vec<_> = std::iter::from_fn(|| held.take_due()).collect();
        assert_eq!(taken, ["a", "b", "c"]);
    }

    #[test]
    fn what_is_late_waits_for_the_next_answer_and_no_longer() {
        let mut held = Held::<Vec<u8>, ()>::default();
        held.until_next(vec![1]);
        held.until_next(vec![2, 3]);

        assert_eq!(held.take_late(), [1, 2, 3]);
        assert_eq!(held.take_late(), [0; 0]);
    }
}
