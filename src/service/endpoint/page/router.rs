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
use super::posted::Posted;
use super::registration;
use super::registrations;
use super::site::Site;
use crate::text::Foreign;

/// The pages; `guard` stands before them.
pub(in crate::service::endpoint) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(registrations::list))
        .route("/ui/registrations/events", get(registrations::events))
        .route("/ui/registration/{sequence}", get(registration::registration))
        .route("/ui/registration/{sequence}/events", get(registration::events))
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
