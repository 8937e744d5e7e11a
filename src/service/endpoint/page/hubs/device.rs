//! The page of a device: its twin, live.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Response, StatusCode};

use super::view::View;
use crate::service::endpoint::page::address::{address, asked};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::live;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::service::record::{HubDevice, HubKey};
use crate::text::{Foreign, inert};

/// What somebody did to a device, and how that went.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// What could not be done; inert.
    pub(super) complaint: Option<String>,
    /// The change of the desired properties as it was typed.
    pub(super) patch: String,
    /// The method that was called, and with what.
    pub(super) method: String,
    pub(super) payload: String,
    /// What the device answered: a number and, inert, JSON.
    pub(super) answer: Option<(i32, String)>,
}

#[derive(Debug, Template)]
#[template(path = "page/device.html")]
struct Page {
    shell: Shell,
    /// As they are, for forms.
    hub: String,
    id: String,
    events: String,
    registrations: String,
    state: View,
    /// The version of the twin that this page shows.
    etag: String,
    done: Done,
}

/// `GET /ui/device`.
pub(in crate::service::endpoint::page) async fn device(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let (hub, id) = (asked(query.as_deref(), "hub"), asked(query.as_deref(), "id"));
    match find(&site, &hub, &id) {
        Some(device) => shown(&site, &device, StatusCode::OK, Done::default()),
        None => missing(&site, &hub, &id),
    }
}

/// `GET /ui/device/events`.
pub(in crate::service::endpoint::page) async fn device_events(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let (hub, id) = (asked(query.as_deref(), "hub"), asked(query.as_deref(), "id"));
    if find(&site, &hub, &id).is_none() {
        return missing(&site, &hub, &id);
    }
    // One that is deleted meanwhile stays as it was last seen.
    live::told(site, move |site| {
        let device = find(site, &hub, &id)?;
        View::new(&device, site.registrar.hubs()).render().ok()
    })
}

/// The device of a hub.
pub(super) fn find(site: &Site, hub: &str, id: &str) -> Option<Arc<HubDevice>> {
    let hubs = site.registrar.hubs();
    hubs.device(&HubKey::new(hubs.linked(hub)?, &id.parse().ok()?))
}

/// There is none.
pub(super) fn missing(site: &Site, hub: &str, id: &str) -> Response<Body> {
    let (hub, id) = (Foreign::short(hub), Foreign::short(id));
    answer::not_found(site, &format!("The hub {hub:?} has no device {id:?}."))
}

/// The page, and what somebody did.
pub(super) fn shown(
    site: &Site,
    device: &HubDevice,
    status: StatusCode,
    done: Done,
) -> Response<Body> {
    let (hub, id) = (device.hub.as_str(), device.device_id.as_str());
    let name = [("hub", hub), ("id", id)];
    answer::with_status(
        status,
        &Page {
            shell: Shell::new(site, inert(id), Some(Section::Hubs)),
            hub: hub.to_owned(),
            id: id.to_owned(),
            events: address("/ui/device/events", &name),
            registrations: address("/", &[("q", id)]),
            state: View::new(device, site.registrar.hubs()),
            etag: device.twin_etag.encoded(),
            done,
        },
    )
}
