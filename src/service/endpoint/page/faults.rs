//! Faults on demand: the rules with what each has struck, live; one more, or one less (J-254).

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::answer;
use super::live;
use super::posted::Posted;
use super::registrations::Time;
use super::shell::{Section, Shell};
use super::site::Site;
use crate::service::fault_rule::FaultRule;
use crate::text::inert;

const PATH: &str = "/ui/faults";

/// What one might try; of each kind one, and each a rule (a test reads them).
const EXAMPLES: [&str; 8] = [
    "register status=429 retry-after=10 times=1",
    "poll status=503 retry-after=2 times=2 device=pump-*",
    "poll retry-after=abc",
    "register lose-answer probability=0.03 seed=7",
    "connect connack=3 times=1",
    "tls certificate=expired",
    "webhook status=503 times=2",
    "twin silence times=1",
];

#[derive(Debug, Template)]
#[template(path = "page/faults.html")]
struct Page {
    shell: Shell,
    rules: Rules,
    examples: &'static [&'static str],
    complaint: Option<String>,
    typed: String,
}

/// Told anew while somebody looks.
#[derive(Debug, Template)]
#[template(path = "page/faults-table.html")]
struct Rules {
    token: String,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    rule: String,
    matched: u64,
    struck: u64,
    last: Option<Time>,
}

/// `GET /ui/faults`.
pub(super) async fn list(State(site): State<Arc<Site>>) -> Response<Body> {
    shown(&site, StatusCode::OK, None, String::new())
}

/// `GET /ui/faults/events`.
pub(super) async fn events(State(site): State<Arc<Site>>) -> Response<Body> {
    live::told(site, |site| rules(site).render().ok())
}

/// `POST /ui/faults`: one more, behind all others.
pub(super) async fn add(State(site): State<Arc<Site>>, posted: Posted) -> Response<Body> {
    let typed = posted.text("rule").unwrap_or_default();
    match typed.parse::<FaultRule>() {
        Ok(rule) => {
            site.registrar.faults.add(rule);
            answer::see_other(PATH)
        }
        Err(error) => {
            let complaint = inert(&error.to_string()).into_owned();
            shown(&site, StatusCode::BAD_REQUEST, Some(complaint), typed.to_owned())
        }
    }
}

/// `POST /ui/faults/remove`: not that one any more; without an `id` none.
pub(super) async fn remove(State(site): State<Arc<Site>>, posted: Posted) -> Response<Body> {
    let faults = &site.registrar.faults;
    match posted.text("id").map(str::parse::<u64>) {
        // One that somebody else has taken away is gone, as was asked for.
        Some(Ok(id)) => {
            faults.remove(id);
        }
        Some(Err(_)) => return answer::bad_request(&site, "A fault has a number."),
        None => faults.clear(),
    }
    answer::see_other(PATH)
}

fn shown(
    site: &Site,
    status: StatusCode,
    complaint: Option<String>,
    typed: String,
) -> Response<Body> {
    let shell = Shell::new(site, "Faults on demand", Some(Section::Faults));
    let page = Page { shell, rules: rules(site), examples: &EXAMPLES, complaint, typed };
    answer::with_status(status, &page)
}

fn rules(site: &Site) -> Rules {
    let rules = site.registrar.faults.list().into_iter().map(|status| Rule {
        id: status.id,
        rule: inert(&status.rule.to_string()).into_owned(),
        matched: status.matched,
        struck: status.struck,
        last: status.last_struck.map(Time::from),
    });
    Rules { token: site.token.text().to_owned(), rules: rules.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_is_a_rule() {
        for example in EXAMPLES {
            example.parse::<FaultRule>().unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}
