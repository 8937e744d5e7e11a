//! Hubs that refuse DPS itself (K-11): what stands as text in the state of a `failed` registration.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::AUTH_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: Some("IotHubUnauthorizedAccess"),
        meaning: "The device is believed. The hub that it was to be assigned to refused the provisioning service: the link between the two is stale.",
        causes: &[
            hint(
                About::Any,
                "the hub's shared access policy, or its key, was changed or deleted after the hub was linked",
            ),
            hint(
                About::Any,
                "the policy of the link lacks the rights of the registry and of the service, or the hub refuses keys, or the service's address",
            ),
        ],
        remedies: &[
            hint(
                About::Any,
                "link the hub anew: az iot dps linked-hub delete, then az iot dps linked-hub create; or choose its policy again in the portal",
            ),
            hint(About::Any, "leave the device's key or certificate as it is"),
        ],
        ..refused("link-unauthorized", "the hub refused the provisioning service, not the device")
    },
    Entry {
        name: Some("ThrottlingException"),
        meaning: "The device is believed. The hub throttles the provisioning service: more identities are made than the hub's units allow.",
        causes: &[hint(
            About::Any,
            "too many devices are registered at once for the units of the hub",
        )],
        remedies: &[
            hint(About::Any, "register again, a random while later: it is safe"),
            hint(
                About::Any,
                "spread the rollout (`provision-sim fleet plan`), or give the hub more units",
            ),
        ],
        at_fault: Party::Service,
        aliases: &["throttlingbacklogtimeout", "throttlebackloglimitexceeded"],
        ..refused("link-throttled", "the hub throttles the provisioning service")
    },
    Entry {
        name: Some("IotHubQuotaExceeded"),
        meaning: "The device is believed. The hub takes no more: its devices, or its messages of the day, are at the limit.",
        causes: &[hint(
            About::Any,
            "the hub has as many devices as it may have, or its daily quota is used up; the free tier has small ones",
        )],
        remedies: &[hint(
            About::Any,
            "delete identities that are not used, give the hub more units or a higher tier, or link another hub",
        )],
        aliases: &["toomanydevices", "403002"],
        ..refused("link-full", "the hub takes no more devices")
    },
    Entry {
        meaning: "The device is believed. The hub refused what the provisioning service asked of it; its own words stand in the message.",
        causes: &[hint(
            About::Any,
            "the hub's own code says what: it is that of IoT Hub's service API",
        )],
        remedies: &[
            hint(
                About::Any,
                "look up the hub's code and its tracking ID in the hub's diagnostic logs",
            ),
            hint(About::Any, "register again: it is safe, and the trouble may be over"),
        ],
        ..refused("link-refused", "the hub refused what the provisioning service asked of it")
    },
];

const fn refused(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Enrollment,
        class: Class::NotAssigned,
        c_sdk_result: AUTH_ERROR,
        rules: &["F.5", "F.8"],
        aliases: &[],
        is_ours: false,
    }
}
