//! A sliding window for each device, forgotten as soon as nothing in it counts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rate::Rate;
use super::window;

/// Capacity that is never given back.
const SMALL: usize = 64;

/// Keeps count for every device, and remembers only those accepted within the last window, however
/// many come by in the course of time.
#[derive(Debug)]
pub(super) struct Devices {
    rate: Rate,
    by_device: HashMap<Arc<str>, VecDeque<Instant>>,
    /// What was accepted, of any device, in order: where to look for what no longer counts.
    order: VecDeque<(Instant, Arc<str>)>,
}

impl Devices {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, by_device: HashMap::new(), order: VecDeque::new() }
    }

    /// Takes one of the device's places, if there is one.
    ///
    /// # Errors
    ///
    /// How long it is until it has one.
    pub(super) fn take(&mut self, device: &str, now: Instant) -> Result<(), Duration> {
        // Two callers may read the clock in one order and get here in the other.
        let now = self.order.back().map_or(now, |(newest, _)| now.max(*newest));
        self.forget(now);
        let device = match self.by_device.get_key_value(device) {
            Some((device, _)) => device.clone(),
            None => Arc::from(device),
        };
        let accepted = self.by_device.entry(device.clone()).or_default();
        window::take(accepted, self.rate, now)?;
        self.order.push_back((now, device));
        Ok(())
    }

    /// Forgets what no longer counts. Each that was accepted is looked at once.
    fn forget(&mut self, now: Instant) {
        let window = self.rate.window();
        let is_over = |came: &Instant| now.saturating_duration_since(*came) >= window;
        while let Some((_, device)) = self.order.pop_front_if(|(came, _)| is_over(came)) {
            let Some(accepted) = self.by_device.get_mut(&device) else { continue };
            while accepted.pop_front_if(|came| is_over(came)).is_some() {}
            if accepted.is_empty() {
                self.by_device.remove(&device);
            }
        }
        // A rush leaves room behind that is not needed any more.
        if self.by_device.capacity() > SMALL.max(self.by_device.len() * 4) {
            self.by_device.shrink_to(SMALL.max(self.by_device.len() * 2));
        }
        if self.order.capacity() > SMALL.max(self.order.len() * 4) {
            self.order.shrink_to(SMALL.max(self.order.len() * 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::window::Window;
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn h_3_each_device_has_its_own_places() {
        let (mut devices, now) = (Devices::new("2/10s".parse().unwrap()), Instant::now());

        for device in ["a", "b"] {
            assert_eq!(devices.take(device, now), Ok(()));
            assert_eq!(devices.take(device, now), Ok(()));
            assert_eq!(devices.take(device, now + millis(1000)), Err(millis(9000)));
        }
        assert_eq!(devices.take("a", now + millis(10_000)), Ok(()));
    }

    #[test]
    fn a_hundred_thousand_devices_in_the_course_of_time_take_the_room_of_those_in_one_window() {
        let mut devices = Devices::new("5/s".parse().unwrap());
        let start = Instant::now();

        for n in 0..100_000_u64 {
            devices.take(&format!("device-{n}"), start + millis(n)).unwrap();
            assert!(devices.by_device.len() <= 1000 && devices.order.len() <= 1000, "{n}");
        }

        assert!(devices.by_device.capacity() <= 4000, "{}", devices.by_device.capacity());
        assert!(devices.order.capacity() <= 4000, "{}", devices.order.capacity());
    }

    #[test]
    fn the_room_of_a_rush_is_given_back() {
        let mut devices = Devices::new("5/s".parse().unwrap());
        let start = Instant::now();
        (0..100_000).for_each(|n| devices.take(&n.to_string(), start).unwrap());

        devices.take("straggler", start + millis(1000)).unwrap();

        assert_eq!((devices.by_device.len(), devices.order.len()), (1, 1));
        assert!(devices.by_device.capacity() < 1000 && devices.order.capacity() < 1000);
    }

    proptest! {
        #[test]
        fn it_is_as_if_every_device_had_a_window_to_itself(
            count in 1..4_u32,
            length in 1..50_u64,
            polls in prop::collection::vec((0..8_usize, 0..10_u64), 1..300),
        ) {
            let rate = Rate::of(count, millis(length));
            let mut devices = Devices::new(rate);
            let mut alone: Vec<_> = (0..8).map(|_| Window::new(rate)).collect();
            let (start, mut now) = (Instant::now(), 0);
            let mut accepted = Vec::new();
            for (device, gap) in polls {
                now += gap;

                let taken = devices.take(&device.to_string(), start + millis(now));

                prop_assert_eq!(taken, alone[device].take(start + millis(now)));
                if taken.is_ok() {
                    accepted.push((now, device));
                }
                accepted.retain(|(came, _)| now - came < length);
                let mut active: Vec<_> = accepted.iter().map(|(_, device)| device).collect();
                active.sort_unstable();
                active.dedup();
                prop_assert_eq!(devices.by_device.len(), active.len());
                prop_assert_eq!(devices.order.len(), accepted.len());
            }
        }
    }
}
