//! What happened when: how many devices began, were assigned and failed, and how often the service
//! said "later", second by second.
//!
//! Memory is bounded: when a run gets longer than the steps reach, steps are joined in pairs. Which
//! length the steps have follows from the latest second alone, so the sum of two timelines is that
//! of one who saw everything.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many steps at most: an hour by the second, then pairs are joined.
const MOST: usize = 3600;
/// No run is so long that it needs longer ones.
const LONGEST_STEP: u64 = 1 << 40;

/// What is counted over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Launched,
    Assigned,
    Failed,
    Throttled,
}

/// Counts for each step of time since the fleet's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Written")]
pub struct Timeline {
    seconds_per_step: u64,
    launched: Vec<u64>,
    assigned: Vec<u64>,
    failed: Vec<u64>,
    throttled: Vec<u64>,
}

/// As somebody's file says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    seconds_per_step: u64,
    launched: Vec<u64>,
    assigned: Vec<u64>,
    failed: Vec<u64>,
    /// Missing in what older versions wrote.
    #[serde(default)]
    throttled: Vec<u64>,
}

impl TryFrom<Written> for Timeline {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { seconds_per_step, launched, assigned, failed, mut throttled } = written;
        if !seconds_per_step.is_power_of_two() || seconds_per_step > LONGEST_STEP {
            return Err("secondsPerStep must be 1, 2, 4, 8 and so on".to_owned());
        }
        let length = launched.len();
        if throttled.is_empty() {
            throttled.resize(length.min(MOST), 0);
        }
        let others = [&assigned, &failed, &throttled];
        if length > MOST || others.iter().any(|counts| counts.len() != length) {
            return Err(format!(
                "launched, assigned, failed and throttled must be equally long, {MOST} steps at most"
            ));
        }
        Ok(Self { seconds_per_step, launched, assigned, failed, throttled })
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            seconds_per_step: 1,
            launched: Vec::new(),
            assigned: Vec::new(),
            failed: Vec::new(),
            throttled: Vec::new(),
        }
    }
}

impl Timeline {
    pub(super) fn record(&mut self, moment: Moment, at: Duration) {
        self.add(moment, at.as_secs(), 1);
    }

    /// The service said "later" so often in this second.
    pub(super) fn throttled_at(&mut self, second: u64, count: u64) {
        self.add(Moment::Throttled, second, count);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        while self.seconds_per_step < other.seconds_per_step {
            self.join_pairs();
        }
        let Some(last) = other.launched.len().checked_sub(1) else { return };
        self.grow(last as u64 * other.seconds_per_step);
        for (moment, counts) in [
            (Moment::Launched, &other.launched),
            (Moment::Assigned, &other.assigned),
            (Moment::Failed, &other.failed),
            (Moment::Throttled, &other.throttled),
        ] {
            for (step, count) in (0..).zip(counts) {
                self.add(moment, step * other.seconds_per_step, *count);
            }
        }
    }

    /// How long a step is, in seconds: a power of two.
    pub fn seconds_per_step(&self) -> u64 {
        self.seconds_per_step
    }

    /// How many began, in each step.
    pub fn launched(&self) -> &[u64] {
        &self.launched
    }

    /// How many were assigned, in each step.
    pub fn assigned(&self) -> &[u64] {
        &self.assigned
    }

    /// How many failed, in each step.
    pub fn failed(&self) -> &[u64] {
        &self.failed
    }

    /// How often the service said "later" (429, 5xx), in each step.
    pub fn throttled(&self) -> &[u64] {
        &self.throttled
    }

    fn add(&mut self, moment: Moment, second: u64, count: u64) {
        if count == 0 {
            return;
        }
        let index = self.grow(second);
        let counts = match moment {
            Moment::Launched => &mut self.launched,
            Moment::Assigned => &mut self.assigned,
            Moment::Failed => &mut self.failed,
            Moment::Throttled => &mut self.throttled,
        };
        if let Some(place) = counts.get_mut(index) {
            *place = place.saturating_add(count);
        }
    }

    /// Makes room for a second and says in which step it lies.
    fn grow(&mut self, second: u64) -> usize {
        let most = MOST as u64;
        while second / self.seconds_per_step >= most && self.seconds_per_step < LONGEST_STEP {
            self.join_pairs();
        }
        let index = (second / self.seconds_per_step).min(most - 1) as usize;
        if index >= self.launched.len() {
            self.each(|counts| counts.resize(index + 1, 0));
        }
        index
    }

    fn join_pairs(&mut self) {
        self.seconds_per_step *= 2;
        self.each(|counts| {
            *counts = counts
                .chunks(2)
                .map(|pair| pair.iter().copied().fold(0, u64::saturating_add))
                .collect();
        });
    }

    fn each(&mut self, change: impl Fn(&mut Vec<u64>)) {
        [&mut self.launched, &mut self.assigned, &mut self.failed, &mut self.throttled]
            .into_iter()
            .for_each(change);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(seconds: &[u64]) -> Timeline {
        let mut timeline = Timeline::default();
        for (moment, second) in
            [Moment::Launched, Moment::Assigned, Moment::Failed].into_iter().cycle().zip(seconds)
        {
            timeline.record(moment, Duration::from_secs(*second));
        }
        timeline
    }

    #[test]
    fn each_second_has_its_counts() {
        let mut timeline = Timeline::default();
        for (moment, millis) in [
            (Moment::Launched, 0),
            (Moment::Launched, 999),
            (Moment::Launched, 1000),
            (Moment::Assigned, 2500),
            (Moment::Failed, 3000),
        ] {
            timeline.record(moment, Duration::from_millis(millis));
        }

        assert_eq!(timeline.seconds_per_step(), 1);
        assert_eq!(timeline.launched(), [2, 1, 0, 0]);
        assert_eq!(timeline.assigned(), [0, 0, 1, 0]);
        assert_eq!(timeline.failed(), [0, 0, 0, 1]);
    }

    #[test]
    fn a_long_run_has_longer_steps_and_no_more_of_them() {
        let timeline = of(&[0, 1, 3, 3600, 7199]);
        assert_eq!(timeline.seconds_per_step(), 2);
        assert_eq!(timeline.launched().len(), MOST);
        assert_eq!((timeline.launched()[0], timeline.launched()[1800]), (1, 1));

        let endless = of(&[5, u64::MAX]);
        assert!(endless.launched().len() <= MOST);
        assert_eq!(endless.launched().iter().chain(endless.assigned()).sum::<u64>(), 2);
    }

    #[test]
    fn a_file_of_an_older_version_knows_nothing_of_throttling() {
        let json = r#"{"secondsPerStep":1,"launched":[2,0],"assigned":[0,2],"failed":[0,0]}"#;

        let mut read: Timeline = serde_json::from_str(json).unwrap();
        assert_eq!(read.throttled(), [0, 0]);
        let mut other = Timeline::default();
        other.throttled_at(1, 7);
        read.merge(&other);

        assert_eq!((read.launched(), read.throttled()), (&[2, 0][..], &[0, 7][..]));
    }

    #[test]
    fn a_broken_file_is_refused() {
        let refused = |json| serde_json::from_str::<Timeline>(json).unwrap_err().to_string();

        assert!(
            refused(r#"{"secondsPerStep":3,"launched":[],"assigned":[],"failed":[]}"#)
                .contains("1, 2, 4")
        );
        assert!(
            refused(r#"{"secondsPerStep":0,"launched":[],"assigned":[],"failed":[]}"#)
                .contains("1, 2, 4")
        );
        assert!(
            refused(r#"{"secondsPerStep":1,"launched":[1],"assigned":[],"failed":[]}"#)
                .contains("equally long")
        );
    }

    proptest! {
        #[test]
        fn the_sum_is_the_timeline_of_one_who_saw_everything(
            one in prop::collection::vec(0..20_000_u64, 0..30),
            two in prop::collection::vec(0..4_000_u64, 0..30),
        ) {
            // The moments go round by three.
            let one = &one[..one.len() / 3 * 3];
            let all = of(&[one, &two].concat());

            let (mut sum, mut other_way) = (of(one), of(&two));
            sum.merge(&of(&two));
            other_way.merge(&of(one));

            prop_assert_eq!(&sum, &all);
            prop_assert_eq!(&other_way, &all);
        }
    }
}
