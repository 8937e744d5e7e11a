//! The catalogue: everything that can go wrong, as data. No decision is made in here.

mod alert;
mod breach;
mod connack;
mod deadline;
mod http;
mod hub;
mod network;
mod outcome;
mod proxy;
mod registration;
mod service_api;
mod tls;

use super::Entry;

/// The C SDK's results that entries have in common.
const AUTH_ERROR: Option<&str> = Some("PROV_DEVICE_RESULT_DEV_AUTH_ERROR");
const TRANSPORT: Option<&str> = Some("PROV_DEVICE_RESULT_TRANSPORT");
const TIMEOUT: Option<&str> = Some("PROV_DEVICE_RESULT_TIMEOUT");

/// All entries, in the order in which they are listed.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    let groups = [
        registration::ENTRIES,
        outcome::ENTRIES,
        service_api::ENTRIES,
        connack::ENTRIES,
        http::ENTRIES,
        tls::ENTRIES,
        alert::ENTRIES,
        network::ENTRIES,
        proxy::ENTRIES,
        deadline::ENTRIES,
        breach::ENTRIES,
        hub::ENTRIES,
    ];
    groups.into_iter().flatten()
}

/// The entry with this key, exactly as it stands.
pub fn entry(key: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.key == key)
}
