//! What the service remembers of the registrations it saw, for people and for tests: what came,
//! which check failed, what was said to the webhook and by it, and what came of it.
//!
//! Only written to by the registrar, through a [`Recording`]; nothing is decided by what stands in
//! it. `entry` is the model, `answer` what a device was told, `fault` what went wrong on purpose,
//! `certificate` what it was issued, `renewal` what it has asked its hub for since, `timeline` all of it in
//! order of time, `event` the short view that observers get, `ring` bounds the memory, `changes` is what live
//! readers are given, `handle` is the journal as everybody holds it, `recording` knows what is written down
//! when, `challenge` how it begins with a TPM, and `renewed` what comes after it.

mod answer;
mod certificate;
mod challenge;
mod changes;
#[cfg(test)]
mod changes_tests;
mod entry;
mod event;
mod fault;
mod filter;
mod handle;
mod millis;
mod recording;
mod renewal;
mod renewed;
mod ring;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
#[cfg(test)]
mod timeline_tests;

pub use answer::{AnswerKind, EntryAnswer};
pub use certificate::EntryCertificate;
pub use changes::Changes;
pub use entry::{
    EntryAttestation, EntryChallenge, EntryCheck, EntryEnrollment, EntryHub, EntryStatus,
    JournalEntry, WebhookAttempt, WebhookExchange,
};
pub use event::{Observer, RegistrationEvent};
pub use fault::{EntryFault, StruckConnection};
pub use filter::JournalFilter;
pub use handle::Journal;
pub(super) use recording::{Recording, Refused};
pub use renewal::EntryRenewal;
pub use text::Text;
pub(super) use timeline::presence;
pub use timeline::{Actor, MomentOutcome, TimelineMoment, timeline};
