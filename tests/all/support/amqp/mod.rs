//! Clients of AMQP that say and hear one frame at a time, right or wrong, and devices that speak on
//! them as the Azure SDKs do.

pub(crate) mod client;
pub(crate) mod hub;
pub(crate) mod sdk;
