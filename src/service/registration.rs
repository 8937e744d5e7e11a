//! One registration from request to result, as pure decisions (F.1, F.2).
//!
//! What comes out is what must be kept; only then may anything be said of it. Time, randomness and
//! what the hubs know are handed in.

use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::allocation::Decision;
use super::enrollment::Enrollment;
use super::hub::{Arrival, Authentication, HubDevice, HubKey, Newcomer, displaced, settle};
use super::record::{Assignment, DeviceRecord, EnrollmentName, Errand, Outcome, ProvenBy};
use super::reprovision::{Reprovisioning, ResetOnSameHub, Verdict};
use super::store::{Batch, Change};
use crate::wire::{Etag, IdScope, OperationId, RegistrationId};

/// When something happens, and what makes its etag and its operation unlike all others.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time.
    pub now: SystemTime,
    /// Random.
    pub salt: u32,
}

impl Moment {
    fn etag(self) -> Etag {
        Etag::new(self.now, self.salt)
    }
}

/// A register request that passed attestation.
#[derive(Debug)]
pub struct Intake<'a> {
    /// The device.
    pub registration_id: &'a RegistrationId,
    /// The enrollment that vouches for it.
    pub enrollment: &'a Enrollment,
    /// How it proved itself.
    pub proven_by: ProvenBy,
    /// The operation's name.
    pub operation_id: OperationId,
    /// What the rest of it needs.
    pub errand: Errand,
}

/// Accepts a registration. The device learns only from a poll that its enrollment is disabled
/// (F.4).
pub fn begin(previous: Option<&DeviceRecord>, intake: Intake<'_>, moment: Moment) -> DeviceRecord {
    DeviceRecord {
        registration_id: intake.registration_id.clone(),
        enrollment: EnrollmentName {
            kind: intake.enrollment.kind(),
            name: intake.enrollment.name().to_owned(),
        },
        proven_by: intake.proven_by,
        operation_id: intake.operation_id,
        outcome: if intake.enrollment.is_enabled() {
            Outcome::Assigning(Box::new(intake.errand))
        } else {
            Outcome::Disabled
        },
        assignment: previous.and_then(|record| record.assignment.clone()),
        created: previous.map_or(moment.now, |record| record.created),
        updated: moment.now,
        etag: moment.etag(),
        before: previous.map(|record| Box::new(DeviceRecord { before: None, ..record.clone() })),
    }
}

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
}

/// The end of a registration.
#[derive(Debug)]
pub struct Conclusion {
    /// What must be kept: the device's record, and its identities on hubs.
    pub changes: Batch,
    /// The record among it.
    pub record: Arc<DeviceRecord>,
    /// The identities whose connections must end then.
    pub displaced: Vec<HubKey>,
}

/// The name that a device has, or will have, on its hub. It stays until the record is deleted (F.6).
pub fn device_id<'a>(record: &'a DeviceRecord, enrollment: &'a Enrollment) -> &'a str {
    match &record.assignment {
        Some(earlier) => &earlier.device_id,
        None => enrollment.device_id(&record.registration_id),
    }
}

/// Ends a registration with what allocation came to. `known` tells what the hubs know.
pub fn conclude(
    mut record: DeviceRecord,
    finding: Finding<'_>,
    known: impl Fn(&HubKey) -> Option<Arc<HubDevice>>,
    moment: Moment,
) -> Conclusion {
    let Finding { enrollment, decision, reprovisioning, on_same_hub } = finding;
    let errand = match &record.outcome {
        Outcome::Assigning(errand) => Some(errand.clone()),
        _ => None,
    };
    let (mut changes, mut gone) = (Batch::new(), Vec::new());
    record.outcome = match decision {
        Decision::Failed { code, message, .. } => Outcome::Failed { code, message },
        Decision::Hub { host_name, payload, initial_twin } => {
            let device_id = device_id(&record, enrollment).to_owned();
            let chosen = Assignment { hub: host_name, device_id };
            let is_known = known(&chosen.key()).is_some();
            let earlier = record.assignment.take();
            let Verdict { assignment, twin, substatus } =
                reprovisioning.decide(earlier.as_ref(), chosen, is_known, on_same_hub);
            let present = known(&assignment.key());
            let earlier = earlier.filter(|earlier| earlier.key() != assignment.key());
            let earlier = earlier.and_then(|earlier| known(&earlier.key()));
            let certificate = errand.as_ref().and_then(|errand| errand.certificate.as_ref());
            let authentication =
                Authentication::of(enrollment, &record.registration_id, certificate);
            if let Some(authentication) = authentication {
                let arrival = Arrival {
                    hub: &assignment.hub,
                    who: Newcomer {
                        device_id: &assignment.device_id,
                        authentication,
                        is_edge: enrollment.capabilities.is_some_and(|it| it.iot_edge),
                        salt: moment.salt,
                    },
                    fate: twin,
                    present: present.as_deref(),
                    earlier: earlier.as_deref(),
                    from_webhook: initial_twin.as_ref(),
                    from_enrollment: &enrollment.first_twin(),
                };
                changes = settle(arrival, moment.now);
                gone = displaced(&changes, present.as_deref()).collect();
            }
            record.assignment = Some(assignment);
            Outcome::Assigned { substatus, payload }
        }
    };
    record.updated = moment.now;
    record.etag = moment.etag();
    let record = Arc::new(record);
    changes.push(Change::PutDevice(record.clone()));
    Conclusion { changes, record, displaced: gone }
}

/// The name of a new operation (F.2): the middle part is the same for every registration of one
/// device.
pub fn operation_id(
    id_scope: &IdScope,
    registration_id: &RegistrationId,
    unique: uuid::Uuid,
) -> OperationId {
    let device = format!("{}/{}", id_scope.as_str().to_ascii_lowercase(), registration_id.folded());
    let digest = Sha256::digest(device.as_bytes());
    let device: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("5.{device}.{unique}")
        .parse()
        .unwrap_or_else(|_| unreachable!("digits, letters, dots and dashes are an operation ID"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::service::enrollment::{Kind, read};
    use crate::wire::{ErrorCode, Status, Substatus};

    fn at(seconds: u64) -> Moment {
        Moment { now: UNIX_EPOCH + Duration::from_secs(seconds), salt: 7 }
    }

    fn group(status: &str) -> Enrollment {
        let json = format!(
            r#"{{"enrollmentGroupId":"pumps","attestation":{{"type":"symmetricKey"}},"provisioningStatus":"{status}"}}"#
        );
        read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 0, None).unwrap()
    }

    fn intake<'a>(id: &'a RegistrationId, enrollment: &'a Enrollment) -> Intake<'a> {
        Intake {
            registration_id: id,
            enrollment,
            proven_by: ProvenBy::SymmetricKey,
            operation_id: "5.4d1a.0b7c".parse().unwrap(),
            errand: Errand {
                payload: None,
                api_version: "2021-06-01".parse().unwrap(),
                certificate: None,
            },
        }
    }

    fn concluded(record: DeviceRecord, decision: Decision, moment: Moment) -> DeviceRecord {
        let finding = Finding {
            enrollment: &group("enabled"),
            decision,
            reprovisioning: Reprovisioning::Migrate,
            on_same_hub: ResetOnSameHub::default(),
        };
        conclude(record, finding, |_| None, moment).record.as_ref().clone()
    }

    fn begun(previous: Option<&DeviceRecord>, seconds: u64) -> DeviceRecord {
        let id = "pump-0042".parse().unwrap();
        begin(previous, intake(&id, &group("enabled")), at(seconds))
    }

    fn hub(name: &str) -> Decision {
        Decision::hub(name)
    }

    #[test]
    fn a_5_an_accepted_registration_is_told_in_two_members() {
        let accepted = begun(None, 1).reply_accepted();

        assert_eq!(
            serde_json::to_string(&accepted).unwrap(),
            r#"{"operationId":"5.4d1a.0b7c","status":"assigning"}"#
        );
    }

    #[test]
    fn f_4_a_disabled_enrollment_is_accepted_and_told_at_the_poll() {
        let id = "pump-0042".parse().unwrap();

        let record = begin(None, intake(&id, &group("disabled")), at(1));

        assert_eq!(record.reply_accepted().status, Status::Assigning);
        assert_eq!(
            serde_json::to_string(&record.reply(&"2021-06-01".parse().unwrap())).unwrap(),
            r#"{"operationId":"5.4d1a.0b7c","status":"disabled","registrationState":{"registrationId":"pump-0042","status":"disabled"}}"#
        );
    }

    #[test]
    fn f_6_an_assignment_makes_the_identity_with_the_keys_of_the_device() {
        let record = begun(None, 1);
        let finding = Finding {
            enrollment: &group("enabled"),
            decision: hub("west"),
            reprovisioning: Reprovisioning::Migrate,
            on_same_hub: ResetOnSameHub::default(),
        };

        let Conclusion { changes, displaced, .. } = conclude(record, finding, |_| None, at(2));

        let [Change::PutHubDevice(device), Change::PutDevice(record)] = &changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!(record.assignment.as_ref().unwrap().key(), device.key());
        assert!(matches!(device.authentication, Authentication::Keys { .. }));
        assert!(displaced.is_empty());
    }

    #[test]
    fn a_5_the_assigned_reply_member_by_member() {
        let record = concluded(
            begun(None, 1_772_439_330),
            hub("hub-west.azure-devices.net"),
            at(1_772_439_331),
        );

        let reply = |version: &str| {
            serde_json::to_string(&record.reply(&version.parse().unwrap())).unwrap()
        };

        assert_eq!(
            reply("2021-06-01"),
            concat!(
                r#"{"operationId":"5.4d1a.0b7c","status":"assigned","registrationState":{"#,
                r#""symmetricKey":{"enrollmentGroupId":"pumps"},"registrationId":"pump-0042","#,
                r#""createdDateTimeUtc":"2026-03-02T08:15:30Z","assignedHub":"hub-west.azure-devices.net","#,
                r#""deviceId":"pump-0042","status":"assigned","substatus":"initialAssignment","#,
                r#""lastUpdatedDateTimeUtc":"2026-03-02T08:15:31Z","#,
                r#""etag":"IjAwMDAwMDA3LTAwMDAtMDMwMC0wMDAwLTY5YTU0NzIzMDAwMCI="}}"#
            )
        );
        assert!(!reply("2019-03-31").contains("symmetricKey"), "J-6");
    }

    #[test]
    fn f_4_the_failed_reply_member_by_member() {
        let decision = Decision::Failed {
            code: ErrorCode::CUSTOM_ALLOCATION_FAILED,
            message: "Custom allocation failed with status code: 400".to_owned(),
            hint: String::new(),
        };

        let record = concluded(begun(None, 1_772_439_330), decision, at(1_772_439_331));

        assert_eq!(
            serde_json::to_string(&record.reply(&"2021-06-01".parse().unwrap())).unwrap(),
            concat!(
                r#"{"operationId":"5.4d1a.0b7c","status":"failed","registrationState":{"registrationId":"pump-0042","#,
                r#""createdDateTimeUtc":"2026-03-02T08:15:30Z","status":"failed","errorCode":400207,"#,
                r#""errorMessage":"Custom allocation failed with status code: 400","#,
                r#""lastUpdatedDateTimeUtc":"2026-03-02T08:15:31Z","#,
                r#""etag":"IjAwMDAwMDA3LTAwMDAtMDMwMC0wMDAwLTY5YTU0NzIzMDAwMCI="}}"#
            )
        );
    }

    #[test]
    fn f_6_the_same_hub_again_is_told_by_api_version() {
        let first = concluded(begun(None, 1), hub("west"), at(2));

        let again = concluded(begun(Some(&first), 3), hub("west"), at(4));

        let substatus = |version: &str| {
            again.reply(&version.parse().unwrap()).registration_state.unwrap().substatus
        };
        assert_eq!(substatus("2019-03-31"), Some(Substatus::InitialAssignment));
        assert_eq!(substatus("2021-06-01"), Some(Substatus::ReprovisionedToInitialAssignment));
        assert_eq!(again.created, first.created, "the record is the same one");
        assert_ne!(again.etag, first.etag);
    }

    #[test]
    fn a_9_the_result_of_the_operation_before_can_still_be_asked_for() {
        let first = concluded(begun(None, 1), hub("west"), at(2));
        let second =
            DeviceRecord { operation_id: "5.second".parse().unwrap(), ..begun(Some(&first), 3) };

        let third = begun(Some(&second), 4);

        assert_eq!(second.operation("5.4d1a.0b7c").unwrap().outcome, first.outcome);
        assert!(third.operation("5.second").is_some());
        assert!(third.operation("5.third").is_none());
        assert_eq!(
            third.before.unwrap().before,
            None,
            "nothing grows with the number of registrations"
        );
    }

    #[test]
    fn f_2_the_middle_of_an_operation_id_names_the_device() {
        let id = |scope: &str, device: &str| {
            operation_id(&scope.parse().unwrap(), &device.parse().unwrap(), uuid::Uuid::nil())
                .to_string()
        };

        assert_eq!(id("0ne0012AB34", "Pump-0042"), id("0NE0012ab34", "pump-0042"));
        let parts: Vec<_> = id("s", "a").split('.').map(str::len).collect();
        assert_eq!(parts, [1, 16, 36]);
    }
}
