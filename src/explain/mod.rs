//! What failures mean, why they usually happen, and what to try.
//!
//! The catalogue ([`entries`]) is data: one [`Entry`] for everything that can go wrong.
//! [`explain()`] picks the entry of an error and orders its causes by what is known on this side;
//! [`find()`] picks entries by a code, a name, or a line of somebody's log. Prints nothing and
//! opens nothing; of the tutorial's world it knows the published keys alone.
//!
//! - `entry`: what the catalogue says of one failure.
//! - `catalogue`: all entries, as data.
//! - `link`: what a hub says to DPS, in the text of a failed registration.
//! - `classify`: which entry an error belongs to.
//! - `phrases`: what programs of others write into their logs, as data.
//! - `find`: entries by a code, a name or a line of a log.
//! - `log`: whole logs, line by line.
//! - `clock`: this machine's clock against the service's.
//! - `context`: what is known on this side of a failed registration.
//! - `facts`: what the input gives away.
//! - `clues_x509`: what a certificate gives away.
//! - `clues_tpm`: what is known where a TPM was not believed, or did not do its part.
//! - `clues_network`: what is made of failures on the way.
//! - `clues`: what is known, held against the catalogue.
//! - `hub`: the same for a device and its hub.

mod catalogue;
mod classify;
mod clock;
mod clues;
mod clues_network;
mod clues_tpm;
mod clues_x509;
mod context;
mod entry;
mod facts;
mod find;
mod hub;
mod link;
mod log;
mod phrases;

pub use catalogue::{entries, entry};
pub use classify::{entry_of, entry_of_code, entry_of_dial_error};
pub use clock::{SKEW_TO_MENTION, Skew};
pub use clues::{Explanation, explain};
pub use context::{CaFile, Context, GivenKey, Proof};
pub use entry::{About, Entry, Hint, Party};
pub use facts::{Clue, clue_from_id, clue_from_key, clue_from_scope};
pub use find::{find, near};
pub use hub::{entry_of_hub_error, explain_hub};
pub use log::{Finding, Log};
pub use phrases::Client;
