//! The page: two forms, and what came of the one that was sent.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Response, StatusCode};

use crate::service::endpoint::page::address::asked;
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::choose;
use crate::service::endpoint::page::judged::Judged;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::Kind;
use crate::text::inert;
use crate::tutorial;

/// What was tried, as it was typed, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) device: Device,
    pub(super) webhook: Webhook,
}

/// The form of the simulated device.
#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) id: String,
    pub(super) enrollment: String,
    pub(super) payload: String,
    /// Over what, by its name in the form.
    pub(super) transport: &'static str,
    pub(super) complaint: Option<String>,
    pub(super) outcome: Option<Outcome>,
}

/// How a simulated device fared. Every text is inert.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) id: String,
    pub(super) is_assigned: bool,
    pub(super) transcript: String,
    /// Where its conversation is shown.
    pub(super) conversation: Option<String>,
}

/// The form of the webhook.
#[derive(Debug, Default)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) enrollment: String,
    pub(super) url: String,
    pub(super) payload: String,
    pub(super) current_hub: String,
    pub(super) complaint: Option<String>,
    pub(super) judged: Option<Judged>,
}

#[derive(Debug, Template)]
#[template(path = "page/try.html")]
struct Page {
    shell: Shell,
    enrollments: Vec<String>,
    can_simulate: bool,
    is_tutorial: bool,
    hubs: Vec<String>,
    tried: Tried,
}

/// `GET /ui/try`.
pub(in crate::service::endpoint::page) async fn show(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = |name| asked(query.as_deref(), name);
    let device = Device { id: asked("id"), enrollment: asked("enrollment"), ..Device::default() };
    shown(&site, StatusCode::OK, Tried { device, ..Tried::default() })
}

/// The page with what was tried.
pub(super) fn shown(site: &Site, status: StatusCode, tried: Tried) -> Response<Body> {
    let is_tutorial =
        site.registrar.read_enrollments(|all| all.find(Kind::Group, tutorial::GROUP).is_some());
    let linked = site.registrar.instance().linked_hubs.iter();
    answer::with_status(
        status,
        &Page {
            shell: Shell::new(site, Section::Try.label(), Some(Section::Try)),
            enrollments: choose::names(site),
            can_simulate: site.simulator.is_some(),
            is_tutorial,
            hubs: linked.map(|hub| inert(hub.host_name.as_str()).into_owned()).collect(),
            tried,
        },
    )
}
