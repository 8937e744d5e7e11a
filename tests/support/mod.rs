//! What several test files share.

#![allow(dead_code, reason = "every test file is a crate of its own and uses its own part of this")]

pub(crate) mod proxy;
pub(crate) mod scripted;
pub(crate) mod scripted_http;
