//! Which hub a device gets (F.5, G).
//!
//! Choosing is pure: [`plan()`] finds the hub as far as that takes nobody else, [`allocation_request`]
//! and [`judge`] are what a webhook is asked and what its answer comes to. Only `webhook` talks to
//! the network, and the registrar decides when. [`Trial`] is the same without a device.

mod answer;
mod decision;
mod hashed;
mod judgement;
mod odd;
mod plan;
mod replay;
mod request;
mod trial;
#[cfg(test)]
mod trial_tests;
mod trouble;
pub mod webhook;

pub use answer::{WebhookAnswer, judge};
pub use decision::Decision;
pub use judgement::{Judgement, Told, Verdict};
pub use plan::{Plan, Question, plan};
pub use replay::{Replay, ReplayFault, requests_in};
pub use request::{Applicant, allocation_request};
pub use trial::Trial;
