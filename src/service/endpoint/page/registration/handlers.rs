//! The page of a registration, and what it is told while the registration goes on.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::sse::Event;
use futures_util::stream;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::conversation::Conversation;
use super::replay::Again;
use crate::service::endpoint::page::address::address;
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::live::{self, PAUSE};
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::service::journal::JournalEntry;

#[derive(Debug, Template)]
#[template(path = "page/registration.html")]
struct Page {
    shell: Shell,
    sequence: u64,
    id: String,
    /// Other registrations of the device.
    others: String,
    curl: String,
    /// What came of its webhook's request, where that was sent again.
    again: Option<Again>,
    conversation: Conversation,
}

/// `GET /ui/registration/{sequence}`.
pub(in crate::service::endpoint::page) async fn registration(
    State(site): State<Arc<Site>>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    match find(&site, &number) {
        Some(entry) => answer::page(&page(&site, &entry, &headers, None)),
        None => missing(&site),
    }
}

/// `POST /ui/registration/{sequence}/webhook`: the same with what its webhook says now.
pub(in crate::service::endpoint::page) async fn ask_again(
    State(site): State<Arc<Site>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    _posted: Posted,
) -> Response<Body> {
    let Some(entry) = find(&site, &number) else { return missing(&site) };
    let again = Again::send(&site, &entry).await;
    let status = match again.complaint {
        Some(_) => StatusCode::CONFLICT,
        None => StatusCode::OK,
    };
    answer::with_status(status, &page(&site, &entry, &headers, Some(again)))
}

fn find(site: &Site, number: &str) -> Option<Arc<JournalEntry>> {
    number.parse().ok().and_then(|number| site.registrar.journal.entry(number))
}

fn missing(site: &Site) -> Response<Body> {
    answer::not_found(
        site,
        "There is no such registration: it was forgotten to make room for others, the service was started again, or it never was.",
    )
}

fn page(site: &Site, entry: &JournalEntry, headers: &HeaderMap, again: Option<Again>) -> Page {
    let id = entry.registration_id.to_string();
    let sequence = entry.sequence;
    // As the browser names it, which `guard` has looked at.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    Page {
        shell: Shell::new(site, &*id, Some(Section::Registrations)),
        sequence,
        id,
        others: address("/", &[("q", entry.registration_id.as_str())]),
        curl: format!("curl http://{host}/journal/{sequence}"),
        again,
        conversation: conversation(site, entry),
    }
}

/// `GET /ui/registration/{sequence}/events`: the conversation anew whenever it has gone on (J-226).
pub(in crate::service::endpoint::page) async fn events(
    State(site): State<Arc<Site>>,
    Path(number): Path<String>,
) -> Response<Body> {
    let Some(first) = find(&site, &number) else { return missing(&site) };
    let teller = Arc::clone(&site);
    // It may have gone on between the page and this: the first look is told in any case.
    let begin = (None::<Arc<JournalEntry>>, Instant::now());
    let sequence = first.sequence;
    let told = stream::unfold(begin, move |(before, not_before)| {
        let site = site.clone();
        async move {
            let entry = changed(&site, sequence, before).await?;
            sleep_until(not_before).await;
            let html = conversation(&site, &entry).render().unwrap_or_default();
            let event = Event::default().event("update").data(json!({ "html": html }).to_string());
            Some((event, (Some(entry), Instant::now() + PAUSE)))
        }
    });
    live::stream(&teller, told)
}

/// The entry as soon as it is another than before; none once it is forgotten.
async fn changed(
    site: &Site,
    sequence: u64,
    before: Option<Arc<JournalEntry>>,
) -> Option<Arc<JournalEntry>> {
    let journal = &site.registrar.journal;
    loop {
        let revision = journal.revision();
        let now = journal.entry(sequence)?;
        if before.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &now)) {
            return Some(now);
        }
        journal.changed(revision).await;
    }
}

fn conversation(site: &Site, entry: &JournalEntry) -> Conversation {
    Conversation::new(entry, site.commentary.on(entry), site.registrar.hubs(), site.token.text())
}
