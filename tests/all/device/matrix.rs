//! Every transport with every kind of identity and every outcome that a service can bring about by
//! itself. What only a faulty one does (5xx, lost connections) is in `transports`.

use std::time::Duration;

use futures_util::future::join_all;
use provision_sim::attestation::{DeviceCertificate, DeviceKey};
use provision_sim::device::{
    Class, Credential, Error, Notice, ProvisioningClient, Registered, Settings, Transport,
};
use provision_sim::local_service::LocalServiceBuilder;
use provision_sim::pki::TestCertificate;
use provision_sim::service::{Quota, Quotas};
use provision_sim::wire::ErrorCode;
use provision_sim::{AllocationAnswer, EnrollmentBuilder, LocalService};

const TRANSPORTS: [Transport; 5] =
    [Transport::Mqtt, Transport::MqttWs, Transport::Https, Transport::Amqp, Transport::AmqpWs];
const ID: &str = "pump-0042";
const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

/// A device with its proof, and the enrollment that goes with it.
struct Identity {
    name: &'static str,
    credential: Credential,
    enrollment: EnrollmentBuilder,
    /// Another device's proof.
    stranger: Credential,
}

fn certified(name: &str) -> (Credential, String) {
    let made = TestCertificate::self_signed(name).unwrap();
    let key = made.key_pem();
    let certificate =
        DeviceCertificate::read(made.pem().as_bytes(), Some(key.as_bytes()), None).unwrap();
    (Credential::X509(certificate), made.pem().to_owned())
}

fn identities() -> [Identity; 2] {
    let (own, pem) = certified(ID);
    let (stranger, _) = certified(ID);
    let enrollment = || EnrollmentBuilder::individual(ID);
    [
        Identity {
            name: "symmetric key",
            credential: Credential::SymmetricKey(KEY.parse().unwrap()),
            enrollment: enrollment().symmetric_key(KEY),
            stranger: Credential::SymmetricKey(DeviceKey::generate()),
        },
        Identity { name: "X.509", credential: own, enrollment: enrollment().x509(&pem), stranger },
    ]
}

/// Runs a device of each kind over each transport, all side by side, each against a service of its
/// own that `set_up` makes.
async fn each(
    set_up: impl Fn(EnrollmentBuilder) -> LocalServiceBuilder,
    change: impl Fn(&Identity, Settings) -> Settings,
    check: impl Fn(&str, Result<Registered, Error>, &[Notice]),
) {
    let identities = identities();
    let cases = identities.iter().flat_map(|it| TRANSPORTS.map(|transport| (it, transport)));
    let register = async |(identity, transport): (&Identity, Transport)| {
        let service = set_up(identity.enrollment.clone()).start().await.unwrap();
        let settings = Settings {
            transport,
            credential: identity.credential.clone(),
            ..service.device_settings(&ID.parse().unwrap())
        };
        let settings = change(identity, settings);
        let mut notices = Vec::new();
        let mut notify = |notice| notices.push(notice);
        let result = ProvisioningClient::new(settings).register(&mut notify).await;
        check(&format!("{} over {transport:?}", identity.name), result, &notices);
    };
    join_all(cases.map(register)).await;
}

fn plain(enrollment: EnrollmentBuilder) -> LocalServiceBuilder {
    LocalService::builder().enrollment(enrollment)
}

#[tokio::test]
async fn assigned() {
    each(
        plain,
        |_, settings| settings,
        |case, result, _| {
            assert_eq!(result.expect(case).assigned_hub, LocalService::DEFAULT_HUB, "{case}");
        },
    )
    .await;
}

#[tokio::test]
async fn f_4_failed_by_the_webhook() {
    let refusing = |enrollment: EnrollmentBuilder| {
        plain(enrollment.allocation_function(|_| AllocationAnswer::refuse("no")))
    };
    each(
        refusing,
        |_, settings| settings,
        |case, result, _| match result {
            Err(Error::Failed { code, .. }) => {
                assert_eq!(code, Some(ErrorCode::CUSTOM_ALLOCATION_FAILED), "{case}");
            }
            other => panic!("{case}: {other:?}"),
        },
    )
    .await;
}

#[tokio::test]
async fn f_4_disabled() {
    let disabled = |enrollment: EnrollmentBuilder| plain(enrollment.disabled());
    each(
        disabled,
        |_, settings| settings,
        |case, result, _| {
            assert!(matches!(result, Err(Error::Disabled { .. })), "{case}: {result:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_6_refused_with_401() {
    let as_stranger = |identity: &Identity, settings| Settings {
        credential: identity.stranger.clone(),
        ..settings
    };
    each(plain, as_stranger, |case, result, _| {
        let error = result.expect_err(case);
        assert!(matches!(error, Error::Unauthorized(_)), "{case}: {error}");
        assert_eq!(error.class(), Class::Identity, "{case}");
    })
    .await;
}

#[tokio::test]
async fn a_6_j_29_another_id_scope() {
    let elsewhere =
        |_: &Identity, settings| Settings { id_scope: "0neFFFFFFFF".parse().unwrap(), ..settings };
    each(plain, elsewhere, |case, result, _| {
        let error = result.expect_err(case);
        assert!(
            matches!(error, Error::ConnectRefused { .. } | Error::Rejected(_)),
            "{case}: {error}"
        );
        assert_eq!(error.class(), Class::NotAssigned, "{case}");
    })
    .await;
}

#[tokio::test]
async fn h_3_throttled_then_assigned() {
    // The one poll that is let through comes too soon for the result.
    let throttling = |enrollment: EnrollmentBuilder| {
        let mut quotas = Quotas::NONE;
        quotas.set(Quota::Polls, Some("1/3s".parse().unwrap()));
        plain(enrollment).quotas(quotas).assigning_polls(1)
    };
    each(
        throttling,
        |_, settings| settings,
        |case, result, notices| {
            result.expect(case);
            let is_busy = |notice: &Notice| matches!(notice, Notice::Busy { .. });
            assert!(notices.iter().any(is_busy), "{case}: {notices:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn the_deadline() {
    let slow = |enrollment: EnrollmentBuilder| plain(enrollment).assigning_polls(u32::MAX);
    let soon = |_: &Identity, settings| Settings { timeout: Duration::from_secs(2), ..settings };
    each(slow, soon, |case, result, _| match result {
        Err(Error::Deadline(deadline)) => {
            assert!(deadline.operation_id.is_some(), "{case}: {deadline:?}");
        }
        other => panic!("{case}: {other:?}"),
    })
    .await;
}
