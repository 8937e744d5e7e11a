//! Registration records.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::json::{Chain, Der, Request, Unreadable, from_json};
use super::{text, time};
use crate::service::enrollment::Kind;
use crate::service::record::{
    Assignment, DeviceRecord, EnrollmentName, Outcome, PendingAllocation, ProvenBy,
};
use crate::wire::{
    ApiVersion, DeviceId, ErrorCode, Etag, HubName, OperationId, Payload, RegistrationId,
    Substatus, TpmKeys,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceRow {
    #[serde(with = "text")]
    registration_id: RegistrationId,
    enrollment: EnrollmentRow,
    #[serde(with = "ProvenByRow")]
    proven_by: ProvenBy,
    #[serde(with = "text")]
    operation_id: OperationId,
    outcome: OutcomeRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assignment: Option<AssignmentRow>,
    #[serde(with = "time")]
    created: SystemTime,
    #[serde(with = "time")]
    updated: SystemTime,
    #[serde(with = "text")]
    etag: Etag,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Box<DeviceRow>>,
}

#[derive(Serialize, Deserialize)]
struct EnrollmentRow {
    #[serde(with = "KindRow")]
    kind: Kind,
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Kind", rename_all = "camelCase")]
enum KindRow {
    Individual,
    Group,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ProvenBy", rename_all = "camelCase")]
enum ProvenByRow {
    SymmetricKey,
    X509,
    Tpm,
}

// The variant stands outside: inside, serde would have to take the payload apart to find it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum OutcomeRow {
    Assigning {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<Payload>,
        #[serde(with = "text")]
        api_version: ApiVersion,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificate: Option<Box<Der>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tpm: Option<TpmKeys>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<Box<Request>>,
    },
    Assigned {
        substatus: Substatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<Payload>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authentication_key: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issued: Option<Chain>,
    },
    Failed {
        code: ErrorCode,
        message: String,
    },
    Disabled,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentRow {
    hub: HubName,
    device_id: DeviceId,
}

/// A record as JSON.
pub(in crate::service::store) fn encode(
    record: &DeviceRecord,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&DeviceRow::from(record))
}

/// A record from JSON.
pub(in crate::service::store) fn decode(json: &[u8]) -> Result<DeviceRecord, Unreadable> {
    from_json::<DeviceRow>(json).map(DeviceRecord::from)
}

impl From<&DeviceRecord> for DeviceRow {
    fn from(record: &DeviceRecord) -> Self {
        let EnrollmentName { kind, name } = record.enrollment.clone();
        let assignment = record.assignment.clone();
        Self {
            registration_id: record.registration_id.clone(),
            enrollment: EnrollmentRow { kind, name: (*name).into() },
            proven_by: record.proven_by,
            operation_id: record.operation_id.clone(),
            outcome: record.outcome.clone().into(),
            assignment: assignment
                .map(|Assignment { hub, device_id }| AssignmentRow { hub, device_id }),
            created: record.created,
            updated: record.updated,
            etag: record.etag.clone(),
            before: record.before.as_deref().map(|before| Box::new(before.into())),
        }
    }
}

impl From<DeviceRow> for DeviceRecord {
    fn from(row: DeviceRow) -> Self {
        let EnrollmentRow { kind, name } = row.enrollment;
        Self {
            registration_id: row.registration_id,
            enrollment: EnrollmentName { kind, name: name.into() },
            proven_by: row.proven_by,
            operation_id: row.operation_id,
            outcome: row.outcome.into(),
            assignment: row
                .assignment
                .map(|AssignmentRow { hub, device_id }| Assignment { hub, device_id }),
            created: row.created,
            updated: row.updated,
            etag: row.etag,
            before: row.before.map(|before| Box::new((*before).into())),
        }
    }
}

impl From<Outcome> for OutcomeRow {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Assigning(pending) => {
                let PendingAllocation { payload, api_version, certificate, tpm, request } =
                    *pending;
                let request = request.map(|it| Box::new(Request(it)));
                let certificate = certificate.map(|it| Box::new(Der(it)));
                Self::Assigning { payload, api_version, certificate, tpm, request }
            }
            Outcome::Assigned { substatus, payload, authentication_key, issued } => {
                let issued = issued.map(Chain);
                Self::Assigned { substatus, payload, authentication_key, issued }
            }
            Outcome::Failed { code, message } => Self::Failed { code, message },
            Outcome::Disabled => Self::Disabled,
        }
    }
}

impl From<OutcomeRow> for Outcome {
    fn from(row: OutcomeRow) -> Self {
        match row {
            OutcomeRow::Assigning { payload, api_version, certificate, tpm, request } => {
                let request = request.map(|it| it.0);
                let certificate = certificate.map(|it| it.0);
                let pending = PendingAllocation { payload, api_version, certificate, tpm, request };
                Self::Assigning(Box::new(pending))
            }
            OutcomeRow::Assigned { substatus, payload, authentication_key, issued } => {
                let issued = issued.map(|it| it.0);
                Self::Assigned { substatus, payload, authentication_key, issued }
            }
            OutcomeRow::Failed { code, message } => Self::Failed { code, message },
            OutcomeRow::Disabled => Self::Disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::attestation::Certificate;
    use crate::pki::{CertificateRequest, TestCertificate, new_request};
    use crate::service::record::IssuedChain;

    fn certificate() -> Certificate {
        let made = TestCertificate::self_signed("pump-0042").unwrap();
        Certificate::from_der(made.chain()[0].clone()).unwrap()
    }

    /// A `null` is no payload (A.5), so none is ever kept.
    fn payload() -> impl Strategy<Value = Option<Payload>> {
        let json = prop_oneof![
            Just(r#"{"z":1.50,"a":[1e3,"ü \" \\"]}"#.to_owned()),
            any::<f64>()
                .prop_filter("JSON has no others", |n| n.is_finite())
                .prop_map(|n| format!("[{n:?}]")),
            Just(format!("{}{}", "[".repeat(120), "]".repeat(120))),
            ".{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        option::of(json.prop_map(|json| json.parse().unwrap()))
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        let certificate = certificate();
        let chain = IssuedChain::from(vec![certificate.der().clone(); 2]);
        let tpm = option::of((option::of("[A-Za-z]{8}"), option::of("[A-Za-z]{8}")));
        let tpm = tpm.prop_map(|keys| {
            keys.map(|(endorsement_key, storage_root_key)| TpmKeys {
                endorsement_key,
                storage_root_key,
            })
        });
        let request =
            CertificateRequest::from_der(new_request("pump-0042").unwrap().der()).unwrap();
        let pending = (payload(), any::<bool>(), tpm, any::<bool>());
        let pending = pending.prop_map(move |(payload, has_certificate, tpm, asks)| {
            Outcome::Assigning(Box::new(PendingAllocation {
                payload,
                api_version: "2018-09-01-preview".parse().unwrap(),
                certificate: has_certificate.then(|| certificate.clone()),
                tpm,
                request: asks.then(|| request.clone()),
            }))
        });
        let word = prop_oneof![
            Just(Substatus::InitialAssignment),
            Just(Substatus::DeviceDataMigrated),
            Just(Substatus::DeviceDataReset),
            Just(Substatus::ReprovisionedToInitialAssignment),
        ];
        prop_oneof![
            pending,
            (word, payload(), option::of("[A-Za-z0-9+/]{8}"), any::<bool>()).prop_map(
                move |(substatus, payload, authentication_key, has_chain)| Outcome::Assigned {
                    substatus,
                    payload,
                    authentication_key,
                    issued: has_chain.then(|| chain.clone()),
                }
            ),
            (any::<u32>(), ".{0,20}")
                .prop_map(|(code, message)| Outcome::Failed { code: ErrorCode(code), message }),
            Just(Outcome::Disabled),
        ]
    }

    fn moment() -> impl Strategy<Value = SystemTime> {
        (0..4_000_000_000_u64, 0..1_000_000_000_u32)
            .prop_map(|(seconds, nanos)| UNIX_EPOCH + Duration::new(seconds, nanos))
    }

    fn alone() -> impl Strategy<Value = DeviceRecord> {
        let proven_by =
            prop_oneof![Just(ProvenBy::X509), Just(ProvenBy::SymmetricKey), Just(ProvenBy::Tpm)];
        let who = ("[A-Za-z0-9._:-]{0,20}[a-z]", any::<bool>(), ".{0,10}", proven_by);
        let what = (outcome(), option::of(("[a-z-]{1,20}", "[A-Za-z0-9#@%?]{1,10}")));
        let when = (moment(), moment(), any::<u32>(), "[!-~]{1,60}");
        (who, what, when).prop_map(|(who, (outcome, assignment), (created, updated, salt, id))| {
            DeviceRecord {
                registration_id: who.0.parse().unwrap(),
                enrollment: EnrollmentName {
                    kind: if who.1 { Kind::Group } else { Kind::Individual },
                    name: who.2.into(),
                },
                proven_by: who.3,
                operation_id: id.parse().unwrap(),
                outcome,
                assignment: assignment.map(|(hub, device_id)| Assignment {
                    hub: hub.parse().unwrap(),
                    device_id: device_id.parse().unwrap(),
                }),
                created,
                updated,
                etag: Etag::new(updated, salt),
                before: None,
            }
        })
    }

    proptest! {
        #[test]
        fn a_registration_record_is_read_back_as_it_was(record in alone(), before in option::of(alone())) {
            let record = DeviceRecord { before: before.map(Box::new), ..record };

            let json = encode(&record).unwrap();

            prop_assert_eq!(decode(&json).unwrap(), record);
        }

        #[test]
        fn what_is_no_record_is_unreadable_and_nothing_panics(json in "[{}\\[\\]\":,a-z0-9 ]{0,60}") {
            prop_assert!(decode(json.as_bytes()).is_err());
        }
    }

    #[test]
    fn an_error_does_not_repeat_what_it_found() {
        let error = decode(br#"{"registrationId":"c2VjcmV0 ","enrollment":7}"#).unwrap_err();

        assert_eq!(error, Unreadable::Shape(29));
        assert_eq!(error.to_string(), "its JSON is not what is expected, at byte 29");
    }

    #[test]
    fn members_that_a_later_version_adds_do_no_harm() {
        let json =
            br#"{"registrationId":"a","enrollment":{"kind":"group","name":"g"},"provenBy":"x509",
            "operationId":"5.a","outcome":"disabled","created":"2026-03-02T08:15:30Z",
            "updated":"2026-03-02T08:15:30.000000001Z","etag":"a-1","quota":{"left":3}}"#;

        assert_eq!(decode(json).unwrap().outcome, Outcome::Disabled);
    }
}
