//! `webhook`: a custom allocation function, tried without a device.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `record`: enrollments of the local service.
//! - `latency`: how long calls took.
//! - `expected`: what must come out.
//! - `calls`: how the function is called, and how often.
//! - `show`: what came of it, for people and for programs.
//! - `device`: for which device it is asked.
//! - `kept`: a request that was kept somewhere.
//! - `command`: `webhook test` and `webhook replay`.

mod calls;
mod command;
mod device;
mod expected;
mod kept;
mod latency;
mod record;
mod show;

pub(crate) use command::Webhook;
