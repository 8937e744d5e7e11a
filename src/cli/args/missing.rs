//! What was not said and has to be, told at once and whole.

use super::key::{DEVICE_KEY_VARIABLE, GROUP_KEY_VARIABLE};
use super::service::ID_SCOPE_VARIABLE;
use crate::cli::local::Local;
use crate::cli::report::Report;

/// What is not known of a device that has to be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Missing {
    pub(crate) id_scope: bool,
    pub(crate) device: bool,
    pub(crate) credential: bool,
    /// Whether the command takes certificates.
    pub(crate) or_certificate: bool,
}

impl Missing {
    /// The report of all of it; nothing if nothing is missing.
    pub(crate) fn report(self, local: Option<&Local>) -> Result<(), Report> {
        let credential = match self.or_certificate {
            true => "no credential (--group-key, --device-key, --cert, --tpm-state or --tpm)",
            false => "no credential (--group-key or --device-key)",
        };
        let parts: Vec<&str> = [
            (self.id_scope, "no ID scope (--id-scope)"),
            (self.device, "no device (--reg-id)"),
            (self.credential, credential),
        ]
        .into_iter()
        .filter_map(|(is_missing, what)| is_missing.then_some(what))
        .collect();
        if parts.is_empty() {
            return Ok(());
        }
        let mut report = Report::usage(parts.join(", "));
        if self.credential && local.is_some() {
            report = report
                .remedy("--group NAME takes the key of an enrollment group from the local service");
        }
        if local.is_none() && (self.id_scope || self.credential) {
            report = report.remedy(
                "for the service that `provision-sim serve` runs on this machine give --local: it fills in the ID scope and the key",
            );
        }
        if self.id_scope {
            report = report.remedy(format!(
                "the ID scope stands on the overview page of the DPS instance; {ID_SCOPE_VARIABLE} may hold it"
            ));
        }
        if self.credential {
            report = report.remedy(format!(
                "{GROUP_KEY_VARIABLE} or {DEVICE_KEY_VARIABLE} keep the key out of the command line"
            ));
        }
        Err(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let all = Missing { id_scope: true, device: true, credential: true, or_certificate: true };

        let report = all.report(None).unwrap_err();

        assert_eq!(
            report.message,
            "no ID scope (--id-scope), no device (--reg-id), no credential (--group-key, --device-key, --cert, --tpm-state or --tpm)"
        );
        assert!(report.remedies[0].contains("give --local"), "{report:?}");
        assert!(Missing::default().report(None).is_ok());
    }
}
