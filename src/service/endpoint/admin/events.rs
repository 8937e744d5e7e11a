//! `GET /journal/events`: the registrations as they happen, as server-sent events (J-198).
//!
//! A reader is told each entry as it is when its turn comes. Nothing waits for a reader: one that is
//! slow sees fewer states on the way, and the last one always.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde::Deserialize;

use super::answer;
use super::handlers::{Admin, bad_query};
use crate::service::journal::{EntryStatus, Journal, JournalFilter};

/// What may be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Wanted {
    registration_id: Option<String>,
    status: Option<EntryStatus>,
    /// Those with a greater sequence number, from those that are there on.
    after: Option<u64>,
}

/// The handler. A browser that has lost the connection says by `Last-Event-ID` what it knows.
pub(super) async fn events(
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Query(wanted) = match query {
        Ok(wanted) => wanted,
        Err(error) => {
            return bad_query(&error, "registrationId, status and after (a sequence number)");
        }
    };
    let journal = admin.registrar.journal.clone();
    let known = match last_event(&headers) {
        Ok(Some(revision)) => revision,
        Ok(None) if wanted.after.is_some() => 0,
        Ok(None) => journal.revision(),
        Err(text) => {
            return answer::bad_request(&format!(
                "Last-Event-ID is {text:?}; expected the id of an event of this listener"
            ));
        }
    };
    let filter = JournalFilter {
        registration_id: wanted.registration_id,
        status: wanted.status,
        after: wanted.after,
        // So that each event has the revision from which its reader can go on.
        limit: Some(1),
    };
    Sse::new(told(Reader { journal, filter, revision: known, queued: None }))
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// What the reader knows already.
fn last_event(headers: &HeaderMap) -> Result<Option<u64>, String> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    match text.trim() {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| text),
    }
}

struct Reader {
    journal: Journal,
    filter: JournalFilter,
    /// What it has been told.
    revision: u64,
    /// An event that comes right after another.
    queued: Option<Event>,
}

fn told(reader: Reader) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await;
        Some((Ok(event), reader))
    })
}

impl Reader {
    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.queued.take() {
                return event;
            }
            let changes = self.journal.changes(self.revision, &self.filter);
            self.revision = changes.revision;
            let entry = changes.entries.first().map(|entry| {
                // A text is always JSON, and so is what is made of texts and numbers.
                let json = serde_json::to_string(&**entry).unwrap_or_default();
                Event::default().event("registration").id(changes.revision.to_string()).data(json)
            });
            match (changes.reset, entry) {
                // Without an ID: who loses the connection now is told again.
                (true, entry) => {
                    self.queued = entry;
                    return Event::default().event("reset").data("{}");
                }
                (false, Some(event)) => return event,
                (false, None) => {
                    self.journal.changed(self.revision).await;
                }
            }
        }
    }
}
