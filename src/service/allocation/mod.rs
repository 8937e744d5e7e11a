//! Which hub a device gets (F.5, G).
//!
//! Choosing is pure; only `webhook` talks to the network, and the registrar decides when.

pub mod custom;
mod hashed;
pub mod webhook;

pub use hashed::hashed;

use super::enrollment::{AllocationPolicy, Enrollment};
use super::instance::{Instance, LinkedHub};
use crate::wire::{ErrorCode, Payload};

/// What allocation comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// This hub.
    Hub {
        /// Its host name.
        host_name: String,
        /// What the webhook has to say to the device.
        payload: Option<Payload>,
    },
    /// None.
    Failed {
        /// Why, for the device.
        code: ErrorCode,
        /// The same in words.
        message: String,
        /// What would have been right, for our own log.
        hint: String,
    },
}

/// The hubs that an enrollment may use: those it names, as far as they are linked, else every
/// linked one that is open to all (F.5, J-31).
pub fn candidates<'a>(instance: &'a Instance, enrollment: &Enrollment) -> Vec<&'a LinkedHub> {
    match enrollment.named_hubs() {
        Some(names) => names.into_iter().filter_map(|name| instance.linked_hub(name)).collect(),
        None => instance.linked_hubs.iter().filter(|hub| hub.apply_allocation_policy).collect(),
    }
}

/// The failure of an enrollment without hubs (J-9).
pub fn no_hub() -> Decision {
    Decision::Failed {
        code: ErrorCode::NO_LINKED_HUB,
        message: "No IoT hub is linked to this enrollment.".to_owned(),
        hint: "link a hub to the instance (linkedHubs), and name only linked ones in iotHubs"
            .to_owned(),
    }
}

/// The choice of a built-in policy; `None` for custom, which has to ask.
pub fn built_in(
    policy: Option<AllocationPolicy>,
    folded_registration_id: &str,
    candidates: &[&LinkedHub],
) -> Option<Decision> {
    let chosen = match policy {
        Some(AllocationPolicy::Custom) => return None,
        Some(AllocationPolicy::Static) => candidates.first().copied(),
        // Without a table of latencies every hub is as near as any other, and ties are hashed (J-17).
        Some(AllocationPolicy::Hashed | AllocationPolicy::GeoLatency) | None => {
            hashed(folded_registration_id, candidates)
        }
    };
    Some(match chosen {
        Some(hub) => Decision::Hub { host_name: hub.host_name.clone(), payload: None },
        None => no_hub(),
    })
}
