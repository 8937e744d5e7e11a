//! What devices that have registered ask their hub for, as the journal tells it.

use super::core::Registrar;
use crate::service::hub::Unissued;
use crate::service::issuing::Issued;
use crate::service::record::HubKey;

impl Registrar {
    /// A hub has granted a device's request for a certificate, or refused it.
    pub(in crate::service) fn tell_of_renewal(
        &self,
        key: &HubKey,
        request_id: &str,
        decided: Result<&Issued, &Unissued>,
    ) {
        // A device that a back end has made has no registration.
        let Some(record) = self.store.assigned_to(key) else { return };
        let decided = decided
            .map(|Issued { leaf, issuer, .. }| (leaf, issuer))
            .map_err(|Unissued { code, why, .. }| (*code, why.as_str()));
        let whose = (&record.registration_id, record.operation_id.as_str());
        self.journal.renewed(whose, request_id, decided);
    }
}
