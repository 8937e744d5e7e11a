//! One request from its arrival to its answer.

use rustls::pki_types::CertificateDer;

use super::error::HubApiError;
use super::route::Route;
use super::site::Site;
use super::{devices, keys, messages, methods, statistics, twins};
use crate::service::access::ServiceAccess;
use crate::service::api::{ApiError, Request, Response};
use crate::service::hub::Hubs;
use crate::sources::Sources;
use crate::text::Foreign;

/// A list of what there never is.
const NOTHING: [(); 0] = [];

/// Answers one request, of whoever showed this certificate in the TLS handshake. Whatever is wrong with
/// it becomes an answer too.
pub(crate) async fn handle(
    hubs: &Hubs,
    access: &ServiceAccess,
    request: Request,
    certificate: Option<CertificateDer<'static>>,
) -> Response {
    let site = Site::of(hubs, &request.host);
    match answer(&site, access, &request, certificate).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!("{}: {request}: refused with {error}", Foreign::short(site.name()));
            error.into_response(&hubs.sources)
        }
    }
}

/// The answer to a request with a longer body than any call takes.
pub(crate) fn too_large(sources: &Sources) -> Response {
    HubApiError::from(ApiError::too_large()).into_response(sources)
}

async fn answer(
    site: &Site<'_>,
    access: &ServiceAccess,
    request: &Request,
    certificate: Option<CertificateDer<'static>>,
) -> Result<Response, HubApiError> {
    let route = Route::of(&request.method, &request.path);
    if let Ok(Route::SendEvent(id)) = &route {
        check_version(request)?;
        return messages::event(site, access, request, certificate, id);
    }
    let authorization = request.header("authorization");
    let now = site.hubs().sources.now();
    if let Err(fault) = access.check_hub(&site.hosts(), &request.path, authorization, now) {
        // The wire gets the bare 401, the log the reason (E.6); neither gets the token.
        tracing::warn!("{request}: {fault}");
        return Err(HubApiError::unauthorized());
    }
    check_version(request)?;
    match route? {
        Route::ListDevices => devices::list(site, request),
        Route::QueryDevices => devices::query(site, request),
        Route::RegenerateKeys => keys::regenerate(site, request).await,
        Route::GetDevice(id) => devices::get(site, &id),
        Route::PutDevice(id) => devices::put(site, request, &id).await,
        Route::DeleteDevice(id) => devices::delete(site, request, &id).await,
        Route::GetTwin(id) => twins::get(site, &id),
        Route::ChangeTwin(verb, id) => twins::change(site, request, &id, verb).await,
        Route::CallMethod(id) => methods::call(site, request, &id).await,
        Route::SendEvent(id) => messages::event(site, access, request, certificate, &id),
        Route::SendToDevice(id) => messages::to_device(site, request, &id),
        Route::PurgeMessages(id) => messages::purge(site, &id),
        Route::ListModules(id) => site.device(&id).map(|_| Response::json(200, &NOTHING)),
        Route::ListNothing => Ok(Response::json(200, &NOTHING)),
        Route::GetNothing(what) => Err(HubApiError::nothing(what)),
        Route::DeviceStatistics => Ok(statistics::devices(site)),
        Route::ServiceStatistics => Ok(statistics::service(site)),
    }
}

/// Every request names a version; all of them are served alike (J-132).
fn check_version(request: &Request) -> Result<(), HubApiError> {
    let mut parameters = request.query.iter();
    if parameters.any(|(key, value)| key.eq_ignore_ascii_case("api-version") && !value.is_empty()) {
        return Ok(());
    }
    Err(HubApiError::no_version())
}
