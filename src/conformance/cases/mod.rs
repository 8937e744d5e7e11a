//! The cases, each with its judge.
//!
//! - `basics`: registering at all.
//! - `waiting`: how long it waits, and how often it asks.
//! - `refusals`: what it does when it is refused.
//! - `answers`: what it makes of answers.
//! - `losses`: what it does when something is lost.
//! - `trust`: whom it trusts.
//! - `identity`: what it says of itself.
//! - `manners`: how it speaks.
//! - `hub`: what it does at its hub.
//! - `all`: all of them, in order.

mod all;
mod answers;
mod basics;
mod hub;
mod identity;
mod losses;
mod manners;
mod refusals;
mod trust;
mod waiting;

pub(super) use all::all;
