//! The device with a TPM over AMQP, whose SASL has a mechanism for it (C-7): in software, and a real one.

use std::sync::Arc;

use provision_sim::attestation::{
    Asked, DeviceKey, Signer, SoftwareTpm, Tpm, TpmError, TpmPublic, TpmPublicKeys, TpmRefusal,
};
use provision_sim::device::{
    AmqpFrame, Credential, Error, HubClient, Notice, ProvisioningClient, Received, Registered,
    RemoteTpm, SaslRefusal, Sent, Settings, Transport,
};

use crate::support::service::device::{self, hub};
use crate::support::service::setup::{HUB_WEST, Setup, TestService};
use crate::support::tpm::Swtpm;

const ID: &str = "pump-tpm";
const BOTH: [Transport; 2] = [Transport::Amqp, Transport::AmqpWs];

fn enrolled(endorsement_key: &TpmPublic) -> Setup {
    Setup::individual_tpm(ID, endorsement_key, "")
}

fn settings(service: &TestService, transport: Transport, tpm: Arc<dyn Tpm>) -> Settings {
    device::settings(service, ID, transport, Credential::Tpm(tpm))
}

async fn register(settings: &Settings) -> (Result<Registered, Error>, Vec<Notice>) {
    let mut notices = Vec::new();
    let client = ProvisioningClient::new(settings.clone());
    let result = client.register(&mut |notice| notices.push(notice)).await;
    (result, notices)
}

/// Signs in at the hub over both of its protocols.
async fn go_to_the_hub(settings: &Settings, registered: &Registered) {
    for transport in [Transport::Amqp, Transport::Mqtt] {
        let connected = HubClient::connect(&hub(settings, registered, transport)).await.unwrap();
        connected.twin().await.unwrap();
        connected.close().await;
    }
}

#[tokio::test]
async fn c_7_a_device_proves_that_it_has_its_tpm_and_its_hub_key_is_good() {
    let tpm = Arc::new(SoftwareTpm::with_one_pair());
    let service = enrolled(tpm.endorsement_key()).start().await;
    for transport in BOTH {
        let settings = settings(&service, transport, tpm.clone());

        let (registered, notices) = register(&settings).await;

        let registered = registered.unwrap();
        assert_eq!(registered.assigned_hub.as_str(), HUB_WEST);
        go_to_the_hub(&settings, &registered).await;
        let said: Vec<_> = notices.iter().filter_map(sasl).collect();
        let wanted = [
            "TPM, no password",
            "challenge of 1",
            "the storage root key",
            "challenge of 384",
            "nothing",
            "challenge of 384",
            "key taken",
            "signed",
            "the SAS token",
            "outcome 0",
            "key taken",
        ];
        assert_eq!(said, wanted, "{transport}");
    }
}

/// What is told of SASL and of keys.
fn sasl(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Sent(Sent::Amqp(AmqpFrame::Init { mechanism, has_password: false, .. })) => {
            format!("{mechanism}, no password")
        }
        Notice::Sent(Sent::Amqp(AmqpFrame::Response { says })) => (*says).to_owned(),
        Notice::Received(Received::Amqp(AmqpFrame::Challenge { length })) => {
            format!("challenge of {length}")
        }
        Notice::Received(Received::Amqp(AmqpFrame::Outcome { code })) => format!("outcome {code}"),
        Notice::KeyTaken { .. } => "key taken".to_owned(),
        Notice::Signed(_) => "signed".to_owned(),
        _ => return None,
    })
}

#[tokio::test]
async fn j_416_another_tpm_is_refused_by_sasl() {
    let [tpm, other] = [(); 2].map(|()| Arc::new(SoftwareTpm::with_one_pair()));
    let service = enrolled(tpm.endorsement_key()).start().await;
    for transport in BOTH {
        let refused = register(&settings(&service, transport, other.clone())).await.0.unwrap_err();

        let is_refused = matches!(refused, Error::SaslRefused { code: SaslRefusal::Credentials });
        assert!(is_refused, "{transport}: {refused:?}");
    }
}

/// A TPM that lets something else happen to the key that it is given.
#[derive(Debug)]
struct Odd {
    keys: TpmPublicKeys,
    takes: fn() -> Result<Arc<dyn Signer>, TpmError>,
}

impl Tpm for Odd {
    fn keys(&self) -> Asked<'_, TpmPublicKeys, TpmError> {
        Box::pin(std::future::ready(Ok(self.keys.clone())))
    }

    fn take_key<'a>(&'a self, _: &'a [u8]) -> Asked<'a, Arc<dyn Signer>, TpmError> {
        Box::pin(std::future::ready((self.takes)()))
    }
}

#[tokio::test]
async fn c_7_a_tpm_that_does_not_take_the_key_and_one_that_signs_with_another_are_told_apart() {
    let tpm = SoftwareTpm::with_one_pair();
    let service = enrolled(tpm.endorsement_key()).start().await;
    let keys = tpm.keys().await.unwrap();
    let with = |takes| Arc::new(Odd { keys: keys.clone(), takes });

    let refuses = with(|| Err(TpmRefusal::Other("it was changed".to_owned()).into()));
    let refused = register(&settings(&service, Transport::Amqp, refuses)).await.0.unwrap_err();
    let signs = with(|| Ok(Arc::new(DeviceKey::generate())));
    let disbelieved = register(&settings(&service, Transport::Amqp, signs)).await.0.unwrap_err();

    assert_eq!(refused.to_string(), "the TPM does not take the key: it was changed");
    assert!(matches!(disbelieved, Error::Unauthorized(_)), "{disbelieved:?}");
}

#[tokio::test]
async fn c_7_a_look_up_is_proved_in_the_same_way() {
    let tpm = Arc::new(SoftwareTpm::with_one_pair());
    let service = enrolled(tpm.endorsement_key()).start().await;
    for transport in BOTH {
        let settings = settings(&service, transport, tpm.clone());
        register(&settings).await.0.unwrap();

        let looked = ProvisioningClient::new(settings).look_up(&mut |_| {}).await.unwrap();

        assert_eq!(looked.assignment.unwrap().0.as_str(), HUB_WEST);
    }
}

#[tokio::test]
async fn c_7_a_real_software_tpm_registers_over_amqp_and_https_and_signs_for_the_hub() {
    let Some(swtpm) = Swtpm::start().await else { return };
    let tpm = Arc::new(RemoteTpm::new(swtpm.address().to_string().parse().unwrap()));
    let keys = tpm.keys().await.unwrap();
    let service = enrolled(&keys.endorsement).start().await;
    for transport in [Transport::Amqp, Transport::AmqpWs, Transport::Https] {
        let settings = settings(&service, transport, tpm.clone());

        let registered = register(&settings).await.0.unwrap();

        go_to_the_hub(&settings, &registered).await;
    }
}
