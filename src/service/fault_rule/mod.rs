//! What may go wrong on purpose: a rule says where, for whom, when, and what.
//!
//! Pure, and the contract of `serve --fault`, of `[[faults]]`, and of `POST /faults`. Here a rule is only
//! read and judged; [`faults`](super::faults) has it strike.
//!
//! - `place`: where a rule strikes.
//! - `when`: which requests of those that come by.
//! - `what`: what happens then.
//! - `word`: every word of a rule, where it may stand, and what it means.
//! - `rule`: a rule.
//! - `sense`: what can never happen, and why.
//! - `parse`: from text, and back.
//! - `written`: from a configuration.

mod parse;
mod place;
mod rule;
mod sense;
mod what;
mod when;
mod word;
mod written;

pub use parse::FaultRuleError;
pub use place::{FaultPlace, FaultTransport};
pub use rule::FaultRule;
pub use what::{ChainEncoding, Deed, RetryAfter, Stage, What};
pub use when::{Counter, Scope};
pub use word::{FaultWord, fault_words};
