//! Which hub a request is for: the one that `Host` names, or whichever has the device (J-131).

use std::sync::Arc;

use super::error::HubApiError;
use crate::service::access::without_port;
use crate::service::hub::{Hubs, Presence};
use crate::service::record::{HubDevice, HubKey};
use crate::wire::HubName;

/// The hub, or hubs, that a request is for.
#[derive(Debug)]
pub(super) struct Site<'a> {
    hubs: &'a Hubs,
    host: &'a str,
    named: Option<&'a HubName>,
}

impl<'a> Site<'a> {
    /// What `Host` stands for.
    pub(super) fn of(hubs: &'a Hubs, host: &'a str) -> Self {
        Self { hubs, host, named: hubs.linked(without_port(host)) }
    }

    /// All hubs, to change something on one.
    pub(super) fn hubs(&self) -> &'a Hubs {
        self.hubs
    }

    /// What tokens may be for: the host itself, and if that names no hub, any of them.
    pub(super) fn hosts(&self) -> Vec<&'a str> {
        let others = self.hubs.names().iter().map(HubName::as_str);
        std::iter::once(self.host).chain(others.filter(|_| self.named.is_none())).collect()
    }

    /// A device.
    ///
    /// # Errors
    ///
    /// 404 if it is not there, 400 if it is on several hubs and `Host` names none.
    pub(super) fn device(&self, id: &str) -> Result<Arc<HubDevice>, HubApiError> {
        // What cannot be a device ID names no device.
        let Ok(device_id) = id.parse() else { return Err(HubApiError::no_device(id)) };
        let names = self.hubs.names().iter();
        let asked = names.filter(|name| self.named.is_none_or(|named| named == *name));
        let mut found = asked.filter_map(|name| self.hubs.device(&HubKey::new(name, &device_id)));
        let Some(first) = found.next() else { return Err(HubApiError::no_device(id)) };
        let others: Vec<_> = found.collect();
        if others.is_empty() {
            return Ok(first);
        }
        let all = std::iter::once(&first).chain(&others);
        Err(HubApiError::ambiguous(id, &all.map(|device| device.hub.as_str()).collect::<Vec<_>>()))
    }

    /// Devices in order of hub and ID: at most `limit`, and only those behind `after`.
    pub(super) fn devices(&self, after: Option<&HubKey>, limit: usize) -> Vec<Arc<HubDevice>> {
        self.hubs.devices(self.named, after, limit)
    }

    /// How many of them are connected.
    pub(super) fn online(&self) -> usize {
        let is_here = |key: &&HubKey| self.named.is_none_or(|named| named == key.hub());
        self.hubs.online().iter().filter(is_here).count()
    }

    /// The hub on which a device is made.
    ///
    /// # Errors
    ///
    /// 400 if `Host` names none of several (J-131).
    pub(super) fn home(&self, id: &str) -> Result<&'a HubName, HubApiError> {
        match (self.named, self.hubs.names()) {
            (Some(named), _) => Ok(named),
            (None, [only]) => Ok(only),
            (None, names) => {
                let names: Vec<_> = names.iter().map(HubName::as_str).collect();
                Err(HubApiError::homeless(id, &names))
            }
        }
    }

    /// A name for what is asked, in logs: the hub, else what the client called it.
    pub(super) fn name(&self) -> &'a str {
        self.named.map_or(self.host, HubName::as_str)
    }

    /// What is known of a device beside its identity.
    pub(super) fn presence(&self, device: &HubDevice) -> Presence {
        self.hubs.presence(&device.key())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{device, hubs};
    use super::*;

    #[tokio::test]
    async fn j_131_the_host_names_the_hub_with_or_without_port_and_in_any_case() {
        let hubs = hubs([device("west.net", "a"), device("east.net", "a")]).await;

        let hub = |host| Site::of(&hubs, host).device("a").map(|device| device.hub.clone());

        assert_eq!(hub("west.net").unwrap(), "west.net");
        assert_eq!(hub("EAST.net:8443").unwrap(), "east.net");
        let refused = hub("localhost:8443").unwrap_err().to_string();
        assert!(refused.contains("Host: east.net, west.net"), "{refused}");
    }

    #[tokio::test]
    async fn j_131_any_other_host_finds_the_device_on_the_hub_that_has_it() {
        let hubs = hubs([device("west.net", "a"), device("east.net", "b")]).await;
        let site = Site::of(&hubs, "localhost");

        assert_eq!(site.device("a").unwrap().hub, "west.net");
        assert_eq!(site.device("c").unwrap_err(), HubApiError::no_device("c"));
        assert_eq!(site.device("A").unwrap_err(), HubApiError::no_device("A"), "with case");
        assert_eq!(site.hosts(), ["localhost", "east.net", "west.net"]);
        assert_eq!(Site::of(&hubs, "west.net").hosts(), ["west.net"]);
        assert_eq!(site.devices(None, 9).len(), 2);
        assert_eq!(Site::of(&hubs, "west.net").devices(None, 9).len(), 1);
        let first = site.devices(None, 1);
        assert_eq!(first[0].hub, "east.net");
        assert_eq!(site.devices(Some(&first[0].key()), 9)[0].hub, "west.net");
        let gone = HubKey::new(&first[0].hub, &"z".parse().unwrap());
        assert_eq!(site.devices(Some(&gone), 9).len(), 1, "what follows one that is not there");
    }
}
