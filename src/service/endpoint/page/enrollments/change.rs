//! Enable, disable, delete.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;

use super::detail::{complain, of_form};
use crate::service::endpoint::page::address::of_enrollment;
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::request;
use crate::service::endpoint::page::site::Site;
use crate::service::enrollment::{ProvisioningStatus, Secrets, show};

/// `POST /ui/enrollment/status`: its devices may register, or no more.
pub(in crate::service::endpoint::page) async fn set_status(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let enrollment = match of_form(&site, &posted) {
        Ok(enrollment) => enrollment,
        Err(missing) => return missing,
    };
    let status = match posted.text("status") {
        Some("enabled") => ProvisioningStatus::Enabled,
        Some("disabled") => ProvisioningStatus::Disabled,
        _ => return answer::bad_request(&site, "The status is enabled or disabled."),
    };
    let mut changed = (*enrollment).clone();
    changed.provisioning_status = Some(status);
    let record = serde_json::to_string(&show(&changed, Secrets::Hidden, None)).unwrap_or_default();
    let kind = enrollment.kind();
    match request::put(&site, kind, enrollment.name(), record, posted.text("etag")).await {
        Ok(()) => answer::see_other(&of_enrollment(kind, enrollment.name())),
        Err(refusal) => complain(&site, &enrollment, refusal),
    }
}

/// `POST /ui/enrollment/delete`.
pub(in crate::service::endpoint::page) async fn delete(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let enrollment = match of_form(&site, &posted) {
        Ok(enrollment) => enrollment,
        Err(missing) => return missing,
    };
    let etag = posted.text("etag");
    match request::delete(&site, enrollment.kind(), enrollment.name(), etag).await {
        Ok(()) => answer::see_other("/ui/enrollments"),
        Err(refusal) => complain(&site, &enrollment, refusal),
    }
}
