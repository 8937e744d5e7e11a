//! Why a provisioned device and its hub do not come together: which entry it is, and what is known on
//! this side.

use super::catalogue::entry;
use super::clues::told;
use super::entry::About;
use super::facts::Clue;
use super::{Context, Entry, Explanation};
use crate::device::{
    Breach, Class, ConnectPhase, HubBreach, HubError, HubSettings, HubWaiting, NetworkError,
};
use crate::net::{DialError, TlsFault};
use crate::text::Foreign;
use crate::wire::ConnectCode;

/// The entry of a failed visit to the hub.
pub fn entry_of_hub_error(error: &HubError) -> &'static Entry {
    let key = key(error);
    entry(key).unwrap_or_else(|| unreachable!("a test looks up every key: {key}"))
}

/// Explains a failed visit to `hub`, by a device that `context` is known of.
pub fn explain_hub(error: &HubError, hub: &HubSettings, context: &Context) -> Explanation {
    let clues = clue(error, hub, context).into_iter().collect();
    told(entry_of_hub_error(error), clues, context.is_local, context)
}

fn key(error: &HubError) -> &'static str {
    match error {
        HubError::Network(error) => network(error),
        HubError::Refused { code } => match code {
            ConnectCode::BadUserNameOrPassword | ConnectCode::NotAuthorized => "hub-identity",
            ConnectCode::ServerUnavailable => "hub-unavailable",
            ConnectCode::Accepted
            | ConnectCode::UnacceptableProtocolVersion
            | ConnectCode::IdentifierRejected => "hub-refused",
        },
        HubError::Token { .. } | HubError::Denied { .. } if error.class() == Class::Identity => {
            "hub-identity"
        }
        HubError::Token { .. } => "hub-busy",
        HubError::Denied { condition, .. } => match &**condition {
            "com.microsoft:device-container-throttled"
            | "amqp:resource-limit-exceeded"
            | "amqp:internal-error"
            | "amqp:connection:forced" => "hub-busy",
            _ => "hub-denied",
        },
        HubError::Breach(HubBreach::Protocol(Breach::NotHttp { .. })) => "hub-upgrade",
        HubError::Breach(_) => "hub-protocol",
        HubError::Status { status: 400, .. } => "hub-properties",
        HubError::Status { .. } => "hub-busy",
        HubError::Signer(_) => "signer",
        HubError::Lost(_) => "hub-lost",
        HubError::Silent(HubWaiting::Connect(
            ConnectPhase::Dns | ConnectPhase::Tcp | ConnectPhase::Proxy,
        )) => "hub-deadline-connect",
        HubError::Silent(_) => "hub-deadline",
        HubError::Missed(_) => "hub-missed",
        HubError::NotIssued(failure) => not_issued(failure.error_code.0),
        HubError::Issued(_) => "hub-issued",
        HubError::Profile(_) => "hub-profile",
        HubError::NotByAmqp { .. } => "hub-not-by-amqp",
    }
}

/// By the hub's number (I.4), which of one meaning has been another in the course of time.
fn not_issued(code: u32) -> &'static str {
    match code {
        400_004 | 400_006 | 400_037 | 400_040 => "hub-csr",
        409_004 | 409_005 => "hub-csr-under-way",
        412_001 => "hub-csr-replaced",
        412_005 => "hub-csr-authority",
        429_002 | 429_003 | 500_001 | 503_001 | 503_102 => "hub-csr-later",
        _ => "hub-csr-refused",
    }
}

fn network(error: &NetworkError) -> &'static str {
    match error {
        NetworkError::Dial(error) => match error {
            DialError::Resolve { .. } => "hub-dns",
            DialError::Connect { .. } => "hub-connect",
            DialError::Proxy { .. } => "hub-proxy",
            DialError::Tls { fault, .. } => match fault {
                TlsFault::WrongName { .. } => "hub-tls-wrong-name",
                TlsFault::UnknownIssuer => "hub-tls-unknown-issuer",
                fault if fault.is_about_certificate() => "hub-tls-certificate",
                _ => "hub-tls",
            },
        },
        NetworkError::Alert { .. } => "hub-tls",
        NetworkError::Upgrade(_) => "hub-upgrade",
        NetworkError::ClosedBeforeConnack
        | NetworkError::ClosedBeforeOpen(_)
        | NetworkError::Unanswered { .. }
        | NetworkError::NoAnswer { .. } => "hub-closed",
    }
}

/// What can be said of this hub and this device.
fn clue(error: &HubError, hub: &HubSettings, context: &Context) -> Option<Clue> {
    let (name, device) = (hub.hub(), hub.device_id());
    match key(error) {
        "hub-identity" => {
            let cause = format!("{name} has no device {device}, or has it disabled");
            let clue = Clue::new(About::Id, cause);
            Some(clue.remedy("register again: that brings device and hub into line"))
        }
        "hub-dns" => {
            let cause = format!("there is no hub of the name {name}: it was deleted, or never was");
            let clue = Clue::new(About::Host, cause);
            Some(match context.is_loopback() {
                true => clue.remedy(format!(
                    "a local service stands for its hubs: --local, or --hub-gateway {}",
                    context.endpoint
                )),
                false => clue,
            })
        }
        "hub-csr-under-way" => {
            let HubError::NotIssued(failure) = error else { return None };
            let info = failure.info.as_ref()?;
            let request = Foreign::short(info.request_id.as_deref()?);
            let until = info.operation_expires.as_deref().unwrap_or("it is done");
            let cause = format!(
                "{device} has asked {name} as {request}, which holds until {}",
                Foreign::short(until)
            );
            Some(
                Clue::new(About::Any, cause).remedy(format!("take its place: --replace {request}")),
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::DeviceKey;
    use crate::device::{Credential, IssuedFault, Loss, Settings, Transport};
    use crate::explain::{GivenKey, Proof};
    use crate::net::{Endpoint, ProxyFault, Trust, client_config};
    use crate::pki::TestCertificate;
    use crate::wire::{ConnectionProfile, ErrorCode, IssueFailure, IssueFailureInfo};

    fn dial(error: DialError) -> HubError {
        HubError::Network(NetworkError::Dial(error))
    }

    fn gone() -> HubError {
        dial(DialError::Resolve { host: "h.net".to_owned(), reason: String::new() })
    }

    fn refused(code: ConnectCode) -> HubError {
        HubError::Refused { code }
    }

    fn not_issued(code: u32) -> HubError {
        let info = IssueFailureInfo {
            request_id: Some("9bd1-77".to_owned()),
            operation_expires: Some("2026-01-31T12:52:20Z".to_owned()),
            ..IssueFailureInfo::default()
        };
        HubError::NotIssued(Box::new(IssueFailure {
            error_code: ErrorCode(code),
            message: "no".to_owned(),
            tracking_id: String::new(),
            timestamp_utc: String::new(),
            info: Some(info),
            retry_after: None,
        }))
    }

    #[test]
    fn every_failure_at_a_hub_has_an_entry_of_its_class() {
        let host: Endpoint = "h.net:8883".parse().unwrap();
        let tls = |fault| dial(DialError::Tls { host: host.clone(), fault });
        let not_http = Breach::NotHttp { reason: String::new() };
        let proxy = DialError::Proxy { proxy: host.clone(), fault: ProxyFault::Closed };
        let status = |status| HubError::Status { request: "the report", status };
        let denied = |condition: &str| HubError::Denied {
            what: "the link to the twin",
            condition: condition.to_owned(),
            description: None,
        };
        let token = |status| HubError::Token { status, description: None };
        let errors = [
            token(401),
            token(500),
            denied("amqp:not-found"),
            denied("amqp:internal-error"),
            denied("amqp:not-allowed"),
            gone(),
            dial(proxy),
            tls(TlsFault::WrongName { expected: String::new(), presented: vec![] }),
            tls(TlsFault::UnknownIssuer),
            tls(TlsFault::Expired(std::time::Duration::ZERO)),
            tls(TlsFault::NotTls),
            HubError::Network(NetworkError::Alert { alert: "unknown_ca".to_owned() }),
            HubError::Network(NetworkError::ClosedBeforeConnack),
            refused(ConnectCode::UnacceptableProtocolVersion),
            refused(ConnectCode::IdentifierRejected),
            refused(ConnectCode::ServerUnavailable),
            refused(ConnectCode::BadUserNameOrPassword),
            refused(ConnectCode::NotAuthorized),
            HubError::Breach(HubBreach::Protocol(not_http)),
            HubError::Breach(HubBreach::SubscriptionRefused),
            status(400),
            status(429),
            HubError::Lost(Loss::Closed),
            HubError::Silent(HubWaiting::Connect(ConnectPhase::Tcp)),
            HubError::Silent(HubWaiting::Answer("the report")),
            HubError::Missed(3),
            HubError::Silent(HubWaiting::Certificate),
            HubError::Issued(IssuedFault::Empty),
            HubError::NotByAmqp { transport: Transport::Amqp },
            HubError::Profile(ConnectionProfile::MqttV5),
            not_issued(400_040),
            not_issued(409_005),
            not_issued(412_001),
            not_issued(412_005),
            not_issued(429_002),
            not_issued(403_010),
        ];
        let mut keys = std::collections::BTreeSet::new();
        for error in errors {
            let entry = entry_of_hub_error(&error);
            assert_eq!(entry.class, error.class(), "{error}");
            keys.insert(entry.key);
        }
        for key in ["hub-connect", "hub-upgrade"] {
            keys.insert(entry(key).unwrap().key);
        }
        let all = super::super::entries().filter(|entry| entry.key.starts_with("hub-")).count();
        assert_eq!(keys.len(), all, "{keys:?}");
    }

    fn explained(error: &HubError, endpoint: &str) -> Explanation {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let key: DeviceKey = "AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap();
        let settings = Settings::new(
            endpoint.parse().unwrap(),
            "0ne00002193".parse().unwrap(),
            "pump-0042".parse().unwrap(),
            Credential::SymmetricKey(key.clone()),
            client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
        );
        let context = Context {
            endpoint: settings.endpoint.clone(),
            id_scope: Some(settings.id_scope.clone()),
            registration_id: settings.registration_id.clone(),
            proof: Some(Proof::Key(GivenKey::Device(key))),
            skew: None,
            group: None,
            is_local: false,
            proxy: None,
            ca_file: None,
        };
        let hub = HubSettings::new(
            &settings,
            &"h.azure-devices.net".parse().unwrap(),
            &"p-42".parse().unwrap(),
        )
        .unwrap();
        explain_hub(error, &hub, &context)
    }

    #[test]
    fn i_1_a_hub_that_refuses_the_device_is_explained_by_its_name() {
        let Explanation { causes, remedies, .. } =
            explained(&refused(ConnectCode::NotAuthorized), "a.net");

        assert_eq!(causes[0], "h.azure-devices.net has no device p-42, or has it disabled");
        assert!(causes[1].contains("another key"), "{causes:?}");
        assert_eq!(remedies[0], "register again: that brings device and hub into line");
        assert!(!causes.iter().any(|cause| cause.contains("certificate")), "{causes:?}");
    }

    #[test]
    fn i_4_a_request_that_is_under_way_is_named_with_how_to_take_its_place() {
        let told = explained(&not_issued(409_005), "a.net");

        let cause =
            "p-42 has asked h.azure-devices.net as 9bd1-77, which holds until 2026-01-31T12:52:20Z";
        assert_eq!(told.causes[0], cause);
        assert_eq!(told.remedies[0], "take its place: --replace 9bd1-77");
    }

    #[test]
    fn a_hub_without_an_address_leads_to_the_gateway_where_the_service_is_a_local_one() {
        let here = explained(&gone(), "127.0.0.1:8883");
        let there = explained(&gone(), "a.net");

        let local = "a local service stands for its hubs: --local, or --hub-gateway 127.0.0.1:8883";
        assert_eq!(here.remedies, [local]);
        assert!(there.remedies[0].starts_with("--hub-gateway HOST"), "{there:?}");
    }
}
