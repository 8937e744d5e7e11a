//! Certificates that devices ask for with their registration: whether a request is good, and the grant of it
//! once there is a hub.

use super::core::Registrar;
use crate::pki::{CertificateRequest, CertificateRequestFault};
use crate::service::allocation::Decision;
use crate::service::caller::Caller;
use crate::service::enrollment::Enrollment;
use crate::service::fault_rule::{Deed, FaultPlace, FaultRule, What};
use crate::service::issuing::{Issued, IssuingError, Otherwise};
use crate::service::journal::Recording;
use crate::service::record::PendingRecord;
use crate::wire::{ErrorCode, RegistrationId, timestamp};

/// What a device is told whose request cannot be granted in the end: a hub's words for it.
const UNABLE: &str = "Unable to complete the certificate request";

impl Registrar {
    /// The request for a certificate in a register request, if the device's API version has such. Others
    /// ignore the member, as they do unknown ones; that is told once.
    pub(super) fn certificate_request(
        &self,
        caller: &Caller,
        csr: Option<&str>,
    ) -> Result<Option<CertificateRequest>, CertificateRequestFault> {
        let Some(csr) = csr else { return Ok(None) };
        let Caller { api_version, registration_id, .. } = caller;
        if !api_version.issues_certificates() {
            self.ignored_requests.call_once(|| {
                tracing::warn!(
                    "{registration_id}: sends a request for a certificate with api-version {api_version}, \
                     which has none: it is ignored; ask with 2025-07-01-preview or a later one (J-435). \
                     Said once"
                );
            });
            return Ok(None);
        }
        let request = CertificateRequest::read(csr)?;
        request.check_name(registration_id.as_str())?;
        Ok(Some(request))
    }

    /// Grants the request of a device that gets a hub. One that cannot be granted is why it gets none.
    pub(super) fn grant(
        &self,
        record: &PendingRecord,
        enrollment: &Enrollment,
        decision: Decision,
    ) -> (Decision, Option<Issued>) {
        let id = &record.registration_id;
        let (Some(request), Decision::Hub { .. }) = (&record.outcome.request, &decision) else {
            return (decision, None);
        };
        if !enrollment.issuer.ask_for_certificates() {
            tracing::warn!(
                "{id}: asks for a certificate and gets none: its enrollment {:?} names nobody who issues \
                 them; give it certificateAuthorityName and certificatePolicyName (J-439)",
                enrollment.name()
            );
            return (decision, None);
        }
        let strike = self.strike_operation(FaultPlace::Grant, record, enrollment);
        let rule = strike.as_ref().map(|strike| &*strike.rule);
        if let Some(refusal) = rule.and_then(refusal) {
            return (refusal, None);
        }
        let otherwise = rule.map(|rule| otherwise(&rule.what)).unwrap_or_default();
        match self.authorities.issue_otherwise(&enrollment.issuer, request, otherwise) {
            Ok(issued) => (decision, Some(issued)),
            Err(error) => (unable(&error), None),
        }
    }
}

/// Tells of a certificate that was issued and is kept.
pub(super) fn tell(id: &RegistrationId, issued: &Issued, recording: &Recording) {
    let Issued { leaf, issuer, .. } = issued;
    tracing::info!(
        "{id}: gets a certificate from {issuer}, by its policy {}, valid until {}",
        issuer.policy,
        timestamp(leaf.info().not_after)
    );
    recording.issued(leaf, issuer);
}

/// The end that a rule wants the registration to have.
fn refusal(rule: &FaultRule) -> Option<Decision> {
    Some(Decision::Failed {
        code: ErrorCode(rule.what.code?),
        message: rule.what.message.clone().unwrap_or_else(|| UNABLE.to_owned()),
        hint: format!("a fault was asked for: {rule}"),
    })
}

/// The certificate that a rule wants to be issued.
fn otherwise(what: &What) -> Otherwise {
    match what.deed {
        Some(Deed::IssuedValidity(validity)) => {
            Otherwise { validity: Some(validity), ..Otherwise::default() }
        }
        Some(Deed::ChainLength(length)) => {
            Otherwise { chain_length: Some(length), ..Otherwise::default() }
        }
        _ => Otherwise::default(),
    }
}

fn unable(error: &IssuingError) -> Decision {
    Decision::Failed {
        code: ErrorCode::CERTIFICATE_REQUEST,
        message: UNABLE.to_owned(),
        hint: format!("no certificate can be issued: {error}"),
    }
}
