//! How long calls took.

use std::time::Duration;

use serde::Serialize;

/// How long the calls took, of which there was one at least; in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Latency {
    pub(super) count: usize,
    pub(super) min_ms: f64,
    pub(super) median_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) max_ms: f64,
}

impl Latency {
    /// What these come to; `None` of no calls.
    pub(super) fn of(mut calls: Vec<Duration>) -> Option<Self> {
        calls.sort();
        // The smallest that so many percent do not exceed.
        let percentile = |percent: usize| {
            let rank = (calls.len() * percent).div_ceil(100).max(1);
            calls.get(rank - 1).copied()
        };
        Some(Self {
            count: calls.len(),
            min_ms: millis(*calls.first()?),
            median_ms: millis(percentile(50)?),
            p95_ms: millis(percentile(95)?),
            max_ms: millis(*calls.last()?),
        })
    }
}

/// With a tenth: a function on this machine answers within one millisecond.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_228_latencies_are_those_of_calls_that_were_made() {
        let of = |millis: &[u64]| {
            Latency::of(millis.iter().map(|ms| Duration::from_millis(*ms)).collect())
        };
        let figures = |it: Latency| (it.min_ms, it.median_ms, it.p95_ms, it.max_ms);

        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]).map(figures), Some((7.0, 7.0, 7.0, 7.0)));
        assert_eq!(of(&[9, 1, 5]).map(figures), Some((1.0, 5.0, 9.0, 9.0)));
        let hundred: Vec<_> = (1..=100).rev().collect();
        assert_eq!(of(&hundred).map(figures), Some((1.0, 50.0, 95.0, 100.0)));
    }
}
