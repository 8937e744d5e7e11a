//! Which of the requests that come by are struck (J-262).

/// Which requests are struck, counted from 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct When {
    /// This one alone.
    pub nth: Option<u64>,
    /// This one and those after it.
    pub from: Option<u64>,
    /// Each so many-th.
    pub every: Option<u64>,
    /// No more than so many.
    pub times: Option<u64>,
    /// Of these each with this chance, above 0 and at most 1.
    pub probability: Option<f64>,
    /// With this seed chance is the same in every run.
    pub seed: Option<u64>,
    /// What is counted together.
    pub scope: Option<Scope>,
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The requests of each device.
    Device,
    /// Those of all devices.
    All,
}

impl Scope {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::All => "all",
        }
    }
}

/// What has come by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter {
    matched: u64,
    struck: u64,
}

impl Counter {
    /// Another request has come by; whether it is to be struck. `whose` names what is counted here, so
    /// that chance is its own.
    pub fn next(&mut self, when: &When, seed: u64, whose: &str) -> bool {
        self.matched += 1;
        let n = self.matched;
        let is_due = match (when.nth, when.every) {
            (Some(nth), _) => n == nth,
            (None, Some(every)) => {
                let first = when.from.unwrap_or(every);
                n >= first && (n - first).is_multiple_of(every)
            }
            (None, None) => n >= when.from.unwrap_or(1),
        };
        is_due
            && when.times.is_none_or(|times| self.struck < times)
            && when.probability.is_none_or(|chance| toss(seed, whose, n) < chance)
    }

    /// How many were struck.
    pub fn strikes(&self) -> u64 {
        self.struck
    }

    /// It was.
    pub fn struck(&mut self) {
        self.struck += 1;
    }
}

/// A number from 0 to below 1 that is the same for the same of all three, however threads run.
fn toss(seed: u64, whose: &str, nth: u64) -> f64 {
    // FNV-1a over the name, then the finalizer of SplitMix64: every bit depends on every other.
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let name = whose.bytes().map(|byte| byte.to_ascii_lowercase());
    let mut bits = name.fold(0xcbf2_9ce4_8422_2325, fold);
    for word in [seed, nth] {
        bits = bits.wrapping_add(word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
    }
    // As many bits as a double has.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which of the first `count` requests are struck.
    fn struck(when: &When, seed: u64, whose: &str, count: u64) -> Vec<u64> {
        let mut counter = Counter::default();
        (1..=count)
            .filter(|_| {
                let is_struck = counter.next(when, seed, whose);
                if is_struck {
                    counter.struck();
                }
                is_struck
            })
            .collect()
    }

    #[test]
    fn j_262_requests_are_counted_from_one() {
        let when = When::default();
        for (when, strikes) in [
            (when.clone(), vec![1, 2, 3, 4, 5, 6, 7]),
            (When { nth: Some(3), ..when.clone() }, vec![3]),
            (When { from: Some(6), ..when.clone() }, vec![6, 7]),
            (When { times: Some(2), ..when.clone() }, vec![1, 2]),
            (When { every: Some(3), ..when.clone() }, vec![3, 6]),
            (When { every: Some(3), from: Some(1), ..when.clone() }, vec![1, 4, 7]),
            (When { every: Some(2), from: Some(3), times: Some(2), ..when }, vec![3, 5]),
        ] {
            assert_eq!(struck(&when, 0, "", 7), strikes, "{when:?}");
        }
    }

    #[test]
    fn j_262_chance_comes_out_as_often_as_it_says() {
        let when = When { probability: Some(0.03), ..When::default() };
        let count = struck(&when, 7, "pump", 100_000).len();

        assert!((2_800..=3_200).contains(&count), "{count}");
        let of_devices = (0..10_000).filter(|n| {
            let mut counter = Counter::default();
            counter.next(&when, 7, &format!("pump-{n}"))
        });
        let count = of_devices.count();
        assert!((230..=370).contains(&count), "{count}");
    }

    proptest! {
        #[test]
        fn j_262_the_same_seed_strikes_the_same(seed: u64, whose in "[a-z0-9-]{0,12}", chance in 0.01..1.0) {
            let when = When { probability: Some(chance), ..When::default() };

            let first = struck(&when, seed, &whose, 200);

            prop_assert_eq!(&first, &struck(&when, seed, &whose.to_uppercase(), 200));
            // Chance decides about the same requests, whatever else is asked of them.
            let limited = struck(&When { times: Some(5), ..when }, seed, &whose, 200);
            prop_assert_eq!(&limited[..], &first[..first.len().min(5)]);
        }

        #[test]
        fn j_262_it_is_as_it_was_said(from in 1..20_u64, every in 1..20_u64, times in 1..20_u64) {
            let when = When { from: Some(from), every: Some(every), times: Some(times), ..When::default() };
            let every = usize::try_from(every).unwrap();
            let times = usize::try_from(times).unwrap();

            let expected: Vec<u64> = (from..=300).step_by(every).take(times).collect();

            prop_assert_eq!(struck(&when, 0, "", 300), expected);
        }
    }
}
