//! "Try it": a simulated device, and a webhook asked without any device.
//!
//! - `page`: the page, and what was tried.
//! - `simulate`: lets a simulated device register.
//! - `webhook`: asks a webhook.

mod page;
mod simulate;
mod webhook;

pub(super) use page::show;
pub(super) use simulate::simulate;
pub(super) use webhook::ask;
