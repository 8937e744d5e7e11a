//! A device and its twin as its page shows them. Every text of others is inert here.

use askama::Template;

use crate::service::endpoint::page::address::address;
use crate::service::endpoint::page::registrations::Time;
use crate::service::endpoint::page::shown::pretty;
use crate::service::hub::Hubs;
use crate::service::record::{Authentication, HubDevice};
use crate::service::twin::Properties;
use crate::text::inert;

/// What is told anew while somebody looks.
#[derive(Debug, Template)]
#[template(path = "page/device-state.html")]
pub(super) struct View {
    id: String,
    hub: String,
    hub_address: String,
    is_online: bool,
    since: Option<Time>,
    last_activity: Option<Time>,
    is_enabled: bool,
    status_reason: Option<String>,
    authentication: String,
    is_edge: bool,
    messages: u64,
    waiting: usize,
    created: Time,
    tags: String,
    desired: Section,
    reported: Section,
    twin_version: u64,
}

/// Desired or reported properties.
#[derive(Debug)]
struct Section {
    json: String,
    version: u64,
    updated: Option<Time>,
}

impl From<&Properties> for Section {
    fn from(properties: &Properties) -> Self {
        Self {
            json: pretty(properties.values.as_json()),
            version: properties.version,
            updated: properties.metadata.as_ref().map(|it| it.at.into()),
        }
    }
}

impl View {
    pub(super) fn new(device: &HubDevice, hubs: &Hubs) -> Self {
        let key = device.key();
        let presence = hubs.presence(&key);
        let (hub, twin) = (device.hub.as_str(), &device.twin);
        Self {
            id: inert(device.device_id.as_str()).into_owned(),
            hub: inert(hub).into_owned(),
            hub_address: address("/ui/hub", &[("name", hub)]),
            is_online: presence.is_online,
            since: presence.changed.map(Time::from),
            last_activity: presence.last_activity.map(Time::from),
            is_enabled: device.is_enabled,
            status_reason: device.status_reason.as_deref().map(|it| inert(it).into_owned()),
            authentication: match &device.authentication {
                Authentication::Keys { .. } => "symmetric key".to_owned(),
                Authentication::Thumbprints { .. } => "certificate".to_owned(),
                Authentication::CertificateAuthority { issuer, .. } => {
                    inert(&format!("certificate issued by {issuer}")).into_owned()
                }
            },
            is_edge: device.is_edge,
            messages: hubs.messages(&key),
            waiting: presence.waiting,
            created: device.created.into(),
            tags: pretty(twin.tags.as_json()),
            desired: Section::from(&twin.desired),
            reported: Section::from(&twin.reported),
            twin_version: twin.version,
        }
    }
}
