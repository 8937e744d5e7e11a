//! Which path shows what.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Response};
use axum::middleware::from_fn;
use axum::routing::{any, get, post};

use super::answer;
use super::assets;
use super::connect;
use super::enrollments;
use super::faults;
use super::hubs;
use super::posted::Posted;
use super::records;
use super::registration;
use super::registrations;
use super::site::Site;
use super::trial;
use crate::text::Foreign;

/// The pages; `guard` stands before them.
pub(in crate::service::endpoint) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(registrations::list))
        .route("/ui/registrations/events", get(registrations::events))
        .route("/ui/registration/{sequence}", get(registration::registration))
        .route("/ui/registration/{sequence}/events", get(registration::events))
        .route("/ui/registration/{sequence}/webhook", post(registration::ask_again))
        .route("/ui/record", get(records::record))
        .route("/ui/record/delete", post(records::delete))
        .route("/ui/enrollments", get(enrollments::list))
        .route("/ui/enrollments/new", get(enrollments::new).post(enrollments::create))
        .route("/ui/enrollment", get(enrollments::detail))
        .route("/ui/enrollment/keys", post(enrollments::keys))
        .route("/ui/enrollment/edit", get(enrollments::edit).post(enrollments::save))
        .route("/ui/enrollment/status", post(enrollments::set_status))
        .route("/ui/enrollment/delete", post(enrollments::delete))
        .route("/ui/hubs", get(hubs::list))
        .route("/ui/hubs/events", get(hubs::list_events))
        .route("/ui/hub", get(hubs::devices))
        .route("/ui/hub/events", get(hubs::devices_events))
        .route("/ui/device", get(hubs::device))
        .route("/ui/device/events", get(hubs::device_events))
        .route("/ui/device/desired", post(hubs::change_desired))
        .route("/ui/device/method", post(hubs::call_method))
        .route("/ui/connect", get(connect::connect).post(connect::with_key))
        .route("/ui/try", get(trial::show))
        .route("/ui/try/device", post(trial::simulate))
        .route("/ui/try/webhook", post(trial::ask))
        .route("/ui/faults", get(faults::list).post(faults::add))
        .route("/ui/faults/events", get(faults::events))
        .route("/ui/faults/remove", post(faults::remove))
        .route("/ui/assets/{name}", get(asset))
        .route("/ui/reset", post(reset))
        .route("/ui/{*rest}", any(not_found))
        .layer(from_fn(answer::with_headers))
        .with_state(site)
}

async fn asset(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    assets::find(&name, &headers).unwrap_or_else(|| {
        answer::not_found(&site, "A page of an earlier start asked for this. Load it again.")
    })
}

/// `POST /reset` for people.
async fn reset(State(site): State<Arc<Site>>, posted: Posted) -> Response<Body> {
    if posted.text("sure").is_none() {
        return answer::bad_request(&site, "Nothing was forgotten: say that you are sure.");
    }
    match site.registrar.reset().await {
        Ok(()) => answer::see_other("/"),
        Err(error) => answer::bad_request(&site, &Foreign::new(error.to_string()).to_string()),
    }
}

async fn not_found(State(site): State<Arc<Site>>, request: Request) -> Response<Body> {
    let path = Foreign::short(request.uri().path());
    answer::not_found(&site, &format!("There is no page at {path}."))
}
