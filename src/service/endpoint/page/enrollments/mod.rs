//! Enrollments: what there is, one of them, a new one, and changes of one.
//!
//! Whatever changes something goes through the service API's own rules, as a request of it would.
//!
//! - `view`: an enrollment as pages show it.
//! - `list`: all of them.
//! - `draft`: a new one, as a form describes it.
//! - `new`: the form for a new one.
//! - `detail`: one of them.
//! - `edit`: its record, to be written anew.
//! - `change`: enable, disable, delete.

mod change;
mod detail;
mod draft;
mod edit;
mod list;
mod new;
mod view;

pub(super) use change::{delete, set_status};
pub(super) use detail::{detail, keys};
pub(super) use edit::{edit, save};
pub(super) use list::list;
pub(super) use new::{create, new};
