//! Many devices that provision themselves: who they are, when each begins, how it went.
//!
//! Drives [`device`](crate::device) and knows no service. [`Members`] are the devices, one after the
//! other, [`Blueprint`] is what they have in common, a [`Plan`] says when each begins. A [`Fleet`] of
//! these three runs and gives a [`DeviceResult`] for each, which [`report`] adds up and shows;
//! [`plan`] says beforehand how long a rollout takes. Nothing in here prints or opens files, and
//! nothing is kept for a device that has not begun or has ended.
//!
//! - `result`: what is known of one device in the end.
//! - `template`: texts with places for what differs from device to device.
//! - `shard`: one fleet on several machines.
//! - `member`: the devices, one after the other.
//! - `files`: their keys, certificates and TPMs in files of their own.
//! - `request`: the certificates that they ask for.
//! - `blueprint`: what they have in common.
//! - `ahead`: reads them, and makes what takes long, ahead of their beginning.
//! - `rate`: how many begin in which time.
//! - `schedule`: when each is meant to begin.
//! - `pacer`: when the next may begin.
//! - `plan`: how long a rollout takes under the documented limits.
//! - `watch`: where one device's time went.
//! - `provision`: one device, from its first try to its result.
//! - `launcher`: begins the devices.
//! - `health`: whether this machine was the bottleneck.
//! - `report`: how it went: added up, judged, shown.
//! - `engine`: runs a fleet.

mod ahead;
mod blueprint;
mod engine;
mod files;
mod health;
mod launcher;
mod member;
mod pacer;
pub mod plan;
mod provision;
mod rate;
pub mod report;
mod request;
mod result;
mod schedule;
mod shard;
mod template;
mod watch;

pub use blueprint::{Blueprint, Identity, MemberError};
pub use engine::{Ended, Fleet, Progress, Running};
pub use files::{FileFault, FileKind, Files, ReadSecret};
pub use launcher::Launches;
pub use member::{ListError, ListFault, Member, Members, ReadFile, listed, numbered};
pub use rate::{RateError, Stage, StartRate};
pub use request::{IssuedFiles, Requests, WriteSecret};
pub use result::{DeviceResult, Issuance, Outcome, Phase};
pub use schedule::{Plan, Schedule};
pub use shard::{Shard, ShardError};
pub use template::{FilePattern, IdPattern, PatternError, PayloadTemplate, PayloadTemplateError};
