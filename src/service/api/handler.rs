//! One request from its arrival to its answer.

use super::error::ApiError;
use super::request::Request;
use super::response::Response;
use super::route::Route;
use super::{bulk, enrollments, query, registrations};
use crate::service::access::ServiceAccess;
use crate::service::registrar::Registrar;

/// Answers one request of the service API (E.5, E.6, H.1). Whatever is wrong with the request
/// becomes an answer too.
pub(crate) async fn handle(
    registrar: &Registrar,
    access: &ServiceAccess,
    request: Request,
) -> Response {
    match answer(registrar, access, &request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!("{request}: refused with {error}");
            error.into_response(&registrar.sources)
        }
    }
}

/// The same for whom the service trusts without a token: its own page. Every other rule holds.
#[cfg(feature = "page")]
pub(in crate::service) async fn handle_own(registrar: &Registrar, request: Request) -> Response {
    match carry_out(registrar, &request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!("{request}: refused with {error}");
            error.into_response(&registrar.sources)
        }
    }
}

async fn answer(
    registrar: &Registrar,
    access: &ServiceAccess,
    request: &Request,
) -> Result<Response, ApiError> {
    let authorization = request.header("authorization");
    let now = registrar.sources.now();
    if let Err(fault) = access.check(&request.host, &request.path, authorization, now) {
        // The wire gets the bare 401, the log the reason (E.6); neither gets the token.
        tracing::warn!("{request}: {fault}");
        return Err(ApiError::unauthorized());
    }
    carry_out(registrar, request).await
}

async fn carry_out(registrar: &Registrar, request: &Request) -> Result<Response, ApiError> {
    let api_version = request.api_version()?;
    let route = Route::of(request)?;
    if let Err(throttled) = registrar.throttle.operation(registrar.sources.instant()) {
        tracing::warn!("{request}: {throttled}");
        return Err(ApiError::throttled(&throttled));
    }
    match route {
        Route::Bulk(kind) => bulk::run(registrar, request, kind).await,
        Route::Query(kind) => query::enrollments(registrar, request, kind),
        Route::Put(kind, id) => enrollments::put(registrar, request, kind, &id).await,
        Route::Get(kind, id) => enrollments::get(registrar, &api_version, kind, &id),
        Route::Delete(kind, id) => enrollments::delete(registrar, request, kind, &id).await,
        Route::AttestationMechanism(kind, id) => {
            enrollments::attestation_mechanism(registrar, kind, &id)
        }
        Route::GroupRegistrations(group_id) => {
            registrations::of_group(registrar, request, &api_version, &group_id)
        }
        Route::GetRegistration(id) => registrations::get(registrar, &api_version, &id),
        Route::DeleteRegistration(id) => registrations::delete(registrar, request, &id).await,
    }
}
