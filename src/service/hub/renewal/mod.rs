//! Certificates that a device asks its hub for (I.4). Pure.
//!
//! - `answer`: what the device is told.
//! - `fault`: why it gets none.
//! - `request`: whether what it sends is a request.
//! - `table`: the requests that are under way.

mod answer;
mod fault;
mod request;
mod table;

pub(in crate::service) use answer::{LastAnswer, NextAnswer};
pub(super) use fault::RenewalFault;
pub(super) use request::read;
pub(super) use table::{Begun, Renewals};
