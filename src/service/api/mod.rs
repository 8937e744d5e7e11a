//! The service API: what back ends, tools and operators ask of the service over HTTPS (E.5).
//!
//! One file per family of calls. [`handle`] takes a request as any HTTP server can give it and
//! makes the answer; sockets, TLS and the framing of HTTP belong to the endpoint that calls it.

mod bulk;
mod edit;
mod enrollments;
mod error;
mod precondition;
mod query;
mod registrations;
mod request;
mod route;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::time::{Instant, SystemTime};

use super::access::ServiceAccess;
use super::registrar::Registrar;

pub(super) use error::ApiError;
pub(super) use precondition::IfMatch;
pub(super) use query::Page;
pub(crate) use request::{MAX_BODY, Request, Response};
use route::Route;

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
            tracing::warn!("{} {}: refused with {error}", request.method, request.path);
            error.into_response()
        }
    }
}

async fn answer(
    registrar: &Registrar,
    access: &ServiceAccess,
    request: &Request,
) -> Result<Response, ApiError> {
    let authorization = request.header("authorization");
    if let Err(fault) = access.check(&request.host, &request.path, authorization, SystemTime::now())
    {
        // The wire gets the bare 401, the log the reason (E.6); neither gets the token.
        tracing::warn!("{} {}: {fault}", request.method, request.path);
        return Err(ApiError::unauthorized());
    }
    let api_version = request.api_version()?;
    let route = Route::of(request)?;
    if let Err(throttled) = registrar.throttle.operation(Instant::now()) {
        tracing::warn!("{} {}: {throttled}", request.method, request.path);
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
