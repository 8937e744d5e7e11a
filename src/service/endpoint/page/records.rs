//! The record of a device's registration: what the service keeps of it, and its end.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Response;

use super::address::{address, asked, of_enrollment};
use super::answer;
use super::posted::Posted;
use super::registrations::{Status, Time};
use super::request::{self, Refusal};
use super::shell::{Section, Shell};
use super::site::Site;
use crate::service::record::{DeviceRecord, Outcome, ProvenBy};
use crate::text::{Foreign, inert};

/// A record, for a list and for its page. Every text of others is inert here, but for names that forms send
/// back.
#[derive(Debug)]
pub(super) struct RecordRow {
    pub(super) id: String,
    pub(super) shown: String,
    pub(super) address: String,
    pub(super) status: Status,
    pub(super) hub: Option<String>,
    pub(super) device: Option<String>,
    pub(super) device_id: Option<String>,
    pub(super) updated: Time,
}

impl From<&DeviceRecord> for RecordRow {
    fn from(record: &DeviceRecord) -> Self {
        let id = record.registration_id.as_str();
        let assignment = record.assignment.as_ref();
        Self {
            id: id.to_owned(),
            shown: inert(id).into_owned(),
            address: address("/ui/record", &[("id", id)]),
            status: Status::from(&record.outcome),
            hub: assignment.map(|it| inert(it.hub.as_str()).into_owned()),
            device: assignment.map(|it| {
                address("/ui/device", &[("hub", it.hub.as_str()), ("id", it.device_id.as_str())])
            }),
            device_id: assignment.map(|it| inert(it.device_id.as_str()).into_owned()),
            updated: record.updated.into(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "page/record.html")]
struct Page {
    shell: Shell,
    it: RecordRow,
    operation_id: String,
    etag: String,
    proof: &'static str,
    enrollment: String,
    enrollment_address: String,
    failure: Option<String>,
    created: Time,
    registrations: String,
    complaint: Option<String>,
}

/// `GET /ui/record`.
pub(super) async fn record(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let id = asked(query.as_deref(), "id");
    match find(&site, &id) {
        Some(record) => answer::page(&shown(&site, &record, None)),
        None => missing(&site, &id),
    }
}

/// `POST /ui/record/delete`: its next registration is an initial one (E.7).
pub(super) async fn delete(State(site): State<Arc<Site>>, posted: Posted) -> Response<Body> {
    let id = posted.text("id").unwrap_or_default();
    let Some(record) = find(&site, id) else { return missing(&site, id) };
    let etag = posted.text("etag");
    match request::delete_registration(&site, record.registration_id.as_str(), etag).await {
        Ok(()) => answer::see_other(&address("/", &[("q", record.registration_id.as_str())])),
        Err(Refusal { status, message }) => {
            answer::with_status(status, &shown(&site, &record, Some(message)))
        }
    }
}

fn find(site: &Site, id: &str) -> Option<Arc<DeviceRecord>> {
    // What cannot be a registration ID has no record.
    id.parse().ok().and_then(|id| site.registrar.records().device(&id))
}

fn missing(site: &Site, id: &str) -> Response<Body> {
    let id = Foreign::short(id);
    answer::not_found(
        site,
        &format!("{id} has no record: it never registered, or its record was deleted."),
    )
}

fn shown(site: &Site, record: &DeviceRecord, complaint: Option<String>) -> Page {
    let it = RecordRow::from(record);
    let name = &*record.enrollment.name;
    Page {
        shell: Shell::new(site, it.shown.clone(), Some(Section::Registrations)),
        operation_id: record.operation_id.to_string(),
        etag: record.etag.encoded(),
        proof: match record.proven_by {
            ProvenBy::SymmetricKey => "symmetric key",
            ProvenBy::X509 => "certificate",
            ProvenBy::Tpm => "TPM",
        },
        enrollment: inert(name).into_owned(),
        enrollment_address: of_enrollment(record.enrollment.kind, name),
        failure: match &record.outcome {
            Outcome::Failed { code, message } => Some(format!("{}: {}", code.0, inert(message))),
            _ => None,
        },
        created: record.created.into(),
        registrations: address("/", &[("q", &it.id)]),
        it,
        complaint,
    }
}
