//! Shared access policies: how clients of the service API prove that they may use it (E.6).

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::{Claims, DeviceKey, KeyError, SasToken};
use crate::sources::Chance;

/// The key of a shared access policy. A type of its own, so that no device's key can stand in its
/// place.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyKey(DeviceKey);

impl PolicyKey {
    /// A new random key.
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers.
    pub fn generate() -> Self {
        Self::made_by(&Chance::system(), "")
    }

    /// The same, by a chance that may be a test's; `whose` is the name of the policy.
    ///
    /// # Panics
    ///
    /// As [`generate`](Self::generate).
    pub fn made_by(chance: &Chance, whose: &str) -> Self {
        Self(DeviceKey::made_by(chance, whose))
    }

    /// A token for `resource`, which is the service's host name, until `expiry`, in the name of
    /// `policy` (E.6).
    pub fn sign(&self, resource: &str, policy: &str, expiry: SystemTime) -> SasToken {
        SasToken::sign_as(resource, &self.0, expiry, Some(policy))
    }

    /// Whether it signed the token that makes these claims.
    pub fn has_signed(&self, claims: &Claims<'_>) -> bool {
        claims.is_signed_with(&self.0)
    }

    /// The key as Base64. The one way to read it: call it only where a key is asked for.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }
}

impl FromStr for PolicyKey {
    type Err = KeyError;

    /// Reads Base64; white space around it is dropped.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.parse().map(Self)
    }
}

impl fmt::Debug for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyKey(redacted, {} bytes)", self.0.length())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn e_6_a_service_token_names_host_and_policy() {
        let key: PolicyKey = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=".parse().unwrap();
        let expiry = UNIX_EPOCH + Duration::from_secs(1_893_456_000);

        let token = key.sign("localhost:8443", "provisioningserviceowner", expiry);

        let claims = token.claims().unwrap();
        assert!(key.has_signed(&claims));
        assert!(!PolicyKey::generate().has_signed(&claims));
        assert_eq!(claims.resource(), "localhost:8443");
        assert_eq!(claims.key_name(), Some("provisioningserviceowner"));
        assert!(token.as_str().starts_with("SharedAccessSignature sr=localhost%3A8443&sig="));
        assert_eq!(format!("{key:?}"), "PolicyKey(redacted, 32 bytes)");
    }
}
