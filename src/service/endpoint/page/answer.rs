//! Pages as answers, and the headers that all of them have (J-224).

use askama::Template;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;

use super::shell::Shell;
use super::site::Site;

/// Nothing but what this service serves itself, and no script or style within a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer has, whatever it is.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Adds the headers that all answers have.
pub(super) async fn with_headers(request: Request, next: Next) -> Response<Body> {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages show what is, and whoever changed something goes back to what is then.
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    answer
}

/// A page that has nothing but something to say.
#[derive(Template)]
#[template(path = "page/notice.html")]
struct Notice<'a> {
    shell: Shell,
    message: &'a str,
}

/// A page.
pub(super) fn page(view: &impl Template) -> Response<Body> {
    with_status(StatusCode::OK, view)
}

/// There is nothing at this address.
pub(super) fn not_found(site: &Site, message: &str) -> Response<Body> {
    notice(site, StatusCode::NOT_FOUND, "Not found", message)
}

/// The form is not one of this service.
pub(super) fn forbidden(site: &Site) -> Response<Body> {
    let message = "This was not sent by a page of this service, or by one from before its last start. Load the page again, and try once more.";
    notice(site, StatusCode::FORBIDDEN, "Refused", message)
}

/// What was sent cannot be taken.
pub(super) fn bad_request(site: &Site, message: &str) -> Response<Body> {
    notice(site, StatusCode::BAD_REQUEST, "Not understood", message)
}

/// Says something on a page of its own. `message` must be inert.
pub(super) fn notice(
    site: &Site,
    status: StatusCode,
    title: &str,
    message: &str,
) -> Response<Body> {
    with_status(status, &Notice { shell: Shell::new(site, title, None), message })
}

/// Something was changed; the browser asks for `path`, so that loading again changes nothing more.
pub(super) fn see_other(path: &str) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(header::LOCATION, location);
    answer
}

pub(super) fn with_status(status: StatusCode, view: &impl Template) -> Response<Body> {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let (status, body) = match view.render() {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!("a page could not be made: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.".to_owned())
        }
    };
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, html);
    answer
}
