//! How long something took, for any number of devices, in memory of a fixed size.
//!
//! An HDR histogram of microseconds: three digits are kept, whatever the magnitude. Two of them add
//! up without loss, which is what makes the reports of several machines one.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

/// Longer counts as this long.
pub const LONGEST: Duration = Duration::from_secs(3600);

const LOWEST: u64 = 1;
const HIGHEST: u64 = LONGEST.as_micros() as u64;
const DIGITS: u8 = 3;
/// Of the V2 form: cookie, length of the counts, and five more numbers.
const HEADER: usize = 40;

/// Durations of up to an hour, to three digits; longer ones count as an hour.
#[derive(Clone, PartialEq)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let empty = Histogram::new_with_bounds(LOWEST, HIGHEST, DIGITS);
        Self(empty.unwrap_or_else(|_| unreachable!("the bounds are fit for a histogram")))
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency")
            .field("count", &self.count())
            .field("p50", &self.percentile(50.0))
            .field("max", &self.max())
            .finish()
    }
}

impl Latency {
    pub(super) fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so nothing can lie outside.
        let added = self.0.add(&other.0);
        debug_assert!(added.is_ok());
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// What `percent` of all did not exceed, to three digits; nothing if there are none.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let micros = || self.0.value_at_quantile(percent / 100.0).min(HIGHEST);
        (self.count() > 0).then(|| Duration::from_micros(micros()))
    }

    /// The longest, to three digits; nothing if there are none.
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.0.max().min(HIGHEST)))
    }

    /// The shortest, to three digits; nothing if there are none.
    pub fn min(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.0.min()))
    }

    /// Every duration that was recorded, to three digits rounded up, in ascending order, and how
    /// often.
    pub fn recorded(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.0.iter_recorded().map(|value| {
            let micros = value.value_iterated_to().min(HIGHEST);
            (Duration::from_micros(micros), value.count_at_value())
        })
    }

    /// The V2 form that all HdrHistogram libraries read, as Base64.
    pub(super) fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        let written = V2Serializer::new().serialize(&self.0, &mut bytes);
        debug_assert!(written.is_ok(), "memory takes everything");
        STANDARD.encode(bytes)
    }

    /// Reads what [`to_base64`](Self::to_base64) wrote; if it cannot, says why.
    pub(super) fn from_base64(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text).map_err(|error| format!("it is not Base64: {error}"))?;
        // The library would first make room for whatever length the header claims.
        let length = bytes.get(4..8).and_then(|field| field.try_into().ok());
        let length = length.map(|field| u32::from_be_bytes(field) as usize);
        if length.and_then(|length| length.checked_add(HEADER)) != Some(bytes.len()) {
            return Err("it is cut off, or not the V2 form of an HdrHistogram".to_owned());
        }
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| format!("it is no HdrHistogram: {error}"))?;
        if (read.low(), read.high(), read.sigfig()) != (LOWEST, HIGHEST, DIGITS) {
            return Err("it is an HdrHistogram of another range or precision".to_owned());
        }
        Ok(Self(read))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(micros: &[u64]) -> Latency {
        let mut latency = Latency::default();
        micros.iter().for_each(|micros| latency.record(Duration::from_micros(*micros)));
        latency
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let latency = of(&(1..=1000).collect::<Vec<_>>());

        let at = |percent| latency.percentile(percent).unwrap().as_micros();
        assert_eq!((at(50.0), at(90.0), at(99.0), at(100.0)), (500, 900, 990, 1000));
        assert_eq!(latency.max(), Some(Duration::from_millis(1)));
        assert_eq!(latency.count(), 1000);
    }

    #[test]
    fn without_anything_there_is_no_percentile() {
        assert_eq!((Latency::default().percentile(99.0), Latency::default().max()), (None, None));
    }

    #[test]
    fn what_takes_longer_than_an_hour_counts_as_an_hour() {
        let latency = of(&[7_200_000_000, u64::MAX]);

        assert_eq!(latency.max(), Some(LONGEST));
        assert_eq!(latency.percentile(50.0), Some(LONGEST));
    }

    #[test]
    fn all_that_was_recorded_comes_back_in_order() {
        let latency = of(&[25, 9, 25, 500]);
        let micros: Vec<_> = latency.recorded().map(|(at, n)| (at.as_micros(), n)).collect();

        assert_eq!(micros, [(9, 1), (25, 2), (500, 1)]);
        assert_eq!(latency.min(), Some(Duration::from_micros(9)));
    }

    #[test]
    fn what_is_no_histogram_is_refused_with_the_reason() {
        let refused = |text: &str| Latency::from_base64(text).unwrap_err();
        let mut other = Histogram::<u64>::new_with_bounds(1, 1000, 2).unwrap();
        other.record(7).unwrap();
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&other, &mut bytes).unwrap();
        let whole = of(&[1, 2, 3]).to_base64();

        assert!(refused("%").contains("not Base64"));
        assert!(refused("").contains("cut off"));
        assert!(refused(&whole[..whole.len() - 4]).contains("cut off"));
        assert!(refused(&STANDARD.encode([0; HEADER])).contains("no HdrHistogram"));
        assert!(refused(&STANDARD.encode(bytes)).contains("another range"));
    }

    proptest! {
        #[test]
        fn the_written_form_reads_back_and_sums_do_not_depend_on_where_they_are_made(
            one in prop::collection::vec(0..5_000_000_000_u64, 0..50),
            two in prop::collection::vec(0..5_000_000_u64, 0..50),
        ) {
            let mut sum = of(&one);
            sum.merge(&of(&two));
            let both = of(&[one, two].concat());

            prop_assert_eq!(&sum, &both);
            prop_assert_eq!(Latency::from_base64(&sum.to_base64()), Ok(both));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120), flip in any::<(usize, u8)>()) {
            let _ = Latency::from_base64(&STANDARD.encode(&bytes));
            bytes = STANDARD.decode(of(&[5, 70_000]).to_base64()).unwrap();
            let at = flip.0 % bytes.len();
            bytes[at] ^= flip.1;
            let _ = Latency::from_base64(&STANDARD.encode(&bytes));
        }
    }
}
