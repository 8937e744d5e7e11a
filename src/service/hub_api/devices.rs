//! Identities: read, list, enable and disable, delete (F.7).

use std::time::SystemTime;

use serde::Deserialize;

use super::error::HubApiError;
use super::query::Query;
use super::rows::{Place, devices, rows, twin};
use super::show;
use super::site::Site;
use super::update::Update;
use crate::service::api::{ApiError, IfMatch, Page, Request, Response};
use crate::service::hub::HubError;
use crate::service::record::HubDevice;
use crate::text::read_body;
use crate::wire::Payload;

/// Devices of a list when the client does not say, and at most.
const MAX_LIST: usize = 1000;

#[derive(Deserialize)]
struct Specification {
    query: Option<String>,
}

/// The first devices, `top` of them.
pub(super) fn list(site: &Site<'_>, request: &Request) -> Result<Response, HubApiError> {
    let mut parameters = request.query.iter();
    let top = parameters.find_map(|(key, value)| key.eq_ignore_ascii_case("top").then_some(value));
    let count = match top.map(|text| text.parse::<usize>()) {
        None => MAX_LIST,
        Some(Ok(count)) if count <= MAX_LIST => count,
        Some(_) => {
            let message = format!("top is no number from 0 to {MAX_LIST}");
            return Err(HubApiError::bad_request(message));
        }
    };
    let shown: Vec<_> = site
        .devices(None, count)
        .iter()
        .map(|device| show::device(device, site.presence(device)))
        .collect();
    Ok(Response::json(200, &shown))
}

/// Twins, or what a query selects from them, page by page.
pub(super) fn query(site: &Site<'_>, request: &Request) -> Result<Response, HubApiError> {
    let specification: Specification =
        read_body(request.json()?).map_err(HubApiError::unreadable)?;
    let query = Query::read(&specification.query.unwrap_or_default())
        .map_err(|error| HubApiError::bad_query(&error))?;
    let page = Page::asked(request)?;
    let begin = page.after().map(|token| Place::read(token).ok_or_else(ApiError::bad_continuation));
    let begin = begin.transpose()?;
    let item_type = if query.gives_twins() { "Twin" } else { "Raw" };
    let items = match query.count(devices(site, None).map(|device| twin(site, &device))) {
        Some(count) => vec![(None, count)],
        None => {
            let rows = rows(site, &query, begin).take(page.length + 1);
            rows.map(|(place, row)| (Some(place), row)).collect()
        }
    };
    let key =
        |item: &(Option<Place>, Payload)| item.0.as_ref().map(Place::token).unwrap_or_default();
    Ok(page.answer(item_type, items, key, |(_, row)| row.clone()))
}

/// One identity, with its keys.
pub(super) fn get(site: &Site<'_>, id: &str) -> Result<Response, HubApiError> {
    Ok(shown(site, site.device(id)?.as_ref()))
}

/// Makes one, or changes one that `If-Match` says is there (J-133). The connection of one that is disabled
/// ends.
pub(super) async fn put(
    site: &Site<'_>,
    request: &Request,
    id: &str,
) -> Result<Response, HubApiError> {
    let update = Update::read(request.json()?, id)?;
    let if_match = IfMatch::of(request)?;
    let sources = &site.hubs().sources;
    let (now, salt) = (sources.now(), sources.chance.salt(id));
    if if_match == IfMatch::Absent {
        return create(site, &update, id, now, salt).await;
    }
    let key = site.device(id)?.key();
    let mut refused = None;
    let changed = site.hubs().change(&key, |device| {
        check(&if_match, device)?;
        update.applied(device, &sources.chance, now, salt).map_err(|error| {
            refused = Some(error);
            HubError::PreconditionFailed
        })
    });
    let changed = changed.await;
    if let Some(refused) = refused {
        return Err(refused);
    }
    let changed = changed.map_err(|error| HubApiError::of(&error, id))?;
    if !changed.is_enabled {
        site.hubs().interrupt(&key, "it was disabled on its hub");
    }
    Ok(shown(site, &changed))
}

async fn create(
    site: &Site<'_>,
    update: &Update,
    id: &str,
    now: SystemTime,
    salt: u32,
) -> Result<Response, HubApiError> {
    if !matches!(site.device(id), Err(error) if error == HubApiError::no_device(id)) {
        return Err(HubApiError::already_exists(id));
    }
    let device = update.made(site.home(id)?, &site.hubs().sources.chance, now, salt)?;
    let made = site.hubs().create(device).await;
    Ok(shown(site, made.map_err(|error| HubApiError::of(&error, id))?.as_ref()))
}

/// Deletes one, whatever registrations say of it (F.7).
pub(super) async fn delete(
    site: &Site<'_>,
    request: &Request,
    id: &str,
) -> Result<Response, HubApiError> {
    let if_match = IfMatch::of(request)?;
    let key = site.device(id)?.key();
    let removed = site.hubs().remove(&key, |device| check(&if_match, device));
    removed.await.map_err(|error| HubApiError::of(&error, id))?;
    Ok(Response::no_content())
}

fn check(if_match: &IfMatch, device: &HubDevice) -> Result<(), HubError> {
    if if_match.allows(&device.etag) { Ok(()) } else { Err(HubError::PreconditionFailed) }
}

fn shown(site: &Site<'_>, device: &HubDevice) -> Response {
    let etag = format!("\"{}\"", device.etag.encoded());
    Response::json(200, &show::device(device, site.presence(device))).with("etag", etag)
}
