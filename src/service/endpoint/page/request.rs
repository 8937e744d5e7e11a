//! Requests to the service API: what pages change, they change as any back end does (J-251).

use axum::http::StatusCode;
use percent_encoding::utf8_percent_encode;

use super::site::Site;
use crate::service::api::{self, Response};
use crate::service::enrollment::Kind;
use crate::text::inert;
use crate::wire::{RESERVED, ServiceError};

/// The version that the newest SDKs speak.
const API_VERSION: &str = "2021-10-01";

/// Why something was refused, in the service's words, inert.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

/// Creates an enrollment, or with an etag replaces that version of it.
pub(super) async fn put(
    site: &Site,
    kind: Kind,
    name: &str,
    record: String,
    etag: Option<&str>,
) -> Result<(), Refusal> {
    ask(site, "PUT", &path(kind, name), record, etag).await
}

/// Deletes a version of an enrollment.
pub(super) async fn delete(
    site: &Site,
    kind: Kind,
    name: &str,
    etag: Option<&str>,
) -> Result<(), Refusal> {
    ask(site, "DELETE", &path(kind, name), String::new(), etag).await
}

/// Deletes a version of a device's registration record.
pub(super) async fn delete_registration(
    site: &Site,
    id: &str,
    etag: Option<&str>,
) -> Result<(), Refusal> {
    let path = format!("/registrations/{}", utf8_percent_encode(id, RESERVED));
    ask(site, "DELETE", &path, String::new(), etag).await
}

fn path(kind: Kind, name: &str) -> String {
    let collection = match kind {
        Kind::Individual => "enrollments",
        Kind::Group => "enrollmentGroups",
    };
    format!("/{collection}/{}", utf8_percent_encode(name, RESERVED))
}

async fn ask(
    site: &Site,
    method: &str,
    path: &str,
    body: String,
    etag: Option<&str>,
) -> Result<(), Refusal> {
    let request = api::Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: vec![("api-version".to_owned(), API_VERSION.to_owned())],
        headers: etag.map(|etag| ("if-match".to_owned(), etag.to_owned())).into_iter().collect(),
        body: body.into_bytes(),
        host: String::new(),
    };
    answered(api::handle_own(&site.registrar, request).await)
}

fn answered(response: Response) -> Result<(), Refusal> {
    if (200..300).contains(&response.status) {
        return Ok(());
    }
    let error = serde_json::from_slice::<ServiceError>(&response.body);
    let said = error.map(|error| error.message.into_owned()).unwrap_or_default();
    let message = match response.status {
        412 => "Somebody else has changed it since this page was loaded. Look at it anew, then change it."
            .to_owned(),
        _ => inert(&said).into_owned(),
    };
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::BAD_REQUEST);
    Err(Refusal { status, message })
}
