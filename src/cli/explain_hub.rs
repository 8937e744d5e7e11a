//! A failed visit to the hub as a report: what happened, in the words of the error, and what the
//! catalogue makes of it.

use super::Exit;
use super::report::Report;
use crate::device::{HubError, HubSettings};
use crate::explain::{Context, Explanation, explain_hub};

/// The whole story of a failed visit to the hub.
pub(super) fn report(error: &HubError, hub: &HubSettings, context: &Context) -> Report {
    let Explanation { causes, remedies, .. } = explain_hub(error, hub, context);
    let message = format!("hub {}: {error}", hub.hub());
    let mut report = Report::new(error.kind(), Exit::from(error.class()), message);
    (report.causes, report.remedies) = (causes, remedies);
    report
}
