//! The service API: what back ends, tools and operators ask of the service over HTTPS (E.5).
//!
//! One file per family of calls. [`handle`] takes a request as any HTTP server can give it and
//! makes the answer; sockets, TLS and the framing of HTTP belong to the endpoint that calls it.

mod bulk;
mod edit;
mod enrollments;
mod error;
mod handler;
mod precondition;
mod query;
mod registrations;
mod request;
mod response;
mod route;
#[cfg(test)]
pub(in crate::service) mod testing;
#[cfg(test)]
mod tests;

pub(super) use error::ApiError;
pub(crate) use handler::handle;
#[cfg(feature = "page")]
pub(super) use handler::handle_own;
pub(super) use precondition::IfMatch;
pub(super) use query::Page;
pub(crate) use request::{MAX_BODY, Request};
pub(crate) use response::Response;
