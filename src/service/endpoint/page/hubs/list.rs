//! The linked hubs.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;

use crate::service::endpoint::page::address::address;
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::live;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;

#[derive(Debug, Template)]
#[template(path = "page/hubs.html")]
struct Page {
    shell: Shell,
    table: Table,
}

/// Told anew while somebody looks.
#[derive(Debug, Template)]
#[template(path = "page/hubs-table.html")]
struct Table {
    hubs: Vec<Hub>,
}

#[derive(Debug)]
struct Hub {
    name: String,
    address: String,
    devices: usize,
    connected: usize,
    weight: u16,
    is_open: bool,
    registrations: String,
}

/// `GET /ui/hubs`.
pub(in crate::service::endpoint::page) async fn list(
    State(site): State<Arc<Site>>,
) -> Response<Body> {
    let shell = Shell::new(&site, "Hubs and twins", Some(Section::Hubs));
    answer::page(&Page { shell, table: table(&site) })
}

/// `GET /ui/hubs/events`.
pub(in crate::service::endpoint::page) async fn list_events(
    State(site): State<Arc<Site>>,
) -> Response<Body> {
    live::told(site, |site| table(site).render().ok())
}

fn table(site: &Site) -> Table {
    let hubs = site.registrar.hubs();
    let online = hubs.online();
    let linked = site.registrar.instance().linked_hubs.iter();
    let hubs = linked.map(|linked| {
        let name = linked.host_name.as_str();
        Hub {
            name: name.to_owned(),
            address: address("/ui/hub", &[("name", name)]),
            devices: hubs.count_devices(&linked.host_name),
            connected: online.iter().filter(|key| *key.hub() == linked.host_name).count(),
            weight: linked.allocation_weight,
            is_open: linked.apply_allocation_policy,
            registrations: address("/", &[("hub", name)]),
        }
    });
    Table { hubs: hubs.collect() }
}
