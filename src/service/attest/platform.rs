//! The TPM of a device, as far as it shows itself.

use super::tpm_fault::{KeyFault, TpmFault};
use crate::attestation::{DeviceKey, KeyBlob, TpmPublic, TpmPublicFault};
use crate::wire::TpmKeys;

/// A public key of a TPM, and how it was written.
#[derive(Debug, Clone)]
pub struct PlatformKey {
    key: TpmPublic,
    written: String,
}

/// The two public keys of a device's TPM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Which tells this TPM from all others.
    pub endorsement_key: PlatformKey,
    /// Under which it keeps what it is given.
    pub storage_root_key: PlatformKey,
}

impl PlatformKey {
    fn read(member: &'static str, text: Option<&str>) -> Result<Self, KeyFault> {
        let text = text.ok_or(KeyFault::Missing { member })?;
        match TpmPublic::from_base64(text) {
            // White space around it is no part of it, and may be long.
            Ok(key) => Ok(Self { key, written: text.trim().to_owned() }),
            Err(reason) => Err(KeyFault::Unreadable { member, reason }),
        }
    }

    /// Whether this is the key, in Base64.
    pub(super) fn is(&self, base64: &str) -> bool {
        self.written == base64 || TpmPublic::from_base64(base64).is_ok_and(|key| key == self.key)
    }
}

/// However it was written.
impl PartialEq for PlatformKey {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for PlatformKey {}

impl Platform {
    /// Reads the keys that a device shows.
    pub fn read(keys: &TpmKeys) -> Result<Self, KeyFault> {
        let TpmKeys { endorsement_key, storage_root_key } = keys;
        Ok(Self {
            endorsement_key: PlatformKey::read("endorsementKey", endorsement_key.as_deref())?,
            storage_root_key: PlatformKey::read("storageRootKey", storage_root_key.as_deref())?,
        })
    }

    /// The keys, as the device wrote them.
    pub fn keys(&self) -> TpmKeys {
        TpmKeys {
            endorsement_key: Some(self.endorsement_key.written.clone()),
            storage_root_key: Some(self.storage_root_key.written.clone()),
        }
    }

    /// Encrypts a key so that this TPM alone can take it.
    ///
    /// # Errors
    ///
    /// If one of its keys is no RSA key.
    pub fn encrypt(&self, key: &DeviceKey) -> Result<KeyBlob, TpmPublicFault> {
        KeyBlob::wrap(key, &self.endorsement_key.key, &self.storage_root_key.key)
    }

    /// For others than RSA keys no such form is defined (D.6).
    pub(super) fn check_kind_of_keys(&self) -> Result<(), TpmFault> {
        let keys =
            [("endorsementKey", &self.endorsement_key), ("storageRootKey", &self.storage_root_key)];
        match keys.into_iter().find(|(_, key)| !key.key.is_rsa()) {
            Some((member, _)) => Err(TpmFault::KindOfKey { member }),
            None => Ok(()),
        }
    }
}
