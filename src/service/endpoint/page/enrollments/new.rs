//! The form for a new enrollment.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Response, StatusCode};

use super::draft::Draft;
use crate::service::endpoint::page::address::{asked, of_enrollment};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::request;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::text::inert;
use crate::wire::ApiVersion;

#[derive(Debug, Template)]
#[template(path = "page/enrollment-new.html")]
struct New {
    shell: Shell,
    draft: Draft,
    hubs: Vec<Hub>,
    complaint: Option<String>,
}

#[derive(Debug)]
struct Hub {
    name: String,
    is_chosen: bool,
}

/// `GET /ui/enrollments/new`.
pub(in crate::service::endpoint::page) async fn new(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let draft = Draft {
        is_group: asked(query.as_deref(), "kind") != "individual",
        webhook_version: ApiVersion::OF_WEBHOOKS.to_string(),
        ..Draft::default()
    };
    answer::page(&form(&site, draft, None))
}

/// `POST /ui/enrollments/new`.
pub(in crate::service::endpoint::page) async fn create(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let text = |name| posted.text(name).unwrap_or_default().to_owned();
    let draft = Draft {
        is_group: text("kind") == "group",
        name: text("name"),
        device_id: text("deviceId"),
        is_x509: text("attestation") == "x509",
        primary_key: text("primaryKey"),
        secondary_key: text("secondaryKey"),
        certificate: text("certificate"),
        allocation: text("allocation"),
        hubs: posted.each("hub").map(str::to_owned).collect(),
        webhook_url: text("webhookUrl"),
        webhook_version: text("webhookVersion"),
        reprovisioning: text("reprovisioning"),
        twin: text("twin"),
        is_edge: posted.text("edge").is_some(),
        is_disabled: posted.text("disabled").is_some(),
    };
    let (kind, name) = (draft.kind(), draft.name.clone());
    let stored = match draft.record() {
        Ok(_) if name.is_empty() => Err((StatusCode::BAD_REQUEST, "It needs a name.".to_owned())),
        Ok(record) => request::put(&site, kind, &name, record, None)
            .await
            .map_err(|refusal| (refusal.status, refusal.message)),
        Err(complaint) => Err((StatusCode::BAD_REQUEST, inert(&complaint).into_owned())),
    };
    match stored {
        Ok(()) => answer::see_other(&of_enrollment(kind, &name)),
        Err((status, complaint)) => {
            answer::with_status(status, &form(&site, draft, Some(complaint)))
        }
    }
}

/// Keys that were typed are not shown again.
fn form(site: &Site, draft: Draft, complaint: Option<String>) -> New {
    let linked = site.registrar.instance().linked_hubs.iter();
    let hubs = linked.map(|hub| {
        let name = hub.host_name.as_str();
        Hub { name: name.to_owned(), is_chosen: draft.hubs.iter().any(|it| it == name) }
    });
    New {
        shell: Shell::new(site, "New enrollment", Some(Section::Enrollments)),
        hubs: hubs.collect(),
        draft,
        complaint,
    }
}
