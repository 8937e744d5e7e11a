//! All cases, in the order in which they are told.

use super::{answers, basics, hub, identity, losses, manners, refusals, trust, waiting};
use crate::conformance::case::Case;

const CASES: [&[Case]; 9] = [
    basics::CASES,
    waiting::CASES,
    refusals::CASES,
    answers::CASES,
    losses::CASES,
    trust::CASES,
    identity::CASES,
    manners::CASES,
    hub::CASES,
];

/// Every case.
pub(in crate::conformance) fn all() -> impl Iterator<Item = &'static Case> {
    CASES.iter().flat_map(|cases| cases.iter())
}
