//! One handler per path: what is asked, from whom it is had, how it is answered.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, Response};
use serde::{Deserialize, Serialize};

use super::answer;
use super::registration::Registration;
use super::story::{Story, hub_key};
use super::twin::HubTwin;
use crate::service::authority::Authority;
use crate::service::commentary::Commentary;
use crate::service::journal::JournalFilter;
use crate::service::record::HubKey;
use crate::service::registrar::Registrar;
#[cfg(feature = "page")]
use crate::service::simulator::Simulator;
use crate::wire::RegistrationId;

/// Where the events of the journal go on from the entries that are shown (J-198).
const REVISION: HeaderName = HeaderName::from_static("journal-revision");

/// What is managed.
#[derive(Debug)]
pub(in crate::service) struct Admin {
    pub(in crate::service) registrar: Arc<Registrar>,
    /// What clients of the other endpoints have to trust.
    pub(in crate::service) authority: Arc<Authority>,
    pub(in crate::service) mqtt: SocketAddr,
    pub(in crate::service) https: SocketAddr,
    pub(in crate::service) amqp: SocketAddr,
    /// Who explains failures.
    pub(in crate::service) commentary: Commentary,
    #[cfg(feature = "page")]
    pub(in crate::service) gateway: Option<SocketAddr>,
    /// Who simulates devices for the page.
    #[cfg(feature = "page")]
    pub(in crate::service) simulator: Option<Arc<dyn Simulator>>,
}

/// How many records are listed unless the client says otherwise.
const RECORDS: usize = 1000;
/// How many entries of the journal are listed unless the client says otherwise.
const ENTRIES: usize = 100;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    version: &'static str,
    mqtt: String,
    https: String,
    amqp: String,
    id_scope: String,
}

/// `GET /healthz`. This listener answers only once the others are up.
pub(super) async fn health(State(admin): State<Arc<Admin>>) -> Response<Body> {
    answer::json(&Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        mqtt: admin.mqtt.to_string(),
        https: admin.https.to_string(),
        amqp: admin.amqp.to_string(),
        id_scope: admin.registrar.instance().id_scope.to_string(),
    })
}

/// `GET /ca.pem`: what clients of the other listeners have to trust.
pub(super) async fn ca(State(admin): State<Arc<Admin>>) -> Response<Body> {
    answer::text("application/x-pem-file", admin.authority.pem().to_owned())
}

/// What `GET /registrations` may be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Records {
    registration_id: Option<String>,
    /// Only those behind this registration ID.
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /registrations`: device records, in order of registration ID.
pub(super) async fn registrations(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<Records>, QueryRejection>,
) -> Response<Body> {
    let wanted = match query {
        Ok(Query(wanted)) => wanted,
        Err(error) => return bad_query(&error, "registrationId, after (an ID) and limit"),
    };
    let store = admin.registrar.records();
    let records = match &wanted.registration_id {
        // What cannot be a registration ID has no record.
        Some(id) => id.parse().ok().and_then(|id| store.device(&id)).into_iter().collect(),
        None => store.page(wanted.after.as_deref(), wanted.limit.unwrap_or(RECORDS)),
    };
    let shown: Vec<_> = records.iter().map(|record| Registration::from(&**record)).collect();
    answer::json(&shown)
}

/// `GET /registrations/{id}`: one device record.
pub(super) async fn registration(
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
) -> Response<Body> {
    let id = match path {
        Ok(Path(id)) => id,
        Err(error) => return answer::bad_request(&error.body_text()),
    };
    let id = match id.parse::<RegistrationId>() {
        Ok(id) => id,
        Err(error) => {
            return answer::bad_request(&format!("{id:?} is no registration ID: {error}"));
        }
    };
    match admin.registrar.records().device(&id) {
        Some(record) => answer::json(&Registration::from(&*record)),
        None => answer::no_record(&format!(
            "{id} has no record: it never registered, or its record was deleted; /journal?registrationId={id} tells whether it was refused"
        )),
    }
}

/// `GET /journal`: the last registrations, oldest first (J-97).
pub(super) async fn journal(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<JournalFilter>, QueryRejection>,
) -> Response<Body> {
    match query {
        Ok(Query(mut filter)) => {
            filter.limit.get_or_insert(ENTRIES);
            let journal = &admin.registrar.journal;
            // Before the entries are read: what changes meanwhile is then told again, not missed.
            let revision = journal.revision();
            let entries = journal.find(&filter);
            let entries: Vec<_> = entries.iter().map(|entry| &**entry).collect();
            let mut answer = answer::json(&entries);
            answer.headers_mut().insert(REVISION, revision.into());
            answer
        }
        Err(error) => {
            bad_query(&error, "registrationId, status, after (a sequence number) and limit")
        }
    }
}

/// `GET /journal/connections`: the last ones that a fault on demand struck before it was known whose they
/// are (J-269).
pub(super) async fn struck_connections(State(admin): State<Arc<Admin>>) -> Response<Body> {
    answer::json(&admin.registrar.journal.struck_connections())
}

/// `GET /journal/{sequence}`: one registration, as a story and with the twin as it is now (J-219).
pub(super) async fn journal_entry(
    State(admin): State<Arc<Admin>>,
    path: Result<Path<String>, PathRejection>,
) -> Response<Body> {
    let text = match path {
        Ok(Path(text)) => text,
        Err(error) => return answer::bad_request(&error.body_text()),
    };
    let Ok(sequence) = text.parse() else {
        return answer::bad_request(&format!("{text:?} is no sequence number of the journal"));
    };
    match admin.registrar.journal.entry(sequence) {
        Some(entry) => {
            let hubs = admin.registrar.hubs();
            let device = hub_key(&entry).and_then(|key| hubs.device(&key));
            answer::json(&Story::new(&entry, device.as_deref(), hubs, &admin.commentary))
        }
        None => answer::no_record(&format!(
            "the journal has no entry {sequence}: it is still to come, or forgotten (J-95)"
        )),
    }
}

/// What `GET /twins` may be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Twins {
    hub: Option<String>,
    device_id: Option<String>,
    limit: Option<usize>,
}

/// `GET /twins`: the devices of the hubs, in order of hub and device ID.
pub(super) async fn twins(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<Twins>, QueryRejection>,
) -> Response<Body> {
    let Twins { hub, device_id, limit } = match query {
        Ok(Query(wanted)) => wanted,
        Err(error) => return bad_query(&error, "hub, deviceId and limit"),
    };
    let hubs = admin.registrar.hubs();
    let limit = limit.unwrap_or(RECORDS);
    let devices = match (hub.as_deref().map(str::parse), device_id.as_deref().map(str::parse)) {
        // What cannot be a name names nothing.
        (Some(Err(_)), _) | (_, Some(Err(_))) => Vec::new(),
        (hub, Some(Ok(id))) => {
            let hub = hub.and_then(Result::ok);
            let names =
                hubs.names().iter().filter(|name| hub.as_ref().is_none_or(|it| it == *name));
            let found = names.filter_map(|name| hubs.device(&HubKey::new(name, &id)));
            found.take(limit).collect()
        }
        (hub, None) => hubs.devices(hub.and_then(Result::ok).as_ref(), None, limit),
    };
    answer::json(&devices.iter().map(|device| HubTwin::new(device, hubs)).collect::<Vec<_>>())
}

/// `POST /reset` (J-99).
pub(super) async fn reset(State(admin): State<Arc<Admin>>) -> Response<Body> {
    match admin.registrar.reset().await {
        Ok(()) => answer::no_content(),
        Err(error) => answer::internal(&error.to_string()),
    }
}

/// Everything else.
pub(super) async fn not_found(request: Request) -> Response<Body> {
    answer::path_not_found(&format!(
        "there is nothing at {}; there are / (a page), /healthz, /ca.pem, /certificate-authorities, /registrations, /registrations/ID, /twins, /journal, /journal/SEQUENCE, /journal/events, /journal/connections, /faults, /faults/ID and /reset",
        request.uri().path()
    ))
}

/// A path of ours with a verb that it does not have; the router adds `Allow`.
pub(super) async fn method_not_allowed(request: Request) -> Response<Body> {
    let path = request.uri().path();
    let verb = match path {
        "/reset" => "POST",
        "/faults" => "GET, POST or DELETE",
        _ if path.starts_with("/faults/") => "GET or DELETE",
        _ => "GET",
    };
    answer::method_not_allowed(&format!("{path} takes {verb}, not {}", request.method()))
}

pub(super) fn bad_query(error: &QueryRejection, known: &str) -> Response<Body> {
    answer::bad_request(&format!("{}; the query takes {known}", error.body_text()))
}
