//! Keys that a device's TPM is given, encrypted for it alone (B.5).

use std::fmt;
use std::sync::Arc;

use crate::attestation::Signer;

/// A key that the service has encrypted for the device's TPM: the bytes of an `authenticationKey`.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// What the TPM takes (B.6). Public: nobody else can open it.
    pub blob: Vec<u8>,
    /// What the key in it is for.
    pub purpose: KeyPurpose,
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blob, purpose } = self;
        write!(f, "WrappedKey({} bytes, {purpose:?})", blob.len())
    }
}

/// What a key that a TPM is given is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPurpose {
    /// To sign tokens for DPS with, which shows that the device has the TPM.
    Proof {
        /// What a token calls it, `skn`.
        name: String,
    },
    /// To sign tokens for the hub with.
    Hub,
}

/// The key for its hub that a device's TPM was given along with the assignment, and that the TPM keeps. It
/// is another one at each registration (B.5).
#[derive(Clone)]
pub struct HubKey(Arc<dyn Signer>);

impl HubKey {
    /// Of what the TPM took.
    pub(super) fn new(signer: Arc<dyn Signer>) -> Self {
        Self(signer)
    }

    /// Who signs with it.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.0
    }
}

/// The very same key, in the same TPM.
impl PartialEq for HubKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for HubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubKey(kept by the TPM)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_wrapped_key_the_length_is_shown() {
        let key = WrappedKey { blob: vec![7; 766], purpose: KeyPurpose::Hub };

        assert_eq!(format!("{key:?}"), "WrappedKey(766 bytes, Hub)");
    }
}
