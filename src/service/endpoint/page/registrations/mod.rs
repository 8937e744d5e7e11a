//! What came in: the list of registrations, newest first, and what is new in it while it is looked at.
//!
//! - `filter`: which registrations somebody wants to see, as it stands in the address.
//! - `row`: a registration as the list shows it.
//! - `counts`: how many stand how.
//! - `list`: the page.
//! - `events`: what the page is told while it is open.

mod counts;
mod events;
mod filter;
mod list;
mod row;

pub(super) use events::events;
pub(super) use list::list;
pub(super) use row::{Status, Time, label};
