//! Lists, page by page (E.5).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::error::ApiError;
use super::request::Request;
use super::response::Response;
use crate::service::enrollment::{Kind, Secrets, show};
use crate::service::registrar::Registrar;
use crate::wire::from_json_object;

/// Items of a page when the client does not say, and at most (J-82).
const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

#[derive(Deserialize)]
struct Specification {
    query: Option<String>,
}

/// Lists enrollments or groups, without symmetric keys and registrations (E.1, E.3).
pub(super) fn enrollments(
    registrar: &Registrar,
    request: &Request,
    kind: Kind,
) -> Result<Response, ApiError> {
    let specification: Specification =
        from_json_object(request.json()?).map_err(|_| ApiError::unreadable())?;
    check(&specification.query.unwrap_or_default())?;
    let page = Page::asked(request)?;
    let all = registrar.read_enrollments(|all| all.of_kind(kind));
    let item_type = match kind {
        Kind::Individual => "Enrollment",
        Kind::Group => "EnrollmentGroup",
    };
    Ok(page.answer(item_type, &all, |enrollment| show(enrollment, Secrets::Hidden, None)))
}

/// Everything is all that can be asked for. The spellings are those of the SDKs and their samples.
fn check(query: &str) -> Result<(), ApiError> {
    let query = query.trim().trim_end_matches(';').to_ascii_lowercase();
    let words: Vec<_> = query.split_whitespace().collect();
    match words.as_slice() {
        ["*"] | ["select", "*"] | ["select", "*", "from", "enrollments" | "enrollmentgroups"] => {
            Ok(())
        }
        _ => Err(ApiError::bad_request("Only the query 'SELECT *' is supported.")),
    }
}

/// The part of a list that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service) struct Page {
    offset: usize,
    length: usize,
}

impl Page {
    /// What `x-ms-max-item-count` and `x-ms-continuation` say; zero and less leave the length to
    /// the service.
    pub(in crate::service) fn asked(request: &Request) -> Result<Self, ApiError> {
        let length = match request.header("x-ms-max-item-count").filter(|text| !text.is_empty()) {
            None => DEFAULT_PAGE,
            Some(text) => match text.parse::<i64>() {
                Ok(count) if count <= 0 => DEFAULT_PAGE,
                Ok(count) => usize::try_from(count).unwrap_or(MAX_PAGE).min(MAX_PAGE),
                Err(_) => {
                    return Err(ApiError::bad_request("x-ms-max-item-count is not a number."));
                }
            },
        };
        let offset = match request.header("x-ms-continuation").filter(|text| !text.is_empty()) {
            None => 0,
            Some(token) => read_token(token)
                .ok_or_else(|| ApiError::bad_request("x-ms-continuation is invalid."))?,
        };
        Ok(Self { offset, length })
    }

    /// The page as an answer, with a token if there is more.
    pub(in crate::service) fn answer<T>(
        &self,
        item_type: &str,
        items: &[T],
        show: impl Fn(&T) -> Value,
    ) -> Response {
        let shown: Vec<_> = items.iter().skip(self.offset).take(self.length).map(show).collect();
        let next = self.offset.saturating_add(self.length);
        // An SDK hands out no page after an answer without a token, so the last one has none.
        let response = Response::json(200, &shown)
            .with("x-content-type-options", "nosniff")
            .with("x-ms-item-type", item_type);
        if next < items.len() {
            response.with("x-ms-continuation", URL_SAFE_NO_PAD.encode(next.to_string()))
        } else {
            response
        }
    }
}

/// Tokens are opaque to clients (J-27).
fn read_token(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}
