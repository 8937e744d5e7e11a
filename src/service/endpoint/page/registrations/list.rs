//! The page of registrations.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Response;

use super::counts::Counts;
use super::filter::{Filter, STATUSES, TRANSPORTS, name_of};
use super::row::{Row, Status, label};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::service::journal::JournalEntry;
use crate::text::inert;

/// How many registrations a page has; the script keeps as many.
pub(super) const ON_A_PAGE: usize = 100;
/// How many names of enrollments are offered.
const OFFERED: usize = 200;

/// A status to look at.
#[derive(Debug)]
struct Tab {
    label: &'static str,
    count: usize,
    address: String,
    is_here: bool,
}

/// A value to choose.
#[derive(Debug)]
struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "page/registrations.html")]
struct List {
    shell: Shell,
    complaints: Vec<String>,
    q: String,
    enrollment: String,
    status: &'static str,
    enrollments: Vec<String>,
    hubs: Vec<Choice>,
    transports: Vec<Choice>,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    /// Where the script hears what is new; only of the newest page.
    events: Option<String>,
    kept: usize,
    is_filtered: bool,
    older: Option<String>,
    newest: Option<String>,
}

/// `GET /`: the newest registrations first.
pub(in crate::service::endpoint::page) async fn list(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let (filter, complaints) = Filter::read(query.as_deref().unwrap_or_default());
    let journal = &site.registrar.journal;
    // Read first: what changes meanwhile is told again, and nothing is missed.
    let revision = journal.revision();
    let entries = journal.entries();
    let counts = Counts::of(&entries, &filter);
    let (rows, older) = page_of(&entries, &filter);
    let with = |change: &dyn Fn(&mut Filter)| {
        let mut other = filter.clone();
        change(&mut other);
        format!("/{}", other.query())
    };
    let events = filter.before.is_none().then(|| {
        let query = filter.query();
        let join = if query.is_empty() { '?' } else { '&' };
        format!("/ui/registrations/events{query}{join}after={revision}")
    });
    let all = Filter { before: filter.before, ..Filter::default() };
    answer::page(&List {
        shell: Shell::new(&site, Section::Registrations.label(), Some(Section::Registrations)),
        complaints,
        q: inert(&filter.q).into_owned(),
        enrollment: inert(&filter.enrollment).into_owned(),
        status: filter.status.map_or("", |status| status.as_str()),
        enrollments: enrollments(&site),
        hubs: hubs(&site, &filter),
        transports: TRANSPORTS
            .map(|it| choice(name_of(it), label(it), filter.transport == Some(it)))
            .into(),
        tabs: tabs(&counts, &filter),
        rows,
        events,
        kept: ON_A_PAGE,
        is_filtered: filter != all,
        older: older.map(|before| with(&|filter| filter.before = Some(before))),
        newest: filter.before.map(|_| with(&|filter| filter.before = None)),
    })
}

/// The newest that are wanted, and before which one the next page begins, if there is one.
pub(super) fn page_of(entries: &[Arc<JournalEntry>], filter: &Filter) -> (Vec<Row>, Option<u64>) {
    let mut wanted = entries.iter().rev().filter(|entry| filter.takes(entry));
    let rows: Vec<_> = wanted.by_ref().take(ON_A_PAGE).map(|entry| Row::from(&**entry)).collect();
    let older = wanted.next().and(rows.last()).map(|row| row.sequence);
    (rows, older)
}

fn tabs(counts: &Counts, filter: &Filter) -> Vec<Tab> {
    let tab = |status, label, count| Tab {
        label,
        count,
        address: format!("/{}", Filter { status, before: None, ..filter.clone() }.query()),
        is_here: filter.status == status,
    };
    let each = STATUSES.iter().zip(counts.each);
    let each = each.map(|(&status, count)| tab(Some(status), Status::from(status).word, count));
    std::iter::once(tab(None, "All", counts.all)).chain(each).collect()
}

fn enrollments(site: &Site) -> Vec<String> {
    site.registrar.read_enrollments(|all| {
        let offered = all.iter().take(OFFERED);
        offered.map(|enrollment| inert(enrollment.name()).into_owned()).collect()
    })
}

/// The linked hubs, and the one that is looked for, if it is none of them.
fn hubs(site: &Site, filter: &Filter) -> Vec<Choice> {
    let linked = site.registrar.instance().linked_hubs.iter().map(|hub| hub.host_name.as_str());
    let mut hubs: Vec<_> =
        linked.map(|hub| choice(hub, hub, hub.eq_ignore_ascii_case(&filter.hub))).collect();
    if !filter.hub.is_empty() && !hubs.iter().any(|hub| hub.is_chosen) {
        hubs.push(choice(&filter.hub, &filter.hub, true));
    }
    hubs
}

fn choice(value: &str, label: &str, is_chosen: bool) -> Choice {
    Choice { value: inert(value).into_owned(), label: inert(label).into_owned(), is_chosen }
}
