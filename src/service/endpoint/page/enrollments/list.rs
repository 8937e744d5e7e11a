//! All enrollments, page by page.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Response;

use super::view::View;
use crate::service::endpoint::page::address::{address, asked};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::{Enrollment, Kind};
use crate::text::inert;

/// How many enrollments a page has.
const ON_A_PAGE: usize = 100;

#[derive(Debug, Template)]
#[template(path = "page/enrollments.html")]
struct List {
    shell: Shell,
    q: String,
    kind: String,
    status: String,
    rows: Vec<View>,
    count: usize,
    is_filtered: bool,
    next: Option<String>,
    first: Option<String>,
}

/// `GET /ui/enrollments`: groups first, in order of name.
pub(in crate::service::endpoint::page) async fn list(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = |name| asked(query.as_deref(), name);
    let (q, kind, status) = (asked("q"), asked("kind"), asked("status"));
    let skipped: usize = asked("from").parse().unwrap_or_default();
    let (count, rows) = site.registrar.read_enrollments(|all| {
        let individuals = all.iter().filter(|it| it.kind() == Kind::Individual);
        let both = all.groups().chain(individuals);
        let wanted: Vec<_> = both.filter(|it| takes(it, &q, &kind, &status)).collect();
        let page = wanted.iter().skip(skipped).take(ON_A_PAGE).map(|it| Arc::clone(it));
        (wanted.len(), page.collect::<Vec<_>>())
    });
    let at = |from: usize| {
        let from = if from == 0 { String::new() } else { from.to_string() };
        let query = [("q", &*q), ("kind", &*kind), ("status", &*status), ("from", &*from)];
        address("/ui/enrollments", &query)
    };
    answer::page(&List {
        shell: Shell::new(&site, Section::Enrollments.label(), Some(Section::Enrollments)),
        rows: rows.iter().map(|it| View::from(&**it)).collect(),
        count,
        is_filtered: [&q, &kind, &status].iter().any(|it| !it.is_empty()),
        next: (skipped + ON_A_PAGE < count).then(|| at(skipped + ON_A_PAGE)),
        first: (skipped > 0).then(|| at(0)),
        q: inert(&q).into_owned(),
        kind: inert(&kind).into_owned(),
        status: inert(&status).into_owned(),
    })
}

fn takes(enrollment: &Enrollment, q: &str, kind: &str, status: &str) -> bool {
    let is_found = q.is_empty()
        || enrollment.name().to_lowercase().contains(&q.to_lowercase())
        || enrollment.named_hubs().unwrap_or_default().iter().any(|hub| hub.contains(q));
    let word = if enrollment.is_enabled() { "enabled" } else { "disabled" };
    is_found
        && (kind.is_empty() || enrollment.kind().as_str() == kind)
        && (status.is_empty() || word == status)
}
