//! The end of a registration.

use std::sync::Arc;

use super::identity::{IdentityFate, IdentityUpdate, to_disconnect, update_identity};
use super::moment::Moment;
use crate::service::allocation::Decision;
use crate::service::enrollment::Enrollment;
use crate::service::issuing::Issued;
use crate::service::record::{
    Assignment, Authentication, DeviceRecord, HubDevice, HubKey, NewIdentity, Outcome,
    PendingRecord,
};
use crate::service::reprovision::{Reassignment, Reprovisioning, ResetOnSameHub, TwinHandling};
use crate::service::store::{Batch, Change};
use crate::wire::{DeviceId, RegistrationId};

/// What allocation came to, and on which terms a device comes again.
#[derive(Debug)]
pub struct Finding<'a> {
    /// The enrollment that vouches for the device.
    pub enrollment: &'a Enrollment,
    /// The hub, or why there is none.
    pub decision: Decision,
    /// The enrollment's way with devices that come again.
    pub reprovisioning: Reprovisioning,
    /// What a reset means on the same hub (J-3).
    pub on_same_hub: ResetOnSameHub,
    /// The keys that it gets for its hub, if it has a TPM.
    pub given: Option<GivenKeys>,
    /// The certificate that it gets, if it asked for one.
    pub issued: Option<Issued>,
}

/// The keys for its hub of a device that has a TPM: others at each registration (B.5).
#[derive(Debug)]
pub struct GivenKeys {
    /// How the device proves itself there.
    pub authentication: Authentication,
    /// The first of the two, in Base64, encrypted for the device's TPM.
    pub encrypted: String,
}

/// The end of a registration.
#[derive(Debug)]
pub struct Conclusion {
    /// What must be kept: the device's record, and its identities on hubs.
    pub changes: Batch,
    /// The record among it.
    pub record: Arc<DeviceRecord>,
    /// What became of the device's identity; none without a hub, or with one that has no proof for it.
    pub identity: Option<IdentityFate>,
    /// The identities whose connections must end then.
    pub disconnect: Vec<HubKey>,
}

/// The names that a device may get on its hub: its own, which stays while the record does, and the
/// enrollment's, which a reset to another hub gives it (F.6).
pub fn device_ids(record: &PendingRecord, enrollment: &Enrollment) -> [DeviceId; 2] {
    let enrolled = enrollment.device_id(&record.registration_id);
    let own = record.assignment.as_ref().map(|earlier| earlier.device_id.clone());
    [own.unwrap_or_else(|| enrolled.clone()), enrolled]
}

/// Ends a registration with what allocation came to. `known` tells what the hubs know.
pub fn conclude(
    pending: PendingRecord,
    finding: Finding<'_>,
    known: impl Fn(&HubKey) -> Option<Arc<HubDevice>>,
    moment: Moment,
) -> Conclusion {
    let Finding { enrollment, decision, reprovisioning, on_same_hub, given, issued } = finding;
    let (host_name, payload, initial_twin) = match decision {
        Decision::Hub { host_name, payload, initial_twin } => (host_name, payload, initial_twin),
        Decision::Failed { code, message, .. } => {
            let record = pending.with_outcome(Outcome::Failed { code, message });
            return conclusion(record, None, Batch::new(), Vec::new(), moment);
        }
    };
    let [own, enrolled] = device_ids(&pending, enrollment);
    let chosen = Assignment { hub: host_name, device_id: own };
    let is_known = known(&chosen.key()).is_some();
    let earlier = pending.assignment.as_ref();
    let Reassignment { mut assignment, twin, substatus } =
        reprovisioning.decide(earlier, chosen, is_known, on_same_hub);
    if twin == TwinHandling::Fresh {
        assignment.device_id = enrolled;
    }

    let present = known(&assignment.key());
    let elsewhere = earlier.map(Assignment::key).filter(|key| *key != assignment.key());
    let earlier = elsewhere.and_then(|key| known(&key));
    let certificate = pending.outcome.certificate.as_ref();
    let (authentication, authentication_key) = match given {
        Some(GivenKeys { authentication, encrypted }) => (Some(authentication), Some(encrypted)),
        None => (Authentication::of(enrollment, &pending.registration_id, certificate), None),
    };
    let has_one = present.as_deref().or(earlier.as_deref());
    let registration_id = &pending.registration_id;
    let (by_certificate, issued) = match issued {
        Some(Issued { chain, leaf, issuer }) => {
            let common_name = leaf.common_name().unwrap_or_default().to_owned();
            (Some(Authentication::CertificateAuthority { issuer, common_name }), Some(chain))
        }
        // A TPM is told that its key is good at the hub, and takes no certificate along.
        None if authentication_key.is_some() => (None, None),
        None => (still_issued(enrollment, registration_id, has_one), None),
    };
    let authentication = by_certificate.or(authentication);
    let updated = authentication.map(|authentication| {
        let update = IdentityUpdate {
            hub: &assignment.hub,
            identity: NewIdentity {
                device_id: assignment.device_id.clone(),
                authentication,
                is_edge: enrollment.capabilities.is_some_and(|it| it.iot_edge),
                salt: moment.salt,
            },
            twin,
            present: present.as_deref(),
            earlier: earlier.as_deref(),
            from_webhook: initial_twin.as_ref(),
            from_enrollment: &enrollment.first_twin(),
        };
        update_identity(update, moment.now)
    });
    let (identity, changes) = updated.unzip();
    let changes = changes.unwrap_or_default();
    let disconnect = to_disconnect(&changes, present.as_deref()).collect();

    let mut record =
        pending.with_outcome(Outcome::Assigned { substatus, payload, authentication_key, issued });
    record.assignment = Some(assignment);
    conclusion(record, identity, changes, disconnect, moment)
}

/// A device that comes again without a request has its certificate still, which stays good at its hub as
/// long as its enrollment names somebody who issues them (J-440). Another device may have had its ID at the
/// hub before, with a certificate of its own.
fn still_issued(
    enrollment: &Enrollment,
    registration_id: &RegistrationId,
    device: Option<&HubDevice>,
) -> Option<Authentication> {
    let authentication = device.map(|device| &device.authentication);
    let is_its_own = |it: &&Authentication| match it {
        Authentication::CertificateAuthority { common_name, .. } => {
            registration_id.names_same_device(common_name)
        }
        _ => false,
    };
    let by_certificate = authentication.filter(is_its_own);
    by_certificate.filter(|_| enrollment.issuer.ask_for_certificates()).cloned()
}

fn conclusion(
    record: DeviceRecord,
    identity: Option<IdentityFate>,
    mut changes: Batch,
    disconnect: Vec<HubKey>,
    moment: Moment,
) -> Conclusion {
    let record = Arc::new(DeviceRecord { updated: moment.now, etag: moment.etag(), ..record });
    changes.push(Change::PutDevice(record.clone()));
    Conclusion { changes, record, identity, disconnect }
}
