//! Why the service does not start, and what to do about it.

use std::io::ErrorKind;

use crate::cli::report::Report;
use crate::service::{AuthorityError, EndpointKind, StartError};

pub(super) fn authority_report(error: &AuthorityError) -> Report {
    Report::usage(format!("--ca-dir: {error}"))
}

pub(super) fn start_report(error: &StartError) -> Report {
    match error {
        StartError::Config(error) => Report::usage(format!("--config: {error}")),
        StartError::Authority(error) => authority_report(error),
        StartError::Issuing(error) => Report::usage(format!("--state: {error}")),
        StartError::State(error) => {
            let report = Report::usage(format!("--state: {error}")).remedy(error.remedy());
            error.cause().into_iter().fold(report, Report::cause)
        }
        StartError::Listen { endpoint, source, .. } => {
            let report = Report::usage(error);
            let report = match source.kind() {
                ErrorKind::AddrInUse => report
                    .cause("another program, perhaps another `provision-sim serve`, has the port"),
                ErrorKind::PermissionDenied => report
                    .cause("ports below 1024 need a permission that this process does not have"),
                _ => return report,
            };
            let flag = endpoint.flag();
            report.remedy(match endpoint {
                EndpointKind::Management => format!(
                    "{flag} 0 picks a free one, which the ready line has; {flag} none does without"
                ),
                EndpointKind::Gateway => {
                    format!("{flag} 0 picks a free one, which the ready line has")
                }
                _ => format!("{flag} 0 picks a free one; `register --local` finds it"),
            })
        }
    }
}
