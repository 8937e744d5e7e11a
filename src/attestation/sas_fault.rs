//! Why a token is no proof (D-3). The wire only ever says 401; this is for the service's own log and
//! for `sas-token --check`.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::diagnosis::SignatureFault;
use super::{Claims, Malformed, NameFault};
use crate::wire::{IdScope, RegistrationId};

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SasFault {
    /// The device sent no token.
    #[error("no SAS token was sent as password")]
    Absent,
    /// It sent no certificate either, which would have done too.
    #[error(
        "neither a SAS token as password nor a client certificate was sent; {x509_groups} of the \
         enrollment groups are for X.509"
    )]
    NothingSent {
        /// How many groups want a certificate.
        x509_groups: usize,
    },
    /// It is no token.
    #[error("the password is not a SAS token: {0}")]
    Malformed(#[from] Malformed),
    /// It is for something else.
    #[error("the SAS token is for something else: {0}")]
    Names(#[from] NameFault),
    /// It has expired.
    #[error("the SAS token expired {} ago", crate::text::spoken(*.0))]
    Expired(
        /// How long ago.
        Duration,
    ),
    /// The device's own enrollment wants no symmetric key.
    #[error("it has an individual enrollment, which wants {wanted} and not the SAS token of a key")]
    OtherAttestation {
        /// What it wants.
        wanted: &'static str,
    },
    /// It was signed with a key that is not the device's.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
}

impl SasFault {
    /// A word for logs that programs read.
    pub fn as_word(&self) -> &'static str {
        match self {
            Self::Absent | Self::NothingSent { .. } => "noToken",
            Self::Malformed(_) => "malformedToken",
            Self::Names(NameFault::Resource { .. }) => "resource",
            Self::Names(NameFault::IdScope { .. }) => "idScope",
            Self::Names(NameFault::RegistrationId { .. }) => "registrationId",
            Self::Expired(_) => "expired",
            Self::Signature(SignatureFault::GroupKeyItself { .. }) => "groupKeyItself",
            Self::Signature(SignatureFault::KeyOf { .. }) => "keyOfAnotherDevice",
            Self::Signature(SignatureFault::OfGroup { .. }) => "keyOfGroup",
            Self::Signature(SignatureFault::Form(_)) => "signatureForm",
            Self::Signature(SignatureFault::Constructed(how)) => how.as_word(),
            Self::Signature(SignatureFault::Unknown) => "signature",
            Self::OtherAttestation { .. } => "otherAttestation",
        }
    }

    /// The checks that need no key: names and time, in this order.
    pub fn check_claims(
        claims: &Claims<'_>,
        id_scope: &IdScope,
        registration_id: &RegistrationId,
        now: SystemTime,
    ) -> Result<(), Self> {
        claims.check_names(id_scope, registration_id)?;
        match claims.expired_since(now) {
            Some(since) => Err(Self::Expired(since)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::{GroupKey, SasToken, registration_resource};
    use super::*;

    #[test]
    fn j_24_an_expired_token_says_since_when() {
        let id: RegistrationId = "toaster".parse().unwrap();
        let key = GroupKey::generate().derive(&id);
        let resource = registration_resource(&"scope".parse().unwrap(), &id);
        let token = SasToken::sign(&resource, &key, UNIX_EPOCH + Duration::from_secs(1_000));
        let now = UNIX_EPOCH + Duration::from_millis(1_012_900);

        let fault =
            SasFault::check_claims(&token.claims().unwrap(), &"scope".parse().unwrap(), &id, now)
                .unwrap_err();

        assert_eq!(fault.to_string(), "the SAS token expired 12.9 s ago");
        assert_eq!(fault.as_word(), "expired");
    }
}
