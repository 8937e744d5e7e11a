//! Lists, page by page (E.5).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use super::request::Request;
use super::response::Response;
use crate::service::enrollment::{Enrollment, Kind, Secrets, show};
use crate::service::registrar::Registrar;
use crate::text::read_body;

/// Items of a page when the client does not say, and at most (J-82).
const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// Most characters of a query that are logged.
const LONGEST_QUERY: usize = 200;

/// What a request says of its query. A text of any shape will do.
#[derive(Deserialize)]
struct Specification {
    query: Option<Value>,
}

/// Lists enrollments or groups, without symmetric keys and registrations (E.1, E.3): all of them,
/// whatever the query says (K-5).
pub(super) fn enrollments(
    registrar: &Registrar,
    request: &Request,
    kind: Kind,
) -> Result<Response, ApiError> {
    warn_of_more(request, asked(request)?.as_deref());
    let page = Page::asked(request)?;
    let (after, limit) = (page.after(), page.length + 1);
    let found = registrar.read_enrollments(|all| all.page(kind, after, limit));
    let item_type = match kind {
        Kind::Individual => "Enrollment",
        Kind::Group => "EnrollmentGroup",
    };
    let name = |enrollment: &Arc<Enrollment>| enrollment.name().to_owned();
    Ok(page.answer(item_type, found, name, |enrollment| show(enrollment, Secrets::Hidden, None)))
}

/// The query; none if the body has none, or there is no body.
fn asked(request: &Request) -> Result<Option<String>, ApiError> {
    if request.body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let specification: Specification = read_body(request.json()?).map_err(ApiError::unreadable)?;
    Ok(specification.query.map(|query| match query {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

/// Who asks for less than everything should know that it is given everything.
fn warn_of_more(request: &Request, query: Option<&str>) {
    let query = query.unwrap_or_default();
    if !asks_for_everything(query) {
        let query: String = query.chars().take(LONGEST_QUERY).collect();
        tracing::warn!(
            "{} {}: the query {query:?} does not select: all records are listed (K-5)",
            request.method,
            request.path
        );
    }
}

/// The spellings are those of the SDKs and their samples.
fn asks_for_everything(query: &str) -> bool {
    let query = query.trim().trim_end_matches(';').to_ascii_lowercase();
    let words: Vec<_> = query.split_whitespace().take(5).collect();
    matches!(words.as_slice(), [] | ["*"] | ["select", "*"] | ["select", "*", "from", _])
}

/// The part of a list that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service) struct Page {
    /// The key behind which it begins.
    after: Option<String>,
    /// How many items it has at most.
    pub(in crate::service) length: usize,
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
        let token = request.header("x-ms-continuation").filter(|text| !text.is_empty());
        let after = token.map(|token| read_token(token).ok_or_else(ApiError::bad_continuation));
        Ok(Self { after: after.transpose()?, length })
    }

    /// The key of the last item of the page before.
    pub(in crate::service) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The page as an answer. `items` begins with its items; if there is one more than fit, the answer
    /// has a token, which is the key of the last that does. So a page costs what is on it, and
    /// whatever is added or deleted meanwhile, none is repeated or left out.
    pub(in crate::service) fn answer<T, S: Serialize>(
        &self,
        item_type: &str,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
        show: impl Fn(&T) -> S,
    ) -> Response {
        let has_more = items.len() > self.length;
        items.truncate(self.length);
        let shown: Vec<_> = items.iter().map(show).collect();
        // An SDK hands out no page after an answer without a token, so the last one has none.
        let response = Response::json(200, &shown)
            .with("x-content-type-options", "nosniff")
            .with("x-ms-item-type", item_type);
        match items.last() {
            Some(last) if has_more => {
                response.with("x-ms-continuation", URL_SAFE_NO_PAD.encode(key(last)))
            }
            _ => response,
        }
    }
}

/// Tokens are opaque to clients (J-27).
fn read_token(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_88_who_selects_is_told_that_everything_comes() {
        for all in ["", " ", "*", "SELECT *", "select *  from\nenrollments;", "SELECT * FROM c"] {
            assert!(asks_for_everything(all), "{all}");
        }
        for less in ["SELECT deviceId", "SELECT * FROM c WHERE x = 1", "drop", "{'query': '*'}"] {
            assert!(!asks_for_everything(less), "{less}");
        }
    }
}
