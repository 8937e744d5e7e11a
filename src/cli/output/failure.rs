//! A failed registration, or a failed visit to the hub, as a report: what happened, in the words of the error, and what the
//! catalogue makes of it.

use crate::cli::exit::Exit;
use crate::cli::report::Report;
use crate::device::{Error, HubError, HubSettings, Rejection};
use crate::explain::{Context, Explanation, explain, explain_hub};
use crate::sources::Clock;
use crate::wire::ErrorCode;

/// The whole story of a failed registration.
pub(crate) fn report(error: &Error, context: &Context) -> Report {
    let Explanation { entry, causes, remedies, .. } =
        explain(error, context, Clock::system().now());
    let code = error.code();
    let mut report = Report::new(error.kind(), Exit::from(error.class()), error);
    report.result = Some(error.c_sdk_result());
    report.code = code.map(|code| code.0);
    report.group = context.group.as_deref().map(Box::from);
    // A number that a hub has given is not what its name says elsewhere (K-11).
    let is_dps = !entry.key.starts_with("link-");
    report.name = code.filter(|_| is_dps).and_then(ErrorCode::name);
    report.operation_id = error.operation_id().map(ToString::to_string);
    (report.causes, report.remedies) = (causes, remedies);
    match error {
        Error::Unauthorized(rejection) | Error::Rejected(rejection) => {
            with_tracking(report, rejection)
        }
        Error::Failed { message, date, .. } => {
            report.headline = Some(std::mem::take(&mut report.message).into());
            report.message = message.clone().unwrap_or_default();
            report.date.clone_from(date);
            report
        }
        _ => report,
    }
}

fn with_tracking(mut report: Report, rejection: &Rejection) -> Report {
    if let Some(error) = &rejection.error {
        report.tracking_id = Some(error.tracking_id.clone()).filter(|id| !id.is_empty());
        report.date.clone_from(&error.timestamp_utc);
    }
    report
}

/// The whole story of a failed visit to the hub.
pub(crate) fn hub_report(error: &HubError, hub: &HubSettings, context: &Context) -> Report {
    let Explanation { causes, remedies, .. } = explain_hub(error, hub, context);
    let message = format!("hub {}: {error}", hub.hub());
    let mut report = Report::new(error.kind(), Exit::from(error.class()), message);
    (report.causes, report.remedies) = (causes, remedies);
    if let HubError::NotIssued(failure) = error {
        report.code = Some(failure.error_code.0);
        report.tracking_id = Some(failure.tracking_id.clone()).filter(|id| !id.is_empty());
        report.date = Some(failure.timestamp_utc.clone()).filter(|date| !date.is_empty());
    }
    report
}
