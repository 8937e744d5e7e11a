//! Registrations whose record cannot be kept, or whose device hangs up.

use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::{Pace, Registrar, RegistrarSettings};
use crate::attestation::{GroupKey, SasToken, registration_resource};
use crate::service::allocation::webhook::{WebhookClient, WebhookSettings};
use crate::service::attest::Proof;
use crate::service::caller::{Caller, Transport};
use crate::service::config::Config;
use crate::service::connection::ClientConnection;
use crate::service::enrollment::Enrollments;
use crate::service::faults::Faults;
use crate::service::hub::Hubs;
use crate::service::issuing::Authorities;
use crate::service::journal::Observer;
use crate::service::quota::Quotas;
use crate::service::reply::Reply;
use crate::service::reprovision::ResetOnSameHub;
use crate::service::store::{Batch, Durable, Store, StoreError, Stored};
use crate::service::tap::Tap;
use crate::wire::{ApiVersion, IdScope, RegistrationId};

const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";

/// A disk that keeps as many writes as it is told to, the others it refuses.
struct Disk(mpsc::Receiver<bool>);

impl Durable for Disk {
    fn write(&mut self, _: &[Batch]) -> Result<(), StoreError> {
        match self.0.recv() {
            Ok(true) => Ok(()),
            _ => Err(StoreError("the disk is full".to_owned())),
        }
    }
}

/// A registrar with the group `pumps` and one hub, and what its disk is told.
fn registrar() -> (Arc<Registrar>, mpsc::Sender<bool>) {
    registrar_with("")
}

/// The same, where the group has `more` members.
fn registrar_with(more: &str) -> (Arc<Registrar>, mpsc::Sender<bool>) {
    let config = Config::from_toml(
        &format!(
            r#"
        idScope = "0ne1"
        linkedHubs = ["west.azure-devices.net"]
        [[enrollmentGroups]]
        enrollmentGroupId = "pumps"
        attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{KEY}" }} }}
        {more}
        "#
        ),
        &[],
    )
    .unwrap();
    let (tell, told) = mpsc::channel();
    let enrollments = config.enrollment_records(&Default::default()).unwrap();
    let store = Store::durable(Disk(told), Stored { enrollments, ..Stored::default() });
    let store = Arc::new(store);
    let settings = RegistrarSettings {
        authorities: Arc::new(
            Authorities::open(&config.instance().unwrap(), Vec::new(), None, Default::default())
                .unwrap(),
        ),
        faults: Faults::default(),
        initial: Enrollments::default(),
        quotas: Quotas::default(),
        webhooks: WebhookClient::new(WebhookSettings::default()),
        pace: Pace { retry_after: Duration::ZERO, assigning_polls: 0 },
        on_same_hub: ResetOnSameHub::default(),
        suspects: Vec::new(),
        observer: Observer::default(),
        tap: Tap::default(),
        sources: Default::default(),
    };
    let hubs = Arc::new(Hubs::new(
        vec!["west.azure-devices.net".parse().unwrap()],
        store.clone(),
        Default::default(),
    ));
    (Arc::new(Registrar::new(config.instance().unwrap(), (store, hubs), settings)), tell)
}

fn caller() -> Caller {
    let (id_scope, registration_id): (IdScope, RegistrationId) =
        ("0ne1".parse().unwrap(), "pump-0042".parse().unwrap());
    let key = KEY.parse::<GroupKey>().unwrap().derive(&registration_id);
    let resource = registration_resource(&id_scope, &registration_id);
    let expiry = SystemTime::now() + Duration::from_secs(60);
    Caller {
        connection: Arc::new(ClientConnection::numbered(1)),
        transport: Transport::Mqtt,
        proof: Proof::Sas(SasToken::sign(&resource, &key, expiry)),
        id_scope,
        registration_id,
        api_version: ApiVersion::DEFAULT,
    }
}

/// J-40.
#[tokio::test]
async fn j_122_a_registration_that_cannot_be_kept_is_500_and_the_next_one_is_taken() {
    let (registrar, disk) = registrar();
    let caller = caller();

    disk.send(false).unwrap();
    let refused = registrar.register(&caller, b"", SystemTime::now()).await;
    assert_eq!(refused.status, 500);
    assert!(registrar.records().device(&caller.registration_id).is_none(), "nobody sees it");
    assert!(registrar.records().hub_devices(None, None, 9).is_empty());

    disk.send(true).unwrap();
    assert_eq!(registrar.register(&caller, b"", SystemTime::now()).await.status, 202);
    assert_eq!(registrar.records().hub_devices(None, None, 9).len(), 1);
}

#[tokio::test]
async fn j_127_a_registration_of_a_device_that_hangs_up_is_seen_through() {
    let (registrar, disk) = registrar();
    let caller = caller();
    // It is handed over, and then the device is gone.
    let hung_up =
        timeout(Duration::ZERO, registrar.register(&caller, b"", SystemTime::now())).await;
    assert!(hung_up.is_err());

    disk.send(true).unwrap();
    disk.send(true).unwrap();
    // It waits for the first one's end (J-21).
    let other = Caller { connection: Arc::new(ClientConnection::numbered(2)), ..caller };
    assert_eq!(registrar.register(&other, b"", SystemTime::now()).await.status, 202);
    let record = registrar.records().device(&other.registration_id).unwrap();
    assert!(record.before.is_some(), "the first one was kept");
}

#[tokio::test]
async fn j_126_a_result_that_cannot_be_kept_stays_assigning_and_the_device_may_register_anew() {
    // Nobody is there to ask, so the result is a failure, at once.
    let (registrar, disk) = registrar_with(
        r#"
        allocationPolicy = "custom"
        customAllocationDefinition = { webhookUrl = "http://127.0.0.1:1/", apiVersion = "2021-10-01" }
        "#,
    );
    let caller = caller();
    let operation_of = |reply: &Reply| -> String {
        let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        body["operationId"].as_str().unwrap().to_owned()
    };

    disk.send(true).unwrap();
    let accepted = operation_of(&registrar.register(&caller, b"", SystemTime::now()).await);
    disk.send(false).unwrap();
    let poll = registrar.operation_status(&caller, &accepted, SystemTime::now()).await;
    assert_eq!(poll.status, 202);

    disk.send(true).unwrap();
    let anew = registrar
        .register(
            &Caller { connection: Arc::new(ClientConnection::numbered(2)), ..caller },
            b"",
            SystemTime::now(),
        )
        .await;
    assert_eq!(anew.status, 202);
    assert_ne!(operation_of(&anew), accepted);
}
