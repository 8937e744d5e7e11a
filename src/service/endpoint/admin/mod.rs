//! The management listener: what the service has seen, for people and for tests, and the way back
//! to the beginning. Plain HTTP, on loopback unless asked otherwise.
//!
//! There is no password, so `guard` lets nothing in that another web page could send. No answer holds a
//! key: enrollments are not shown here, and the journal masks what others wrote. `handlers` are
//! thin, `faults` lets things go wrong, `issuers` tells who issues certificates, and `events` is one that goes on; what they show is made by the journal, by `registration`, by
//! `twin` and by `story`.

mod answer;
mod events;
mod faults;
mod guard;
mod handlers;
mod issuers;
mod registration;
mod server;
mod story;
mod twin;

pub(in crate::service) use guard::Hosts;
pub(in crate::service) use handlers::Admin;
pub(in crate::service) use server::serve;
