//! One registration from request to result, as pure decisions (F.1, F.2).
//!
//! What comes out are [`Action`]s in the order in which they must be done: a record is persisted
//! before anything is said of it. Time and randomness are handed in.

use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::allocation::Decision;
use super::enrollment::Enrollment;
use super::record::{Assignment, DeviceRecord, EnrollmentName, Outcome, ProvenBy};
use super::reprovision::Reprovisioning;
use crate::wire::{Etag, IdScope, OperationId, RegistrationId, RegistrationOperationStatus};

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

/// What the registrar must do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Store the record.
    Persist(DeviceRecord),
    /// Answer the device.
    Reply(RegistrationOperationStatus),
    /// Find a hub, then [`conclude`].
    Allocate(DeviceRecord),
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
}

/// Accepts a registration. The device learns only from a poll that its enrollment is disabled
/// (F.4).
pub fn begin(previous: Option<&DeviceRecord>, intake: Intake<'_>, moment: Moment) -> Vec<Action> {
    let record = DeviceRecord {
        registration_id: intake.registration_id.clone(),
        enrollment: EnrollmentName {
            kind: intake.enrollment.kind(),
            name: intake.enrollment.name().to_owned(),
        },
        proven_by: intake.proven_by,
        operation_id: intake.operation_id,
        outcome: if intake.enrollment.is_enabled() {
            Outcome::Assigning
        } else {
            Outcome::Disabled
        },
        assignment: previous.and_then(|record| record.assignment.clone()),
        created: previous.map_or(moment.now, |record| record.created),
        updated: moment.now,
        etag: moment.etag(),
        before: previous.map(|record| Box::new(DeviceRecord { before: None, ..record.clone() })),
    };
    let reply = Action::Reply(record.reply_accepted());
    let mut actions = vec![Action::Persist(record.clone()), reply];
    if intake.enrollment.is_enabled() {
        actions.push(Action::Allocate(record));
    }
    actions
}

/// Ends a registration with what allocation came to.
pub fn conclude(
    mut record: DeviceRecord,
    enrollment: &Enrollment,
    decision: Decision,
    reprovisioning: Reprovisioning,
    moment: Moment,
) -> DeviceRecord {
    record.outcome = match decision {
        Decision::Failed { code, message, .. } => Outcome::Failed { code, message },
        Decision::Hub { host_name, payload } => {
            let chosen = Assignment {
                hub: host_name,
                // It stays until the record is deleted (F.6).
                device_id: match &record.assignment {
                    Some(earlier) => earlier.device_id.clone(),
                    None => enrollment.device_id(&record.registration_id).to_owned(),
                },
            };
            let (assignment, substatus) = reprovisioning.decide(record.assignment.as_ref(), chosen);
            record.assignment = Some(assignment);
            Outcome::Assigned { substatus, payload }
        }
    };
    record.updated = moment.now;
    record.etag = moment.etag();
    record
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
        }
    }

    fn concluded(record: DeviceRecord, decision: Decision, moment: Moment) -> DeviceRecord {
        conclude(record, &group("enabled"), decision, Reprovisioning::Migrate, moment)
    }

    fn begun(previous: Option<&DeviceRecord>, seconds: u64) -> DeviceRecord {
        let id = "pump-0042".parse().unwrap();
        match &begin(previous, intake(&id, &group("enabled")), at(seconds))[0] {
            Action::Persist(record) => record.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn hub(name: &str) -> Decision {
        Decision::Hub { host_name: name.to_owned(), payload: None }
    }

    #[test]
    fn f_1_a_registration_is_persisted_before_it_is_answered_and_then_allocated() {
        let id = "pump-0042".parse().unwrap();

        let actions = begin(None, intake(&id, &group("enabled")), at(1));

        let [Action::Persist(record), Action::Reply(reply), Action::Allocate(next)] = &actions[..]
        else {
            panic!("{actions:?}");
        };
        assert_eq!(record, next);
        assert_eq!(reply.status, Status::Assigning);
        assert_eq!(reply.registration_state, None, "exactly two members (A.5)");
    }

    #[test]
    fn f_4_a_disabled_enrollment_is_accepted_and_told_at_the_poll() {
        let id = "pump-0042".parse().unwrap();

        let actions = begin(None, intake(&id, &group("disabled")), at(1));

        let [Action::Persist(record), Action::Reply(reply)] = &actions[..] else {
            panic!("{actions:?}")
        };
        assert_eq!(reply.status, Status::Assigning);
        assert_eq!(
            serde_json::to_string(&record.reply(&"2021-06-01".parse().unwrap())).unwrap(),
            r#"{"operationId":"5.4d1a.0b7c","status":"disabled","registrationState":{"registrationId":"pump-0042","status":"disabled"}}"#
        );
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
