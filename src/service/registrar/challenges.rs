//! What the TPMs of devices were given to sign with (B.5). In memory alone: never stored, logged or shown.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::attestation::DeviceKey;
use crate::service::attest::Platform;
use crate::service::journal::Recording;
use crate::service::lock::lock;
use crate::wire::RegistrationId;

/// How long a key is good, from when it was given or was last good for something that goes on (J-380).
const LIFETIME: Duration = Duration::from_secs(600);

/// How long it is still good when the device was told what came of its registration: the answer may have
/// been lost, and then it asks again (A-9, J-380).
const AFTERWARDS: Duration = Duration::from_secs(60);

/// Of how many devices keys are remembered; the oldest go first.
const MOST: usize = 10_000;

/// The keys that TPMs were given, the last one of each device.
#[derive(Default)]
pub(super) struct Challenges(Mutex<Given>);

#[derive(Default)]
struct Given {
    by_device: HashMap<String, Remembered>,
    /// By the number of the key, oldest first.
    by_age: BTreeMap<u64, String>,
    last: u64,
}

struct Remembered {
    number: u64,
    until: Instant,
    challenged: Challenged,
}

/// A key that a TPM was given.
#[derive(Clone)]
pub(super) struct Challenged {
    pub(super) key: DeviceKey,
    pub(super) platform: Arc<Platform>,
    /// What was written down of it, if it was asked for by a register request.
    pub(super) recording: Option<Recording>,
}

impl Challenges {
    /// The device's TPM is given a key; another one is good no more. What was written down of that goes on
    /// with this one.
    pub(super) fn remember(
        &self,
        id: &RegistrationId,
        key: DeviceKey,
        platform: Arc<Platform>,
        now: Instant,
    ) {
        let mut given = lock(&self.0);
        given.last += 1;
        let number = given.last;
        let before = given.by_device.remove(&id.folded());
        if let Some(before) = &before {
            given.by_age.remove(&before.number);
        }
        let recording =
            before.filter(|it| now < it.until).and_then(|before| before.challenged.recording);
        let challenged = Challenged { key, platform, recording };
        let remembered = Remembered { number, until: now + LIFETIME, challenged };
        given.by_device.insert(id.folded(), remembered);
        given.by_age.insert(number, id.folded());
        given.trim(now);
    }

    /// What the device's TPM was given, if that is still good.
    pub(super) fn of(&self, id: &RegistrationId, now: Instant) -> Option<Challenged> {
        let given = lock(&self.0);
        let remembered = given.by_device.get(&id.folded())?;
        (now < remembered.until).then(|| remembered.challenged.clone())
    }

    /// What was written down of the key that the device's TPM was given last, if that is still good.
    pub(super) fn recording(&self, id: &RegistrationId, now: Instant) -> Option<Recording> {
        self.of(id, now)?.recording
    }

    /// It was written down that the device's TPM was given a key.
    pub(super) fn recorded(&self, id: &RegistrationId, recording: Recording) {
        if let Some(remembered) = lock(&self.0).by_device.get_mut(&id.folded()) {
            remembered.challenged.recording = Some(recording);
        }
    }

    /// What the device asks for is in progress: it goes on to need its key.
    pub(super) fn goes_on(&self, id: &RegistrationId, now: Instant) {
        if let Some(remembered) = lock(&self.0).by_device.get_mut(&id.folded()) {
            remembered.until = now + LIFETIME;
        }
    }

    /// The device was told what came of its registration.
    pub(super) fn told(&self, id: &RegistrationId, now: Instant) {
        if let Some(remembered) = lock(&self.0).by_device.get_mut(&id.folded()) {
            remembered.until = remembered.until.min(now + AFTERWARDS);
        }
    }

    pub(super) fn forget_all(&self) {
        *lock(&self.0) = Given::default();
    }
}

impl Given {
    fn trim(&mut self, now: Instant) {
        while let Some((&number, id)) = self.by_age.first_key_value() {
            let is_over = self.by_device.get(id).is_none_or(|it| it.until <= now);
            if !is_over && self.by_device.len() <= MOST {
                return;
            }
            let id = id.clone();
            self.by_age.remove(&number);
            self.by_device.remove(&id);
        }
    }
}

/// It holds keys.
impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenges({})", lock(&self.0).by_device.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::SoftwareTpm;

    fn platform() -> Arc<Platform> {
        Arc::new(Platform::read(&SoftwareTpm::with_one_pair().public_keys()).unwrap())
    }

    #[test]
    fn j_380_a_key_is_good_for_ten_minutes_and_for_one_after_the_result_was_told() {
        let (challenges, platform, now) = (Challenges::default(), platform(), Instant::now());
        let id = |text: &str| text.parse::<RegistrationId>().unwrap();
        let give = |text: &str| {
            let key = DeviceKey::generate();
            challenges.remember(&id(text), key.clone(), platform.clone(), now);
            key
        };
        let is_good = |text: &str, seconds: u64| {
            challenges.of(&id(text), now + Duration::from_secs(seconds)).map(|it| it.key)
        };
        let (first, second) = (give("Pump"), give("valve"));

        assert_eq!(is_good("pump", 599), Some(first.clone()));
        assert_eq!(is_good("pump", 600), None);
        challenges.told(&id("pump"), now);
        assert_eq!((is_good("pump", 59), is_good("pump", 60)), (Some(first.clone()), None));
        challenges.goes_on(&id("pump"), now + Duration::from_secs(50));
        assert_eq!((is_good("pump", 649), is_good("pump", 650)), (Some(first), None));
        assert_eq!(is_good("valve", 60), Some(second));
        let third = give("VALVE");
        assert_eq!(is_good("valve", 0), Some(third), "the last one alone");
        assert!(!format!("{challenges:?}").contains('='));
        challenges.forget_all();
        assert_eq!(is_good("valve", 0), None);
    }

    #[test]
    fn j_380_of_more_than_10_000_devices_the_first_are_forgotten_and_what_is_over_goes_with_them() {
        let (challenges, platform, now) = (Challenges::default(), platform(), Instant::now());
        let key = DeviceKey::generate();
        let give = |number: usize, now| {
            let id = format!("pump-{number}").parse().unwrap();
            challenges.remember(&id, key.clone(), platform.clone(), now);
        };
        let sizes = || {
            let given = lock(&challenges.0);
            (given.by_device.len(), given.by_age.len())
        };

        (0..MOST + 3).for_each(|number| give(number, now));

        assert_eq!(sizes(), (MOST, MOST));
        assert!(challenges.of(&"pump-2".parse().unwrap(), now).is_none());
        assert!(challenges.of(&"pump-3".parse().unwrap(), now).is_some());
        (0..3).for_each(|_| give(3, now + LIFETIME));
        assert_eq!(sizes(), (1, 1));
    }
}
