//! `/faults`: what goes wrong on purpose, to be listed, added and taken away (J-260).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;

use super::answer;
use super::handlers::Admin;
use crate::service::fault_rule::FaultRule;
use crate::text::read_body;

/// What `POST /faults` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    rule: String,
}

/// `GET /faults`: the rules, in the order in which they are asked, and what each has done.
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Response<Body> {
    answer::json(&admin.registrar.faults.list())
}

/// `GET /faults/{id}`: one of them.
pub(super) async fn one(
    State(admin): State<Arc<Admin>>,
    path: Result<Path<u64>, PathRejection>,
) -> Response<Body> {
    let Ok(Path(id)) = path else { return not_a_number() };
    match admin.registrar.faults.get(id) {
        Some(status) => answer::json(&status),
        None => nothing(id),
    }
}

/// `POST /faults {"rule":"…"}`: another, behind all others.
pub(super) async fn add(
    State(admin): State<Arc<Admin>>,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let body = match body {
        Ok(body) => body,
        Err(error) => return answer::bad_request(&error.body_text()),
    };
    let wanted: Wanted = match read_body(&body) {
        Ok(wanted) => wanted,
        Err(error) => {
            return answer::bad_request(&format!("expected {{\"rule\":\"…\"}}: {error}"));
        }
    };
    let rule: FaultRule = match wanted.rule.parse() {
        Ok(rule) => rule,
        Err(error) => return answer::bad_request(&error.to_string()),
    };
    let faults = &admin.registrar.faults;
    let id = faults.add(rule);
    match faults.get(id) {
        Some(status) => {
            let mut said = answer::json(&status);
            *said.status_mut() = StatusCode::CREATED;
            said
        }
        // Somebody else has taken it away already.
        None => answer::no_content(),
    }
}

/// `DELETE /faults`: none any more.
pub(super) async fn clear(State(admin): State<Arc<Admin>>) -> Response<Body> {
    admin.registrar.faults.clear();
    answer::no_content()
}

/// `DELETE /faults/{id}`: not that one any more.
pub(super) async fn remove(
    State(admin): State<Arc<Admin>>,
    path: Result<Path<u64>, PathRejection>,
) -> Response<Body> {
    let Ok(Path(id)) = path else { return not_a_number() };
    match admin.registrar.faults.remove(id) {
        true => answer::no_content(),
        false => nothing(id),
    }
}

fn not_a_number() -> Response<Body> {
    answer::bad_request("a fault has a number: /faults/1")
}

fn nothing(id: u64) -> Response<Body> {
    answer::no_record(&format!("there is no fault {id}; /faults lists those that there are"))
}
