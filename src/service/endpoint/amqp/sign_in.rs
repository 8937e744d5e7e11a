//! What a client brings before AMQP begins, whichever mechanism brought it, or why it is not let in.
//!
//! Nothing is proved here: whether a token or a certificate is good is decided when the device registers
//! where it can be told.

use rustls::pki_types::CertificateDer;

use crate::attestation::SasToken;
use crate::service::attest::Proof;
use crate::wire::RegistrationAddress;

/// What a client brings before anything of AMQP itself is said.
#[derive(Debug, Clone)]
pub(super) enum SignIn {
    /// Nothing but its certificate, if it has shown one: no SASL at all, EXTERNAL, or ANONYMOUS.
    Bare,
    /// A device, and its token if there is one.
    Plain(Box<RegistrationAddress>, Option<SasToken>),
    /// A device with a TPM, and the token that it signed with the key that it was given for it.
    Tpm(Box<RegistrationAddress>, SasToken),
    /// Tokens are to follow on `$cbs`, which a hub has.
    Cbs,
}

impl SignIn {
    /// The device that it names.
    pub(super) fn address(&self) -> Option<&RegistrationAddress> {
        match self {
            Self::Plain(address, _) | Self::Tpm(address, _) => Some(address),
            Self::Bare | Self::Cbs => None,
        }
    }

    /// The token that it brings.
    pub(super) fn token(&self) -> Option<&SasToken> {
        match self {
            Self::Plain(_, token) => token.as_ref(),
            Self::Tpm(_, token) => Some(token),
            Self::Bare | Self::Cbs => None,
        }
    }

    /// What the device proves itself with. A token goes before a certificate, as in MQTT (J-65).
    pub(super) fn into_proof(self, certificates: Vec<CertificateDer<'static>>) -> Proof {
        match self {
            Self::Plain(_, Some(token)) | Self::Tpm(_, token) => Proof::Sas(token),
            _ if certificates.is_empty() => Proof::Absent,
            _ => Proof::Certificates(certificates),
        }
    }
}

/// Why a client is not let in: outcome 1, and nothing that could be said beside it.
#[derive(Debug)]
pub(super) struct Denied {
    /// For the log.
    pub(super) reason: String,
    /// Who it would be, if that can be read.
    pub(super) who: Option<Box<RegistrationAddress>>,
    /// Which check it did not pass, in one word.
    pub(super) check: &'static str,
}

impl Denied {
    /// A client of which is not known who it would be.
    pub(super) fn saying(reason: String) -> Self {
        Self { reason, who: None, check: "userName" }
    }

    /// A device that does not prove itself by its TPM.
    pub(super) fn of_tpm(who: &RegistrationAddress, reason: String) -> Self {
        Self { reason, who: Some(Box::new(who.clone())), check: "tpm" }
    }
}
