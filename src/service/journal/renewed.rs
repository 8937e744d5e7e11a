//! Writes down what a device that has registered asks its hub for.

use super::certificate::EntryCertificate;
use super::handle::Journal;
use super::recording::masked;
use super::renewal::EntryRenewal;
use crate::attestation::Certificate;
use crate::service::mask::Mask;
use crate::service::record::IssuerName;
use crate::wire::{ErrorCode, RegistrationId};

impl Journal {
    /// The hub of a device that has registered has granted a request for a certificate, or refused it.
    pub(in crate::service) fn renewed(
        &self,
        (id, operation_id): (&RegistrationId, &str),
        request_id: &str,
        decided: Result<(&Certificate, &IssuerName), (ErrorCode, &str)>,
    ) {
        let now = self.instant();
        let (reason, error_code) = match decided {
            Ok(_) => (None, None),
            Err((code, why)) => (Some(masked(&Mask::of(None), why)), Some(code)),
        };
        self.change(|ring| {
            // Else a later attempt that was refused would have them.
            let slot = ring.of_operation(operation_id).or_else(|| ring.of_device(id));
            let Some(slot) = slot else { return };
            ring.change(&slot, |entry, shared| {
                let at = entry.age(now);
                let certificate = decided
                    .ok()
                    .map(|(leaf, issuer)| EntryCertificate::new(at, leaf, issuer, shared));
                let request_id = request_id.into();
                entry.renewal(EntryRenewal { at, request_id, certificate, error_code, reason });
            });
        });
    }
}
