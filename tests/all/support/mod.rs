//! What the tests share.

pub(crate) mod cli;
pub(crate) mod https;
pub(crate) mod kill;
pub(crate) mod proxy;
pub(crate) mod scripted;
pub(crate) mod scripted_http;
pub(crate) mod service;
pub(crate) mod x509;
