//! The devices of a hub, page by page.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Response;

use super::device_row::DeviceRow;
use crate::service::endpoint::page::address::{address, asked};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::live;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::service::record::HubKey;
use crate::text::{Foreign, inert};
use crate::wire::HubName;

/// How many devices a page has.
const ON_A_PAGE: usize = 100;

/// Which devices are wanted.
#[derive(Debug, Clone)]
struct Wanted {
    hub: HubName,
    /// In the ID; case does not matter.
    q: String,
    is_online: bool,
    /// Behind the device of this ID.
    after: String,
}

#[derive(Debug, Template)]
#[template(path = "page/hub.html")]
struct Page {
    shell: Shell,
    hub: String,
    q: String,
    is_online: bool,
    events: String,
    table: Table,
}

/// Told anew while somebody looks.
#[derive(Debug, Template)]
#[template(path = "page/hub-table.html")]
struct Table {
    rows: Vec<DeviceRow>,
    is_filtered: bool,
    first: Option<String>,
    next: Option<String>,
}

impl Wanted {
    fn read(site: &Site, query: Option<&str>) -> Result<Self, String> {
        let name = asked(query, "name");
        let hub = site.registrar.hubs().linked(&name).cloned().ok_or(name)?;
        Ok(Self {
            hub,
            q: asked(query, "q"),
            is_online: asked(query, "online") == "1",
            after: asked(query, "after"),
        })
    }

    fn at(&self, path: &str, after: &str) -> String {
        let online = if self.is_online { "1" } else { "" };
        let query =
            [("name", self.hub.as_str()), ("q", &*self.q), ("online", online), ("after", after)];
        address(path, &query)
    }
}

/// `GET /ui/hub`.
pub(in crate::service::endpoint::page) async fn devices(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    match Wanted::read(&site, query.as_deref()) {
        Ok(wanted) => answer::page(&Page {
            shell: Shell::new(&site, wanted.hub.as_str(), Some(Section::Hubs)),
            hub: wanted.hub.to_string(),
            q: inert(&wanted.q).into_owned(),
            is_online: wanted.is_online,
            events: wanted.at("/ui/hub/events", &wanted.after),
            table: table(&site, &wanted),
        }),
        Err(name) => {
            answer::not_found(&site, &format!("No hub {:?} is linked.", Foreign::short(&name)))
        }
    }
}

/// `GET /ui/hub/events`.
pub(in crate::service::endpoint::page) async fn devices_events(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    match Wanted::read(&site, query.as_deref()) {
        Ok(wanted) => live::told(site, move |site| table(site, &wanted).render().ok()),
        Err(_) => answer::not_found(&site, "No such hub is linked."),
    }
}

fn table(site: &Site, wanted: &Wanted) -> Table {
    let hubs = site.registrar.hubs();
    let after = wanted.after.parse().ok().map(|id| HubKey::new(&wanted.hub, &id));
    let q = wanted.q.to_ascii_lowercase();
    let online = if wanted.is_online { hubs.online() } else { Vec::new() };
    let online: std::collections::HashSet<_> = online.into_iter().collect();
    let is_filtered = !wanted.q.is_empty() || wanted.is_online;
    // One more than a page has, to know whether there is another. Those of a filter may stand anywhere.
    let limit = if is_filtered { usize::MAX } else { ON_A_PAGE + 1 };
    let found = hubs.devices(Some(&wanted.hub), after.as_ref(), limit);
    let mut found = found.iter().filter(|device| {
        (q.is_empty() || device.device_id.as_str().to_ascii_lowercase().contains(&q))
            && (!wanted.is_online || online.contains(&device.key()))
    });
    let page: Vec<_> = found.by_ref().take(ON_A_PAGE).collect();
    let last = page.last().filter(|_| found.next().is_some());
    Table {
        rows: page.iter().map(|device| DeviceRow::new(device, hubs)).collect(),
        is_filtered,
        first: (!wanted.after.is_empty()).then(|| wanted.at("/ui/hub", "")),
        next: last.map(|device| wanted.at("/ui/hub", device.device_id.as_str())),
    }
}
