//! The device whose key is kept elsewhere: whoever keeps it is asked for signatures (D.4).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use provision_sim::attestation::{Asked, DeviceKey, GroupKey, Signer, SignerError};
use provision_sim::device::{
    Class, Credential, Error, HubClient, HubError, ProvisioningClient, Registered, Settings,
    Transport,
};
use provision_sim::sources::Clock;

use crate::support::service::device::{self, hub};
use crate::support::service::setup::{PRIMARY_KEY, Setup, TestService};

const ID: &str = "pump-0042";
const ALL: [Transport; 5] =
    [Transport::Mqtt, Transport::MqttWs, Transport::Https, Transport::Amqp, Transport::AmqpWs];

/// Stands for hardware that has the key, and may be pulled out.
#[derive(Debug)]
struct Module {
    key: DeviceKey,
    /// How often it still signs.
    signs: AtomicUsize,
}

impl Module {
    fn that_signs(times: usize) -> Arc<Self> {
        let key: GroupKey = PRIMARY_KEY.parse().unwrap();
        Arc::new(Self { key: key.derive(&ID.parse().unwrap()), signs: AtomicUsize::new(times) })
    }
}

impl Signer for Module {
    fn signature<'a>(&'a self, message: &'a [u8]) -> Asked<'a, [u8; 32], SignerError> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let left = self
                .signs
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            left.map_err(|_| SignerError("it was pulled out".to_owned()))?;
            Ok(self.key.sign(message))
        })
    }
}

fn settings(service: &TestService, transport: Transport, module: Arc<Module>) -> Settings {
    device::settings(service, ID, transport, Credential::Signer(module))
}

async fn register(settings: &Settings) -> Result<Registered, Error> {
    ProvisioningClient::new(settings.clone()).register(&mut |_| {}).await
}

#[tokio::test]
async fn d_4_who_keeps_the_key_signs_for_dps_and_for_the_hub_over_every_transport() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    for transport in ALL {
        let settings = settings(&service, transport, Module::that_signs(usize::MAX));

        let registered = register(&settings).await.unwrap();
        let connected =
            HubClient::connect(&hub(&settings, &registered, settings.transport)).await.unwrap();

        connected.twin().await.unwrap();
        connected.close().await;
    }
}

#[tokio::test]
async fn j_400_without_a_signature_nothing_is_sent_and_the_error_says_whose_fault_it_is() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    for transport in ALL {
        let settings = settings(&service, transport, Module::that_signs(0));

        let error = register(&settings).await.unwrap_err();

        assert!(matches!(error, Error::Signer(_)), "{transport}: {error:?}");
        assert_eq!((error.class(), error.kind()), (Class::Identity, "signer"));
        assert_eq!(error.to_string(), "the device's key does not sign: it was pulled out");
    }
}

/// Each request over HTTPS has a token of its own (B.2).
#[tokio::test]
async fn j_400_a_module_that_is_pulled_out_ends_a_registration_and_is_no_reason_for_another() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;

    let settings = settings(&service, Transport::Https, Module::that_signs(1));
    let registering = register(&settings).await.unwrap_err();
    let settings = Settings {
        transport: Transport::Mqtt,
        credential: Credential::Signer(Module::that_signs(1)),
        ..settings
    };
    let registered = register(&settings).await.unwrap();
    let connecting =
        HubClient::connect(&hub(&settings, &registered, settings.transport)).await.unwrap_err();

    assert!(matches!(registering, Error::Signer(_)), "{registering:?}");
    assert!(matches!(connecting, HubError::Signer(_)), "{connecting:?}");
    assert!(!connecting.calls_for_provisioning());
}

/// J-360. By its own clock, an hour ahead, its tokens end at once, so that it wants another one; the service takes
/// them for an hour, however long the way to the hub is.
#[tokio::test]
async fn j_400_a_token_that_cannot_be_renewed_ends_the_session() {
    let service = Setup::new().retry_after(Duration::ZERO).start().await;
    let mut settings = settings(&service, Transport::Amqp, Module::that_signs(2));
    settings.sources.clock = Clock::running(SystemTime::now() + Duration::from_secs(3600));
    settings.token_lifetime = Duration::from_secs(2);
    let registered = register(&settings).await.unwrap();
    let at_hub = hub(&settings, &registered, Transport::Amqp);
    let connected = HubClient::connect(&at_hub).await.unwrap();

    let end = connected.desired_changes().next().await.unwrap_err();

    assert!(matches!(end, HubError::Signer(_)), "{end:?}");
}
