//! Twins: read, patch, replace (I).

use super::error::HubApiError;
use super::show;
use super::site::Site;
use crate::service::api::{IfMatch, Request, Response};
use crate::service::hub::{HubError, TwinVerb};
use crate::service::record::HubDevice;
use crate::service::twin::TwinChange;

/// One twin, with its tags.
pub(super) fn get(site: &Site<'_>, id: &str) -> Result<Response, HubApiError> {
    Ok(shown(site, site.device(id)?.as_ref()))
}

/// Changes tags and desired properties; a connected device is told. The answer is the whole twin.
pub(super) async fn change(
    site: &Site<'_>,
    request: &Request,
    id: &str,
    verb: TwinVerb,
) -> Result<Response, HubApiError> {
    let body = request.json()?;
    let change = TwinChange::read(body).map_err(|error| HubApiError::of(&error.into(), id))?;
    let if_match = IfMatch::of(request)?;
    let key = site.device(id)?.key();
    let changed = site.hubs().change_twin(&key, &change, verb, |device| {
        if if_match.allows(&device.twin_etag) { Ok(()) } else { Err(HubError::PreconditionFailed) }
    });
    let changed = changed.await.map_err(|error| HubApiError::of(&error, id))?;
    Ok(shown(site, &changed))
}

fn shown(site: &Site<'_>, device: &HubDevice) -> Response {
    let etag = format!("\"{}\"", device.twin_etag.encoded());
    Response::json(200, &show::twin(device, site.presence(device))).with("etag", etag)
}
