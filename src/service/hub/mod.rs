//! The IoT hubs to which devices are assigned (I): identities, twins, and who is connected.
//!
//! Just enough of a hub for a device to sign in, read and report its twin, and be told of changes to
//! it. [`Hubs`] are the hubs at work, `connections` is who is connected. How devices are provisioned
//! is no concern of this module.

mod connections;
mod error;
mod hubs;

pub use connections::{HubNotice, HubNotices};
pub use error::HubError;
pub use hubs::{Hubs, SignedIn, TwinVerb};
