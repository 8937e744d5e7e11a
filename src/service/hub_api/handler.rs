//! One request from its arrival to its answer.

use std::time::SystemTime;

use super::error::HubApiError;
use super::route::Route;
use super::site::Site;
use super::{devices, twins};
use crate::service::access::ServiceAccess;
use crate::service::api::{Request, Response};
use crate::service::hub::Hubs;
use crate::text::Foreign;

/// Answers one request. Whatever is wrong with it becomes an answer too.
pub(crate) async fn handle(hubs: &Hubs, access: &ServiceAccess, request: Request) -> Response {
    match answer(hubs, access, &request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!("{}: {request}: refused with {error}", Foreign::short(&request.host));
            error.into_response()
        }
    }
}

async fn answer(
    hubs: &Hubs,
    access: &ServiceAccess,
    request: &Request,
) -> Result<Response, HubApiError> {
    let site = Site::of(hubs, &request.host);
    let authorization = request.header("authorization");
    let now = SystemTime::now();
    if let Err(fault) = access.check_hub(&site.hosts(), &request.path, authorization, now) {
        // The wire gets the bare 401, the log the reason (E.6); neither gets the token.
        tracing::warn!("{request}: {fault}");
        return Err(HubApiError::unauthorized());
    }
    check_version(request)?;
    match Route::of(&request.method, &request.path)? {
        Route::ListDevices => devices::list(&site, request),
        Route::QueryDevices => devices::query(&site, request),
        Route::GetDevice(id) => devices::get(&site, &id),
        Route::PutDevice(id) => devices::put(&site, request, &id).await,
        Route::DeleteDevice(id) => devices::delete(&site, request, &id).await,
        Route::GetTwin(id) => twins::get(&site, &id),
        Route::ChangeTwin(verb, id) => twins::change(&site, request, &id, verb).await,
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
