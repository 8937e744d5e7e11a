//! The IoT hubs to which devices are assigned (I): identities, twins, and who is connected.
//!
//! Just enough of a hub for a device to sign in, read and report its twin, and be told of changes to
//! it, take messages and answer methods. How devices are provisioned is no concern of this module.
//!
//! - `message`: messages to a device that wait for it.
//! - `method`: direct methods.
//! - `error`: what can be wrong with a request.
//! - `renewal`: certificates that devices ask for.
//! - `connections`: who is connected, and what goes to and fro.
//! - `hubs`: the hubs at work.
//! - `renewing`: the same, for certificates.

mod connections;
mod error;
mod hubs;
mod message;
mod method;
mod renewal;
mod renewing;

pub use connections::{Cause, HubNotice, HubNotices, Presence};
pub use error::HubError;
pub use hubs::{Hubs, SignedIn, TwinVerb};
pub use message::{DeviceMessage, NumberedMessage};
pub use method::{MethodAnswer, MethodCall, MethodFault};
pub(in crate::service) use renewal::{LastAnswer, NextAnswer};
pub(in crate::service) use renewing::{Renewal, Unissued};
