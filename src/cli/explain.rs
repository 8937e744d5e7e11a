//! A failed registration as a report: what happened, in the words of the error, and what the
//! catalogue makes of it.

use std::time::SystemTime;

use super::Exit;
use super::report::Report;
use crate::device::{Error, Rejection};
pub(super) use crate::explain::Context;
use crate::explain::{Explanation, explain};
use crate::wire::ErrorCode;

/// The whole story of a failed registration.
pub(super) fn report(error: &Error, context: &Context) -> Report {
    let Explanation { causes, remedies, .. } = explain(error, context, SystemTime::now());
    let code = error.code();
    let mut report = Report::new(error.kind(), Exit::from(error.class()), error);
    report.result = Some(error.c_sdk_result());
    report.code = code.map(|code| code.0);
    report.name = code.and_then(ErrorCode::name);
    report.operation_id = error.operation_id().map(ToString::to_string);
    (report.causes, report.remedies) = (causes, remedies);
    match error {
        Error::Unauthorized(rejection) | Error::Rejected(rejection) => {
            with_tracking(report, rejection)
        }
        Error::Failed { message, date, .. } => {
            report.headline = Some(std::mem::take(&mut report.message));
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
