//! What the page of registrations is told while it is open (J-226).
//!
//! Rendered here from the same template, so that the script only puts rows into their place. Nothing waits
//! for a page: what it is told next is made when it has taken in what it was told before, from the journal
//! as it is then. So ten thousand registrations cost neither side more than a page has rows.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Response};
use axum::response::sse::Event;
use futures_util::stream;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::counts::Counts;
use super::filter::Filter;
use super::list::{ON_A_PAGE, page_of};
use super::row::Row;
use crate::service::endpoint::page::live::{self, PAUSE};
use crate::service::endpoint::page::site::Site;
use crate::service::journal::{Journal, JournalFilter};

/// How many that are not wanted are named: more than a page has, since it does not know which.
const MAX_GONE: usize = 1000;

/// What is new, for the script.
#[derive(Debug, Serialize)]
struct Update {
    /// The whole page is what `rows` has.
    reset: bool,
    counts: Counts,
    /// New and changed rows, newest first.
    rows: Vec<Fragment>,
    /// Those that are not wanted any more, if they are there.
    gone: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct Fragment {
    sequence: u64,
    html: String,
}

/// `GET /ui/registrations/events`: server-sent events; the same query as the page, and `after`, the revision
/// of what the page has already. A browser that comes again says so by `Last-Event-ID`.
pub(in crate::service::endpoint::page) async fn events(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    let (filter, _) = Filter::read(&query);
    let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after");
    let asked = asked.and_then(|(_, value)| value.parse().ok());
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = seen.or(asked).unwrap_or_default();
    let journal = site.registrar.journal.clone();

    let told = stream::unfold((after, Instant::now()), move |(after, not_before)| {
        let (journal, filter) = (journal.clone(), filter.clone());
        async move {
            journal.changed(after).await;
            sleep_until(not_before).await;
            let (revision, update) = update(&journal, &filter, after);
            let event = Event::default().event("update").id(revision.to_string());
            // One line, whatever is in it; and numbers and texts always have a JSON.
            let event = event.data(serde_json::to_string(&update).unwrap_or_default());
            Some((event, (revision, Instant::now() + PAUSE)))
        }
    });
    live::stream(&site, told)
}

/// What became of the page after a revision, and the revision of that.
fn update(journal: &Journal, filter: &Filter, after: u64) -> (u64, Update) {
    let changes = journal.changes(after, &JournalFilter::default());
    let entries = journal.entries();
    let counts = Counts::of(&entries, filter);
    let (rows, gone) = if changes.reset || after == 0 {
        (page_of(&entries, filter).0, Vec::new())
    } else {
        let (mut wanted, others): (Vec<_>, Vec<_>) =
            changes.entries.iter().partition(|entry| filter.takes(entry));
        wanted.sort_by_key(|entry| Reverse(entry.sequence));
        wanted.truncate(ON_A_PAGE);
        let gone = others.iter().map(|entry| entry.sequence).take(MAX_GONE).collect();
        (wanted.into_iter().map(|entry| Row::from(&**entry)).collect(), gone)
    };
    let rows = rows.into_iter().filter_map(|row| {
        let html = row.render().ok()?;
        Some(Fragment { sequence: row.sequence, html })
    });
    let reset = changes.reset || after == 0;
    (changes.revision, Update { reset, counts, rows: rows.collect(), gone })
}
