//! A registration as a whole.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::attestation::DeviceKey;
use crate::service::allocation::Decision;
use crate::service::enrollment::{Enrollment, Kind, read};
use crate::service::record::{
    Authentication, DeviceRecord, HubDevice, HubKey, IssuerName, PendingAllocation, PendingRecord,
    ProvenBy,
};
use crate::service::reprovision::{Reprovisioning, ResetOnSameHub};
use crate::service::store::Change;
use crate::wire::{ErrorCode, RegistrationId, Status, Substatus};

fn at(seconds: u64) -> Moment {
    Moment { now: UNIX_EPOCH + Duration::from_secs(seconds), salt: 7 }
}

fn group(status: &str) -> Enrollment {
    let json = format!(
        r#"{{"enrollmentGroupId":"pumps","attestation":{{"type":"symmetricKey"}},"provisioningStatus":"{status}"}}"#
    );
    read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 0, None).unwrap()
}

fn accepted<'a>(id: &'a RegistrationId, enrollment: &'a Enrollment) -> Accepted<'a> {
    Accepted {
        registration_id: id,
        enrollment,
        proven_by: ProvenBy::SymmetricKey,
        operation_id: "5.4d1a.0b7c".parse().unwrap(),
        pending: PendingAllocation {
            payload: None,
            api_version: "2021-06-01".parse().unwrap(),
            certificate: None,
            tpm: None,
            request: None,
        },
    }
}

fn concluded(record: PendingRecord, decision: Decision, moment: Moment) -> DeviceRecord {
    let finding = Finding {
        enrollment: &group("enabled"),
        decision,
        reprovisioning: Reprovisioning::Migrate,
        on_same_hub: ResetOnSameHub::default(),
        given: None,
        issued: None,
    };
    conclude(record, finding, |_| None, moment).record.as_ref().clone()
}

fn begun(previous: Option<&DeviceRecord>, seconds: u64) -> PendingRecord {
    let id = "pump-0042".parse().unwrap();
    match begin(previous, accepted(&id, &group("enabled")), at(seconds)) {
        Begun::Pending(pending) => pending,
        Begun::Disabled(_) => panic!("the group is enabled"),
    }
}

fn hub(name: &str) -> Decision {
    Decision::hub(&name.parse().unwrap())
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

    let Begun::Disabled(record) = begin(None, accepted(&id, &group("disabled")), at(1)) else {
        panic!("nothing is left to be found")
    };

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
        given: None,
        issued: None,
    };

    let Conclusion { changes, disconnect, .. } = conclude(record, finding, |_| None, at(2));

    let [Change::PutHubDevice(device), Change::PutDevice(record)] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!(record.assignment.as_ref().unwrap().key(), device.key());
    assert!(matches!(device.authentication, Authentication::Keys { .. }));
    assert!(disconnect.is_empty());
}

#[test]
fn j_440_only_the_devices_own_certificate_stays_and_the_key_of_a_tpm_goes_before_it() {
    let json = r#"{"enrollmentGroupId":"pumps","attestation":{"type":"symmetricKey"},"certificatePolicyName":"default"}"#;
    let enrollment = read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 0, None).unwrap();
    let end = |present: Option<HubDevice>, given: Option<GivenKeys>| {
        let finding = Finding {
            enrollment: &enrollment,
            decision: hub("west"),
            reprovisioning: Reprovisioning::Migrate,
            on_same_hub: ResetOnSameHub::default(),
            given,
            issued: None,
        };
        let known = |_: &HubKey| present.clone().map(Arc::new);
        let Conclusion { changes, .. } = conclude(begun(None, 1), finding, known, at(2));
        let device = changes.iter().find_map(|change| match change {
            Change::PutHubDevice(device) => Some(device.as_ref().clone()),
            _ => None,
        });
        device.or(present).expect("it has a hub")
    };
    let first = end(None, None);
    let with_certificate_of = |name: &str| {
        let issuer = IssuerName {
            namespace: "fleet".to_owned(),
            authority: "line-1".to_owned(),
            policy: "default".to_owned(),
        };
        let common_name = name.to_owned();
        let authentication = Authentication::CertificateAuthority { issuer, common_name };
        HubDevice { authentication, ..first.clone() }
    };
    let given = || GivenKeys {
        authentication: Authentication::Keys {
            primary: DeviceKey::generate(),
            secondary: DeviceKey::generate(),
        },
        encrypted: "AAAA".to_owned(),
    };
    let stays = |present, given| {
        let authentication = end(Some(with_certificate_of(present)), given).authentication;
        matches!(authentication, Authentication::CertificateAuthority { .. })
    };

    assert!(stays("PUMP-0042", None));
    assert!(!stays("the-board-before", None), "another device had its ID at the hub");
    assert!(!stays("pump-0042", Some(given())), "it is told that its TPM's key is good there");
}

#[test]
fn a_5_the_assigned_reply_member_by_member() {
    let record =
        concluded(begun(None, 1_772_439_330), hub("hub-west.azure-devices.net"), at(1_772_439_331));

    let reply =
        |version: &str| serde_json::to_string(&record.reply(&version.parse().unwrap())).unwrap();

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

/// J-34.
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
    let second = DeviceRecord::from(begun(Some(&first), 3));
    let second = DeviceRecord { operation_id: "5.second".parse().unwrap(), ..second };

    let third = DeviceRecord::from(begun(Some(&second), 4));

    assert_eq!(second.operation("5.4d1a.0b7c").unwrap().outcome, first.outcome);
    assert!(third.operation("5.second").is_some());
    assert!(third.operation("5.third").is_none());
    assert_eq!(
        third.before.unwrap().before,
        None,
        "nothing grows with the number of registrations"
    );
}

/// J-38.
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
