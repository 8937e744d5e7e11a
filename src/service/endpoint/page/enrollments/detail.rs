//! One enrollment.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Response;

use super::view::{self, View};
use crate::service::endpoint::page::address::{address, asked};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::records::RecordRow;
use crate::service::endpoint::page::request::Refusal;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::{Attestation, Enrollment, Kind};
use crate::service::instance::CertificateIssuer;
use crate::text::{Foreign, inert, spoken};

/// How many of its devices are shown.
const DEVICES: usize = 20;

#[derive(Debug, Template)]
#[template(path = "page/enrollment.html")]
struct Detail {
    shell: Shell,
    it: View,
    record: String,
    /// Who issues certificates to its devices, if any are wanted.
    issuer: Option<String>,
    /// Only for who asked.
    keys: Vec<(&'static str, String)>,
    devices: Vec<RecordRow>,
    has_more_devices: bool,
    registrations: String,
    edit: String,
    connect: String,
    complaint: Option<String>,
}

/// `GET /ui/enrollment`.
pub(in crate::service::endpoint::page) async fn detail(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = |name| asked(query.as_deref(), name);
    match find(&site, &asked("kind"), &asked("name")) {
        Some(enrollment) => answer::page(&shown(&site, &enrollment, Vec::new(), None)),
        None => missing(&site, &asked("name")),
    }
}

/// `POST /ui/enrollment/keys`: the same with its keys.
pub(in crate::service::endpoint::page) async fn keys(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    match of_form(&site, &posted) {
        Ok(enrollment) => {
            let keys = keys_of(&enrollment.attestation);
            answer::page(&shown(&site, &enrollment, keys, None))
        }
        Err(missing) => missing,
    }
}

/// The enrollment of a kind and a name, as forms and addresses have them.
pub(super) fn find(site: &Site, kind: &str, name: &str) -> Option<Arc<Enrollment>> {
    let kind = Kind::of_word(kind)?;
    site.registrar.read_enrollments(|all| all.find(kind, name).cloned())
}

/// The enrollment that a form is about, or that there is none.
pub(super) fn of_form(site: &Site, posted: &Posted) -> Result<Arc<Enrollment>, Response<Body>> {
    let text = |name| posted.text(name).unwrap_or_default();
    find(site, text("kind"), text("name")).ok_or_else(|| missing(site, text("name")))
}

/// There is none.
pub(super) fn missing(site: &Site, name: &str) -> Response<Body> {
    answer::not_found(site, &format!("There is no enrollment {:?}.", Foreign::short(name)))
}

/// The page with what was refused.
pub(super) fn complain(site: &Site, enrollment: &Enrollment, refusal: Refusal) -> Response<Body> {
    let page = shown(site, enrollment, Vec::new(), Some(refusal.message));
    answer::with_status(refusal.status, &page)
}

/// Who it is in the configuration, or that there is nobody.
fn issuer(site: &Site, enrollment: &Enrollment) -> Option<String> {
    if !enrollment.issuer.ask_for_certificates() {
        return None;
    }
    Some(match site.registrar.instance().issuer(&enrollment.issuer) {
        Ok((CertificateIssuer { namespace, name, .. }, policy)) => {
            let validity = spoken(policy.validity);
            format!("{namespace}/{name}, policy {}: valid for {validity}", policy.name)
        }
        Err(nobody) => inert(&nobody.to_string()).into_owned(),
    })
}

fn shown(
    site: &Site,
    enrollment: &Enrollment,
    keys: Vec<(&'static str, String)>,
    complaint: Option<String>,
) -> Detail {
    let it = View::from(enrollment);
    let (kind, name) = (enrollment.kind(), enrollment.name());
    let records = site.registrar.records();
    let mut devices = match kind {
        Kind::Group => records.of_group(name, None, DEVICES + 1),
        Kind::Individual => {
            name.parse().ok().and_then(|id| records.device(&id)).into_iter().collect()
        }
    };
    let has_more_devices = devices.len() > DEVICES;
    devices.truncate(DEVICES);
    let connect = match kind {
        Kind::Group => address("/ui/connect", &[("enrollment", name)]),
        Kind::Individual => address("/ui/connect", &[("id", name), ("enrollment", name)]),
    };
    Detail {
        shell: Shell::new(site, inert(name), Some(Section::Enrollments)),
        record: view::record(enrollment),
        issuer: issuer(site, enrollment),
        keys,
        devices: devices.iter().map(|record| RecordRow::from(&**record)).collect(),
        has_more_devices,
        registrations: address("/", &[("enrollment", name)]),
        edit: address("/ui/enrollment/edit", &[("kind", it.kind), ("name", name)]),
        connect,
        it,
        complaint,
    }
}

fn keys_of(attestation: &Attestation) -> Vec<(&'static str, String)> {
    match attestation {
        Attestation::GroupKeys(keys) => vec![
            ("Primary key", keys.primary.to_base64().to_string()),
            ("Secondary key", keys.secondary.to_base64().to_string()),
        ],
        Attestation::DeviceKeys(keys) => ["Primary key", "Secondary key"]
            .into_iter()
            .zip(keys.iter().map(|key| key.to_base64().to_string()))
            .collect(),
        _ => Vec::new(),
    }
}
