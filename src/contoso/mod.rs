//! The world of Microsoft's tutorial as a configuration for the service, which serves it when it is
//! told nothing else, and the tutorial's allocation function. Names and keys are in
//! [`tutorial`](crate::tutorial).
//!
//! - `function`: the allocation function, a real HTTP endpoint.
//! - `world`: the configuration.

mod function;
mod world;

pub use function::{FUNCTION_URL, SampleFunction};
pub use world::{config, suspects};
