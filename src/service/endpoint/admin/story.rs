//! An entry of the journal as the management listener shows it alone: with its story, and with the device
//! on its hub as it is now.

use serde::Serialize;

use super::twin::HubTwin;
use crate::service::commentary::{Commentary, Explanation};
use crate::service::hub::Hubs;
use crate::service::journal::{JournalEntry, TimelineMoment, presence, timeline};
use crate::service::record::{HubDevice, HubKey};

/// The entry, and what only a look at it alone is worth.
#[derive(Debug, Serialize)]
pub(super) struct Story<'a> {
    #[serde(flatten)]
    entry: &'a JournalEntry,
    timeline: Vec<TimelineMoment>,
    /// None if the device has no hub, or is not there any more.
    twin: Option<HubTwin<'a>>,
    /// What its failure means, if somebody can say.
    explanation: Option<Explanation>,
}

impl<'a> Story<'a> {
    /// `device` is the one of the entry, as its hub knows it.
    pub(super) fn new(
        entry: &'a JournalEntry,
        device: Option<&'a HubDevice>,
        hubs: &Hubs,
        commentary: &Commentary,
    ) -> Self {
        let twin = device.map(|device| HubTwin::new(device, hubs));
        let timeline = moments(entry, hubs);
        Self { entry, timeline, twin, explanation: commentary.on(entry) }
    }
}

/// The device of an entry on its hub.
pub(super) fn hub_key(entry: &JournalEntry) -> Option<HubKey> {
    let device_id = entry.device_id.as_ref()?.parse().ok()?;
    Some(HubKey::new(entry.assigned_hub.as_ref()?, &device_id))
}

/// All that is known of a registration and of the device since, in order.
pub(super) fn moments(entry: &JournalEntry, hubs: &Hubs) -> Vec<TimelineMoment> {
    let mut moments = timeline(entry);
    let now = hub_key(entry).map(|key| hubs.presence(&key));
    let since = now.and_then(|now| presence(entry, now.is_online, now.changed?));
    moments.extend(since);
    moments
}
