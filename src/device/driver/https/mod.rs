//! HTTPS (B): drives the state machine with requests over one connection that is kept open.
//!
//! The client is hyper's, over a connection that is dialled here: its pooled one has a dialer of its
//! own and says less of what went wrong. A `$rid` has no meaning in HTTP; the driver carries it from
//! the request to the answer.
//!
//! - `observed`: what an observer is told of requests and answers.
//! - `connection`: one connection, request by request.
//! - `request`: the requests of the device API.
//! - `driver`: the state machine over them.
//! - `lookup`: the lookup of a registration, without the state machine.

mod connection;
mod driver;
mod lookup;
mod observed;
mod request;

pub(super) use driver::Driver;
pub(super) use lookup::ask;
