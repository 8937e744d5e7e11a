//! One registration: the whole conversation with the device, and what its failure means.
//!
//! - `conversation`: what is shown of it.
//! - `replay`: its webhook's request, sent again.
//! - `handlers`: the page, and what it is told while the registration goes on.

mod conversation;
mod handlers;
mod replay;

pub(super) use handlers::{ask_again, events, registration};
