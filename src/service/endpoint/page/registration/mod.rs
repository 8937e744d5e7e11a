//! One registration: the whole conversation with the device, and what its failure means.
//!
//! - `conversation`: what is shown of it.
//! - `handlers`: the page, and what it is told while the registration goes on.

mod conversation;
mod handlers;

pub(super) use handlers::{events, registration};
