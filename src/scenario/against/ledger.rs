//! What has been made and is not removed yet.
//!
//! Pure. What is about to be made is written down before the call goes out, because a call whose answer
//! is lost may have done its work. What comes last is removed first: a registration before the
//! enrollment that it came by.

use super::thing::Thing;

/// The things of one run.
#[derive(Debug, Default)]
pub struct Ledger {
    /// In the order in which they were made.
    things: Vec<Thing>,
}

impl Ledger {
    /// Writes down what is about to be made. What is there already keeps its place.
    pub fn intend(&mut self, thing: Thing) {
        if !self.things.contains(&thing) {
            self.things.push(thing);
        }
    }

    /// Crosses out what was never made, or is removed.
    pub fn strike(&mut self, thing: &Thing) {
        self.things.retain(|other| other != thing);
    }

    /// Whether it is written down.
    pub fn has(&self, thing: &Thing) -> bool {
        self.things.contains(thing)
    }

    /// What is to be removed, in the order in which that is to be done.
    pub fn left(&self) -> Vec<Thing> {
        self.things.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::api_client::Kind;

    fn thing(number: u8) -> Thing {
        let name = format!("ps-7k2m9q4x-{number}");
        match number % 3 {
            0 => Thing::Enrollment(Kind::Group, name),
            1 => Thing::Registration(name),
            _ => Thing::HubDevice { hub: "hub.azure-devices.net".parse().unwrap(), id: name },
        }
    }

    #[test]
    fn j_292_what_was_made_last_is_removed_first() {
        let mut ledger = Ledger::default();
        [0, 1, 2, 1].into_iter().for_each(|number| ledger.intend(thing(number)));
        ledger.strike(&thing(2));

        assert_eq!(ledger.left(), [thing(1), thing(0)]);
    }

    proptest! {
        /// Against a model that knows nothing of order.
        #[test]
        fn what_is_left_is_what_was_made_and_not_removed(steps in proptest::collection::vec((any::<bool>(), 0_u8..6), 0..40)) {
            let (mut ledger, mut model) = (Ledger::default(), BTreeSet::new());
            for (is_made, number) in steps {
                if is_made {
                    ledger.intend(thing(number));
                    model.insert(number);
                } else {
                    ledger.strike(&thing(number));
                    model.remove(&number);
                }
                let left = ledger.left();
                prop_assert_eq!(left.len(), model.len());
                prop_assert!(model.iter().all(|number| left.contains(&thing(*number)) && ledger.has(&thing(*number))));
            }
        }
    }
}
