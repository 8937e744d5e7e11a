//! "Connect a device": what to type for each SDK, with where this service is.
//!
//! - `view`: the page.

mod view;

pub(super) use view::{connect, with_key};
