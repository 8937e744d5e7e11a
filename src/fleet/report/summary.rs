//! A run of a fleet, added up.

use std::time::Duration;

use super::generator::GeneratorHealth;
use super::run_info::RunInfo;
use super::tally::Tally;
use crate::fleet::Phase;

/// A run of a fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What became of the devices.
    pub tally: Tally,
    /// From the start of the first to the end of the last.
    pub elapsed: Duration,
    /// How the machine that made the load did.
    pub generator: GeneratorHealth,
    /// What was run: once for each shard; nothing in what older versions wrote.
    pub runs: Vec<RunInfo>,
}

impl Report {
    /// Devices with a hub for each second of the run.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.tally.assigned as f64 / seconds } else { 0.0 }
    }

    /// Why the figures say more of the generator than of the service; nothing if they do not.
    pub fn bottleneck(&self) -> Option<String> {
        let assigned = self.tally.phase(Phase::Assigned);
        let median = assigned.and_then(|latency| latency.percentile(50.0));
        self.generator.bottleneck(self.tally.devices, median)
    }

    /// Adds the report of another shard of the same run: the time is the longer one, since shards
    /// run side by side (J-171).
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.elapsed = self.elapsed.max(other.elapsed);
        self.generator.merge(&other.generator);
        self.runs.extend_from_slice(&other.runs);
    }
}
