//! One fleet on several machines: each takes its part of the devices, without talking to the others.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Why a text is no [`Shard`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShardError {
    /// It has another form.
    #[error("{0:?}: expected INDEX/COUNT, such as 0/4 for the first of four")]
    Form(String),
    /// There is no such part.
    #[error("there is no shard {index} of {count}: they are counted from 0")]
    Index {
        /// The index given.
        index: u64,
        /// How many there are.
        count: u64,
    },
}

/// Part `index` of `count`: every `count`-th device (J-160). Written `INDEX/COUNT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// All devices.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Part `index`, from 0, of `count`.
    ///
    /// # Errors
    ///
    /// If there is no such part.
    pub fn new(index: u64, count: u64) -> Result<Self, ShardError> {
        if index < count {
            Ok(Self { index, count })
        } else {
            Err(ShardError::Index { index, count })
        }
    }

    /// Whether device `number`, from 0, is in this part.
    pub fn has(self, number: u64) -> bool {
        number % self.count == self.index
    }

    /// How many of the first `total` devices are in this part.
    pub fn share(self, total: u64) -> u64 {
        total / self.count + u64::from(self.index < total % self.count)
    }

    /// The numbers of its devices, of the first `total`.
    pub fn numbers(self, total: u64) -> impl Iterator<Item = u64> + Send {
        (0..self.share(total)).map(move |nth| nth * self.count + self.index)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some((index.trim().parse().ok()?, count.trim().parse().ok()?))
        });
        let (index, count) = numbers.ok_or_else(|| ShardError::Form(text.to_owned()))?;
        Self::new(index, count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_no_part_says_why() {
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
        for (text, said) in [
            ("3/3", "there is no shard 3 of 3: they are counted from 0"),
            ("0/0", "there is no shard 0 of 0"),
            ("1", "\"1\": expected INDEX/COUNT"),
            ("-1/3", "\"-1/3\": expected INDEX/COUNT"),
        ] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn j_160_the_parts_are_the_whole_and_no_device_is_in_two(
            count in 1..40_u64,
            total in 0..2000_u64,
        ) {
            let shards: Vec<_> = (0..count).map(|index| Shard::new(index, count).unwrap()).collect();

            let mut all: Vec<u64> = shards.iter().flat_map(|shard| shard.numbers(total)).collect();
            all.sort_unstable();

            prop_assert_eq!(all, (0..total).collect::<Vec<_>>());
            for shard in shards {
                prop_assert_eq!(shard.numbers(total).count() as u64, shard.share(total));
                prop_assert!(shard.numbers(total).all(|number| shard.has(number)));
            }
        }
    }
}
