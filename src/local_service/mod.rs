//! A local Device Provisioning Service for the tests of others: started within the test, reached by
//! real TLS on free loopback ports, gone at the end, with expectations that are verified there.
//!
//! Everything that is served is served by [`service`](crate::service); here it is made easy to
//! start, and what it saw is compared with what was expected.
//!
//! - `account`: what the service saw, in words.
//! - `expectation`: what should have come.
//! - `function`: allocation functions, served as webhooks.
//! - `enrollment`: enrollments to be made.
//! - `error`: why a service did not start.
//! - `host`: the thread on which all of it runs.
//! - `plan`: the order in which things are opened.
//! - `handle`: the service, once it is up.
//! - `builder`: what it is to be like.

mod account;
mod builder;
mod enrollment;
mod error;
mod expectation;
mod function;
mod handle;
mod host;
mod plan;

pub use builder::LocalServiceBuilder;
pub use enrollment::EnrollmentBuilder;
pub use error::{LocalServiceError, Unmet};
pub use expectation::{Expectation, Times};
pub use function::AllocationAnswer;
pub use handle::LocalService;
#[cfg(feature = "cli")]
pub(crate) use host::Host;
