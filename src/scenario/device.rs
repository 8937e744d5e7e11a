//! A device of a scenario, checked.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::expectation::Expectation;
use crate::attestation::{DeviceCertificate, DeviceKey, KeySlot, SoftwareTpm};
use crate::device::{Credential, Transport};
use crate::wire::{ApiVersion, Payload, RegistrationId};

/// One device and what must become of it.
#[derive(Debug, Clone)]
pub struct DeviceSpec {
    /// What the file calls it: by a name of its own, or its registration ID without what stands before
    /// that where an instance is shared.
    pub name: String,
    /// The same for people. In a file without steps several may be called alike; each but the first then
    /// has a name with a number, which nobody wrote.
    pub shown: String,
    /// Its name for the service.
    pub registration_id: RegistrationId,
    /// The enrollment group that it says it is of.
    pub group: Option<String>,
    /// Its proof.
    pub proof: Proof,
    /// Which of the two keys of its enrollment it has.
    pub slot: KeySlot,
    /// What it has to say.
    pub payload: Option<Payload>,
    /// Whether it asks for a certificate along with its registration, with a key of its own.
    pub csr: bool,
    /// How it talks to the service.
    pub transport: Transport,
    /// Which shape of replies it wants.
    pub api_version: ApiVersion,
    /// What must come out; that it is assigned, where the file says nothing.
    pub expect: Expectation,
}

/// How a device of a scenario proves who it is.
#[derive(Debug, Clone)]
pub enum Proof {
    /// By the one key that it has.
    Key(DeviceKey),
    /// By one of the keys of its enrollment, or derived from those of its group.
    Keys {
        /// The first.
        primary: DeviceKey,
        /// The second.
        secondary: DeviceKey,
    },
    /// By a certificate.
    X509(CertificateProof),
    /// By a TPM in software, which lasts as long as the scenario.
    Tpm(Arc<SoftwareTpm>),
}

/// A certificate with its key, and both as files have them.
#[derive(Debug, Clone)]
pub struct CertificateProof {
    /// As TLS takes it.
    pub identity: DeviceCertificate,
    /// What the device sends, leaf first, as PEM.
    pub chain_pem: String,
    /// The key, as PEM.
    pub key_pem: Zeroizing<String>,
}

impl DeviceSpec {
    /// What it shows the service.
    pub fn credential(&self) -> Credential {
        self.credential_with(self.slot)
    }

    /// The same with this of the two keys. A device that has one only shows that.
    pub fn credential_with(&self, slot: KeySlot) -> Credential {
        match (&self.proof, slot) {
            (Proof::Key(key), _)
            | (Proof::Keys { primary: key, .. }, KeySlot::Primary)
            | (Proof::Keys { secondary: key, .. }, KeySlot::Secondary) => {
                Credential::SymmetricKey(key.clone())
            }
            (Proof::X509(proof), _) => Credential::X509(proof.identity.clone()),
            (Proof::Tpm(tpm), _) => Credential::Tpm(tpm.clone()),
        }
    }
}

impl Proof {
    /// Whether it has two keys to choose from.
    pub fn has_two_keys(&self) -> bool {
        matches!(self, Self::Keys { .. })
    }
}
