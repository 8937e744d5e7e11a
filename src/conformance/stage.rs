//! The service of a case, and the device that is to come to it.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use thiserror::Error;
use zeroize::Zeroizing;

use super::case::{Setup, Webhook};
use super::watch::Watch;
use crate::attestation::TpmPublic;
use crate::child::{DeviceFacts, Fact};
use crate::local_service::{
    AllocationAnswer, EnrollmentBuilder, LocalService, LocalServiceBuilder, LocalServiceError,
};
use crate::pki::{PkiError, TestPki};
use crate::service::FaultRuleError;
use crate::wire::RegistrationId;

/// The group for devices that prove themselves with certificates.
const X509_GROUP: &str = "conformance-x509";

/// What a client may send as its payload, if it is made for that: values that are changed easily.
pub(super) const PAYLOAD: &str = r#"{"model":"Größe 温度 😀","serial":"00042","big":12345678901,"half":0.5,"none":null,"list":[1,"b",{}]}"#;

/// Why there is no service for a case.
#[derive(Debug, Error)]
pub enum StageError {
    /// It does not start.
    #[error(transparent)]
    Service(#[from] LocalServiceError),
    /// A rule of the case is none.
    #[error(transparent)]
    Fault(#[from] FaultRuleError),
    /// The device's certificate cannot be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// Its files cannot be written.
    #[error("cannot write the files of the device: {0}")]
    Files(#[from] io::Error),
}

/// A service, and the device that is to come to it: one ID, with a key and a certificate, or with a TPM. By
/// which of the former the client comes is its own choice.
pub(super) struct Stage {
    pub(super) service: LocalService,
    pub(super) watch: Watch,
    pub(super) registration_id: RegistrationId,
    folder: TempDir,
}

impl Stage {
    /// Starts the service.
    pub(super) async fn open(
        setup: &Setup,
        registration_id: RegistrationId,
        endorsement_key: Option<&TpmPublic>,
    ) -> Result<Self, StageError> {
        let pki = TestPki::new()?;
        let folder = tempfile::Builder::new().prefix("conformance-").tempdir()?;
        let device = pki.device(&registration_id)?;
        std::fs::write(folder.path().join("cert.pem"), device.chain_pem())?;
        std::fs::write(folder.path().join("key.pem"), device.key_pem().as_bytes())?;

        let watch = Watch::default();
        let mut builder = LocalService::builder()
            .retry_after(std::time::Duration::from_secs(setup.retry_after))
            .assigning_polls(setup.assigning)
            .tap(watch.tap());
        let mut enrollments = vec![
            EnrollmentBuilder::group(LocalService::DEFAULT_GROUP),
            EnrollmentBuilder::group(X509_GROUP).x509(pki.root().pem()),
        ];
        // It decides before any group, so a client with a TPM has no other way.
        enrollments.extend(endorsement_key.map(|key| {
            EnrollmentBuilder::individual(registration_id.as_str()).tpm(&key.to_base64())
        }));
        for enrollment in enrollments {
            builder = enrolled(builder, enrollment, setup);
        }
        for fault in setup.faults {
            builder = builder.fault(fault)?;
        }
        Ok(Self { service: builder.start().await?, watch, registration_id, folder })
    }

    /// What the client is told.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let (cert, cert_key) = (self.file("cert.pem"), self.file("key.pem"));
        // A name: whoever dials an address cannot show that it sends the name of its service.
        let at = |address: std::net::SocketAddr| format!("localhost:{}", address.port());
        let facts = DeviceFacts {
            mqtt: at(self.service.mqtt_address()),
            https: at(self.service.https_address()),
            amqp: at(self.service.amqp_address()),
            gateway: at(self.service.gateway_address()),
            ca_file: self.service.ca_file(),
            id_scope: self.service.id_scope().as_str(),
            registration_id: self.registration_id.as_str(),
            device_key: Some(self.device_key()),
            cert: Some(&cert),
            cert_key: Some(&cert_key),
            payload: Some(PAYLOAD),
        };
        facts.facts()
    }

    /// The key of the device.
    pub(super) fn device_key(&self) -> Zeroizing<String> {
        self.service.device_key(&self.registration_id).to_base64()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn enrolled(
    builder: LocalServiceBuilder,
    enrollment: EnrollmentBuilder,
    setup: &Setup,
) -> LocalServiceBuilder {
    let enrollment = if setup.is_disabled { enrollment.disabled() } else { enrollment };
    let hub = || AllocationAnswer::hub(LocalService::DEFAULT_HUB);
    let enrollment = match setup.webhook {
        Webhook::None => enrollment,
        Webhook::Refuses => {
            enrollment.allocation_function(|_| AllocationAnswer::refuse("no hub for this device"))
        }
        Webhook::Payload(bytes) => enrollment.allocation_function(move |_| {
            hub().with_payload(json!({ "filler": "x".repeat(bytes) }))
        }),
        Webhook::Scripts => enrollment.allocation_function(move |_| hub().with_payload(scripts())),
    };
    builder.enrollment(enrollment)
}

/// Letters that take one, two, three and four bytes, and marks that turn text around.
fn scripts() -> Value {
    json!({ "text": "Größe, мощность, درجة الحرارة, 温度, 😀, \u{202e}", "quoted": "\"\\/\u{7}" })
}
