//! The sum of many results, in memory that does not grow with their number.

use std::collections::BTreeMap;
use std::time::Duration;

use super::latency::Latency;
use super::timeline::{Moment, Timeline};
use crate::fleet::{DeviceResult, Issuance, Outcome, Phase};

/// A number of devices, added up. Two of them add up without loss, in any order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    pub(super) devices: u64,
    pub(super) assigned: u64,
    pub(super) issued: u64,
    pub(super) left_out: u64,
    pub(super) failures: BTreeMap<String, Failure>,
    pub(super) hubs: BTreeMap<String, u64>,
    pub(super) tries: u64,
    pub(super) retries: u64,
    pub(super) throttled: u64,
    pub(super) lost: u64,
    pub(super) phases: BTreeMap<Phase, Latency>,
    pub(super) timeline: Timeline,
}

/// Those that failed in one way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// How many.
    pub devices: u64,
    /// How many of them were expected to (J-231).
    pub expected: u64,
    /// What one of them was told: the message that sorts first, so that it is the same in whatever
    /// order results come.
    pub example: String,
}

impl Tally {
    /// Of no device.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a device. The time of a registration, [`Phase::Assigned`], is taken of devices with a
    /// hub alone, and counts from when the device was meant to begin (J-170).
    pub fn record(&mut self, result: &DeviceResult) {
        self.devices += 1;
        self.tries += u64::from(result.tries);
        self.retries += u64::from(result.tries.saturating_sub(1));
        self.throttled += u64::from(result.throttled);
        self.lost += u64::from(result.lost);
        for (second, count) in &result.throttled_at {
            self.timeline.throttled_at(*second, u64::from(*count));
        }
        for (phase, duration) in &result.phases {
            if *phase != Phase::Assigned {
                self.took(*phase, *duration);
            }
        }
        match result.issuance {
            Some(Issuance::Issued) => self.issued += 1,
            Some(Issuance::LeftOut) => self.left_out += 1,
            None => {}
        }
        self.timeline.record(Moment::Launched, result.began);
        match &result.outcome {
            Outcome::Assigned { hub } => {
                self.assigned += 1;
                *self.hubs.entry(hub.to_string()).or_default() += 1;
                self.took(Phase::Assigned, result.ended.saturating_sub(result.intended));
                self.timeline.record(Moment::Assigned, result.ended);
            }
            Outcome::Failed { code, message } | Outcome::Refused { code, message } => {
                let is_expected = matches!(result.outcome, Outcome::Refused { .. });
                self.failed_with(code, (1, is_expected.into()), message);
                self.timeline.record(Moment::Failed, result.ended);
            }
        }
    }

    /// Adds what somebody else has added up.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.devices, other.devices),
            (&mut self.assigned, other.assigned),
            (&mut self.issued, other.issued),
            (&mut self.left_out, other.left_out),
            (&mut self.tries, other.tries),
            (&mut self.retries, other.retries),
            (&mut self.throttled, other.throttled),
            (&mut self.lost, other.lost),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (code, failure) in &other.failures {
            self.failed_with(code, (failure.devices, failure.expected), &failure.example);
        }
        for (hub, devices) in &other.hubs {
            let sum = self.hubs.entry(hub.to_string()).or_default();
            *sum = sum.saturating_add(*devices);
        }
        for (phase, latency) in &other.phases {
            self.phases.entry(*phase).or_default().merge(latency);
        }
        self.timeline.merge(&other.timeline);
    }

    /// How many devices.
    pub fn devices(&self) -> u64 {
        self.devices
    }

    /// How many have a hub.
    pub fn assigned(&self) -> u64 {
        self.assigned
    }

    /// How many were issued a certificate.
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// How many have a hub, but not the certificate that they asked for (J-482).
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether devices asked for certificates.
    pub(super) fn has_requests(&self) -> bool {
        self.issued > 0 || self.left_out > 0
    }

    /// How many have none, and should.
    pub fn failed(&self) -> u64 {
        self.devices.saturating_sub(self.assigned).saturating_sub(self.refused())
    }

    /// How many have none, as their list expects (J-231).
    pub fn refused(&self) -> u64 {
        self.failures.values().fold(0, |sum, failure| sum.saturating_add(failure.expected))
    }

    /// Those without a hub, by the service's code or the kind of the error.
    pub fn failures(&self) -> &BTreeMap<String, Failure> {
        &self.failures
    }

    /// How many devices each hub was given.
    pub fn hubs(&self) -> &BTreeMap<String, u64> {
        &self.hubs
    }

    /// How often a device began, all together.
    pub fn tries(&self) -> u64 {
        self.tries
    }

    /// How often a device began again.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// How often a device was told to come later (429, 5xx).
    pub fn throttled(&self) -> u64 {
        self.throttled
    }

    /// How often an open connection was lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How long a phase took; nothing if no device went through it.
    pub fn phase(&self, phase: Phase) -> Option<&Latency> {
        self.phases.get(&phase)
    }

    /// What happened when.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn took(&mut self, phase: Phase, duration: Duration) {
        self.phases.entry(phase).or_default().record(duration);
    }

    fn failed_with(&mut self, code: &str, (devices, expected): (u64, u64), message: &str) {
        let failure = self.failures.entry(code.to_owned()).or_default();
        if failure.devices == 0 || message < failure.example.as_str() {
            message.clone_into(&mut failure.example);
        }
        failure.devices = failure.devices.saturating_add(devices);
        failure.expected = failure.expected.saturating_add(expected);
    }
}
