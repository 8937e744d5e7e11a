//! All entries together.

use super::{
    alert, breach, certificate, client, connack, deadline, hardware, http, hub, hub_code, link,
    network, outcome, proxy, registration, renewal, sasl, service_api, tls,
};
use crate::explain::entry::Entry;

/// All entries, in the order in which they are listed.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    let groups = [
        registration::ENTRIES,
        certificate::ENTRIES,
        outcome::ENTRIES,
        link::ENTRIES,
        service_api::ENTRIES,
        hub_code::ENTRIES,
        connack::ENTRIES,
        sasl::ENTRIES,
        http::ENTRIES,
        tls::ENTRIES,
        alert::ENTRIES,
        network::ENTRIES,
        proxy::ENTRIES,
        deadline::ENTRIES,
        breach::ENTRIES,
        hub::ENTRIES,
        renewal::ENTRIES,
        hardware::ENTRIES,
        client::ENTRIES,
    ];
    groups.into_iter().flatten()
}

/// The entry with this key, exactly as it stands.
pub fn entry(key: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.key == key)
}
