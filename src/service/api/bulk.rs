//! Up to ten enrollments or groups in one request (E.5). Each stands for itself: what is wrong
//! with one does not keep the others out. Only that a record is named twice is wrong with all (K-6).

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::edit::Edit;
use super::enrollments;
use super::error::ApiError;
use super::precondition::IfMatch;
use super::request::Request;
use super::response::Response;
use crate::service::doubt;
use crate::service::enrollment::Kind;
use crate::service::registrar::Registrar;
use crate::text::read_body;
use crate::wire::from_json_object;

/// Most items of one request.
const MAX_ITEMS: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    // As they came: storing reads each on its own, so that a bad one spoils only itself.
    enrollments: Option<Vec<Box<RawValue>>>,
    enrollment_groups: Option<Vec<Box<RawValue>>>,
    mode: Option<String>,
}

/// What a bulk operation has to know of an item beforehand.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    registration_id: Option<String>,
    enrollment_group_id: Option<String>,
    etag: Option<Value>,
}

impl Item {
    /// The name of the record; empty if it has none.
    fn name(&self, kind: Kind) -> &str {
        let name = match kind {
            Kind::Individual => &self.registration_id,
            Kind::Group => &self.enrollment_group_id,
        };
        name.as_deref().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Create,
    Update,
    UpdateIfMatchEtag,
    Delete,
}

impl Mode {
    /// Without regard to case: the Node SDK writes `updateIfMatchEtag` (E.5).
    fn read(text: Option<&str>) -> Result<Self, ApiError> {
        match text.unwrap_or_default().to_ascii_lowercase().as_str() {
            "create" => Ok(Self::Create),
            "update" => Ok(Self::Update),
            "updateifmatchetag" => Ok(Self::UpdateIfMatchEtag),
            "delete" => Ok(Self::Delete),
            _ => Err(ApiError::bad_request(
                "mode must be create, update, updateIfMatchETag or delete.",
            )),
        }
    }
}

/// Runs a bulk operation. The answer is 200 whatever became of the items.
pub(super) async fn run(
    registrar: &Registrar,
    request: &Request,
    kind: Kind,
) -> Result<Response, ApiError> {
    let body: Body = read_body(request.json()?).map_err(ApiError::unreadable)?;
    let mode = Mode::read(body.mode.as_deref())?;
    let (member, name_member, items) = match kind {
        Kind::Individual => ("enrollments", "registrationId", body.enrollments),
        Kind::Group => ("enrollmentGroups", "enrollmentGroupId", body.enrollment_groups),
    };
    let items =
        items.ok_or_else(|| ApiError::bad_request(format!("The member {member} is missing.")))?;
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        return Err(ApiError::bad_request(format!(
            "A bulk operation has 1 to {MAX_ITEMS} items, this one {}.",
            items.len()
        )));
    }
    // An item that is no object, or has no name, is told so when it is to be stored.
    let items = items.iter().map(|json| {
        let item: Item = from_json_object(json.get().as_bytes()).unwrap_or_default();
        (json, item)
    });
    let items: Vec<_> = items.collect();
    let names = items.iter().map(|(_, item)| item.name(kind).to_ascii_lowercase());
    let mut seen = HashSet::new();
    if let Some(name) = names.filter(|name| !name.is_empty()).find(|it| !seen.insert(it.clone())) {
        return Err(ApiError::bad_request(format!("The request names {name:?} more than once.")));
    }
    let mut errors = Vec::new();
    for (json, item) in &items {
        let name = item.name(kind);
        let done = apply(registrar, kind, mode, item, name, json.get().as_bytes()).await;
        if let Err(ApiError { code, message, .. }) = done {
            tracing::warn!("bulk {mode:?} of {name:?}: {code}: {message}");
            errors.push(json!({ name_member: name, "errorCode": code, "errorStatus": message }));
        }
    }
    let is_successful = errors.is_empty();
    Ok(Response::json(200, &json!({ "errors": errors, "isSuccessful": is_successful })))
}

async fn apply(
    registrar: &Registrar,
    kind: Kind,
    mode: Mode,
    item: &Item,
    name: &str,
    json: &[u8],
) -> Result<(), ApiError> {
    let etag = item.etag.as_ref().and_then(Value::as_str).filter(|etag| !etag.trim().is_empty());
    let if_match = etag.map_or(Ok(IfMatch::Absent), IfMatch::read)?;
    if let Mode::Delete = mode {
        if name.is_empty() {
            return Err(ApiError::bad_request("The item has no name."));
        }
        let remove = |all: &mut Edit<'_>| enrollments::remove(all, kind, name, &if_match);
        return registrar.change_enrollment(name, remove).await;
    }
    let store = |all: &mut Edit<'_>| {
        let is_there = all.find(kind, name).is_some();
        let if_match = match mode {
            Mode::UpdateIfMatchEtag if if_match == IfMatch::Absent => {
                return Err(ApiError::invalid_etag());
            }
            Mode::Update if !is_there && !name.is_empty() => {
                return Err(ApiError::no_enrollment(kind));
            }
            Mode::Create => &IfMatch::Absent,
            // `update` without etag over one that is there is refused with 409201, as recorded.
            _ => &if_match,
        };
        enrollments::store(all, kind, name, json, if_match)
    };
    let stored = registrar.change_enrollment(name, store).await?;
    doubt::warn(registrar.instance(), &stored);
    Ok(())
}
