//! Quotas: how often the service may be asked (H.3).
//!
//! [`Quotas`] says what is allowed; [`Throttle`] keeps count and is what the registrar and the
//! service API ask. Counting is pure: the time is handed in, and nothing here knows what is being
//! asked for, or how a refusal is worded on the wire.

mod devices;
mod kind;
mod limits;
mod rate;
mod throttle;
mod window;

pub use kind::{Quota, UnknownQuota};
pub use limits::Quotas;
pub use rate::{Rate, RateError};
pub(super) use throttle::{Throttle, Throttled};
