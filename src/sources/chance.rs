//! What nobody can foresee; or, for tests, what follows from a seed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A number from which everything follows that should be left to chance: IDs, entity tags, jitter, and
/// **keys**. Whoever knows it knows them too, so it is for tests and for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestSeed(
    /// The number.
    pub u64,
);

/// Something that nobody can foresee: the system's random numbers ([`Default`]), or those of a
/// [`TestSeed`].
///
/// Whatever is drawn has a name, and somebody whom it is for. What follows from a seed depends on these
/// and on how often the same was drawn before, not on what others draw meanwhile (J-311): so it does not
/// matter in which order devices come that have nothing to do with each other.
#[derive(Clone, Default)]
pub struct Chance(Option<Arc<Seeded>>);

struct Seeded {
    seed: TestSeed,
    /// How often each was drawn.
    drawn: Mutex<HashMap<(&'static str, String), u64>>,
}

impl Chance {
    /// The system's random numbers.
    pub const fn system() -> Self {
        Self(None)
    }

    /// What follows from a seed.
    pub fn seeded(seed: TestSeed) -> Self {
        Self(Some(Arc::new(Seeded { seed, drawn: Mutex::default() })))
    }

    /// Whether all of it can be foreseen.
    pub fn is_seeded(&self) -> bool {
        self.0.is_some()
    }

    /// Bytes of which a secret can be made.
    ///
    /// # Panics
    ///
    /// If the system has no random numbers. Without them there is no TLS either, so nothing can have come
    /// this far.
    pub fn fill(&self, what: &'static str, whose: &str, bytes: &mut [u8]) {
        match &self.0 {
            Some(seeded) => seeded.fill(what, whose, bytes),
            None => {
                system_bytes(bytes).unwrap_or_else(|error| panic!("no random numbers: {error}"))
            }
        }
    }

    /// A number that is no secret.
    #[cfg(any(feature = "device", feature = "pki"))]
    pub fn number(&self, what: &'static str, whose: &str) -> u64 {
        match &self.0 {
            Some(seeded) => seeded.number(what, whose),
            None => fast_number(),
        }
    }

    /// What tells apart two entity tags of one second.
    #[cfg(feature = "pki")]
    pub fn salt(&self, whose: &str) -> u32 {
        (self.number("salt", whose) >> 32) as u32
    }

    /// A UUID of version 4.
    #[cfg(any(feature = "device", feature = "service"))]
    pub fn uuid(&self, what: &'static str, whose: &str) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.fill(what, whose, &mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Whether the system has random numbers, without which nothing works.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn check_system() -> Result<(), getrandom::Error> {
        system_bytes(&mut [0])
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
fn system_bytes(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}

#[cfg(any(feature = "device", feature = "pki"))]
#[expect(clippy::disallowed_methods, reason = "the one place that asks for a number")]
fn fast_number() -> u64 {
    fastrand::u64(..)
}

impl Seeded {
    fn fill(&self, what: &'static str, whose: &str, bytes: &mut [u8]) {
        let drawn = {
            let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
            let count = drawn.entry((what, whose.to_owned())).or_default();
            *count += 1;
            *count
        };
        for (block, bytes) in bytes.chunks_mut(32).enumerate() {
            let mut mac = Hmac::<Sha256>::new_from_slice(&self.seed.0.to_be_bytes())
                .unwrap_or_else(|_| unreachable!("HMAC takes any key length"));
            for part in [what.as_bytes(), whose.as_bytes()] {
                mac.update(&(part.len() as u64).to_be_bytes());
                mac.update(part);
            }
            mac.update(&drawn.to_be_bytes());
            mac.update(&(block as u64).to_be_bytes());
            let made = mac.finalize().into_bytes();
            bytes.copy_from_slice(&made[..bytes.len()]);
        }
    }

    #[cfg(any(feature = "device", feature = "pki"))]
    fn number(&self, what: &'static str, whose: &str) -> u64 {
        let mut bytes = [0; 8];
        self.fill(what, whose, &mut bytes);
        u64::from_be_bytes(bytes)
    }
}

/// The seed is as good as every key that was made.
impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_seeded() { "Chance(seeded)" } else { "Chance(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(chance: &Chance, what: &'static str, whose: &str) -> [u8; 64] {
        let mut bytes = [0; 64];
        chance.fill(what, whose, &mut bytes);
        bytes
    }

    /// J-311.
    #[test]
    fn j_311_what_is_drawn_follows_from_the_seed_the_name_and_how_often_and_from_nothing_else() {
        let (one, two) = (Chance::seeded(TestSeed(7)), Chance::seeded(TestSeed(7)));
        let first = drawn(&one, "key", "a");
        drawn(&two, "key", "b");
        drawn(&two, "tag", "a");

        assert_eq!(drawn(&two, "key", "a"), first);
        assert_eq!(drawn(&two, "key", "a"), drawn(&one, "key", "a"));
        let others = [
            drawn(&one, "key", "a"),
            drawn(&one, "key", "b"),
            drawn(&one, "tag", "a"),
            drawn(&one, "ke", "ya"),
            drawn(&Chance::seeded(TestSeed(8)), "key", "a"),
        ];
        for other in others {
            assert_ne!(other, first);
        }
        assert_ne!(first[..32], first[32..]);
    }

    #[test]
    fn the_systems_chance_is_never_the_same_and_no_seed_is_shown() {
        let system = Chance::default();

        assert_ne!(drawn(&system, "key", "a"), drawn(&system, "key", "a"));
        assert_eq!(format!("{:?}", Chance::seeded(TestSeed(4242))), "Chance(seeded)");
        assert!(!system.is_seeded());
    }

    #[cfg(feature = "service")]
    #[test]
    fn a_seeded_uuid_is_one_of_version_4() {
        let made = Chance::seeded(TestSeed(1)).uuid("operation", "pump");

        assert_eq!(made.get_version_num(), 4);
        assert_eq!(made, Chance::seeded(TestSeed(1)).uuid("operation", "pump"));
    }
}
