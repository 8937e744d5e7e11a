//! Why a device was not believed, and what would have been right. For the log: the wire says 401
//! and no more (A-11, D-3).

use thiserror::Error;

use super::judge::Judge;
use super::tpm_fault::{A_TPM, TpmFault};
use crate::attestation::{KeySlot, MAX_CHAIN, SasFault, SignatureFault, X509Fault};
use crate::wire::RegistrationId;

/// Why a device was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// For its SAS token.
    #[error(transparent)]
    Sas(#[from] SasFault),
    /// For its certificate.
    #[error(transparent)]
    X509(#[from] X509Fault),
    /// For its TPM.
    #[error(transparent)]
    Tpm(#[from] TpmFault),
}

impl Fault {
    /// A word for logs that programs read.
    pub fn as_word(&self) -> &'static str {
        match self {
            Self::Sas(fault) => fault.as_word(),
            Self::X509(fault) => fault.as_word(),
            Self::Tpm(fault) => fault.as_word(),
        }
    }
}

/// What would have been right, for the log.
pub(super) fn remedy(fault: &Fault, judge: &Judge, registration_id: &RegistrationId) -> String {
    match fault {
        Fault::Sas(fault) => sas_remedy(fault, judge, registration_id),
        Fault::X509(fault) => x509_remedy(fault, judge, registration_id),
        Fault::Tpm(fault) => fault.remedy(registration_id.as_str()),
    }
}

fn sas_remedy(fault: &SasFault, judge: &Judge, registration_id: &RegistrationId) -> String {
    let derive = format!("provision-sim derive-key --reg-id {registration_id}");
    let is_individual = matches!(judge, Judge::Individual { .. });
    match fault {
        SasFault::Absent => "send the SAS token as MQTT password, or over HTTPS as Authorization header".to_owned(),
        SasFault::NothingSent { .. } => {
            "send a SAS token as MQTT password (over HTTPS as Authorization header), or a client \
             certificate in the TLS handshake"
                .to_owned()
        }
        SasFault::Malformed(_) => {
            "expected SharedAccessSignature sr=<idScope>%2Fregistrations%2F<registrationId>&sig=…&se=…&skn=registration".to_owned()
        }
        SasFault::Names(_) => "sign for the ID scope and registration ID that the request names".to_owned(),
        SasFault::Expired(_) => "is the device's clock right, and is its token renewed?".to_owned(),
        SasFault::OtherAttestation { wanted: A_TPM } => individual_remedy(
            registration_id,
            "let the device prove itself with its TPM over HTTPS or AMQP (MQTT has no way to)",
        ),
        SasFault::OtherAttestation { .. } | SasFault::Signature(SignatureFault::OfGroup { .. }) => {
            individual_remedy(registration_id, "let the device prove itself as that enrollment wants")
        }
        SasFault::Signature(SignatureFault::Form(_)) => {
            "send Base64 of the HMAC-SHA256 of `sr`, a line feed and `se`, percent-encoded".to_owned()
        }
        SasFault::Signature(SignatureFault::Constructed(how)) => how.remedy().to_owned(),
        SasFault::Signature(_) if is_individual => {
            individual_remedy(registration_id, "give the device a key of that enrollment")
        }
        SasFault::Signature(SignatureFault::GroupKeyItself { slot }) => {
            format!("derive the device's key from the {} group key: {derive}", slot_name(*slot))
        }
        SasFault::Signature(SignatureFault::KeyOf(_)) => {
            format!("derive the key of this device: {derive}")
        }
        SasFault::Signature(_) => format!(
            "the key was derived from another group key, for an ID never seen here, or mistyped; {derive} gives the right one"
        ),
    }
}

/// The device's own enrollment stands in the way, rightly or not.
fn individual_remedy(registration_id: &RegistrationId, way: &str) -> String {
    format!(
        "{way}, or remove it: provision-sim enrollment delete --local --enrollment-id {registration_id}"
    )
}

fn x509_remedy(fault: &X509Fault, judge: &Judge, registration_id: &RegistrationId) -> String {
    match fault {
        X509Fault::Absent => "send a client certificate in the TLS handshake, and no password",
        X509Fault::TooLong { .. } => {
            return format!("send the device's certificate and those between it and the enrolled one, {MAX_CHAIN} at most");
        }
        X509Fault::Malformed { .. } => "send certificates only, the device's own first",
        X509Fault::CommonName { .. } => {
            return format!("the subject's common name must be the registration ID: CN={registration_id}");
        }
        X509Fault::Expired { .. } => "renew the device's certificate",
        X509Fault::NotYetValid { .. } => "was it made on a machine whose clock is wrong?",
        X509Fault::CriticalExtension { .. } => {
            "make the certificate without that extension, or not critical"
        }
        X509Fault::Thumbprint { .. } if matches!(judge, Judge::Individual { instead_of: Some(_), .. }) => {
            return individual_remedy(registration_id, "enroll this certificate in either slot of that enrollment");
        }
        X509Fault::Thumbprint { .. } => {
            "enroll this certificate in either slot, or let the device use an enrolled one"
        }
        X509Fault::OtherAttestation { .. } => {
            return individual_remedy(registration_id, "give that enrollment the device's certificate");
        }
        X509Fault::SelfSigned => "enroll it individually, or have it signed by a group's authority",
        X509Fault::UnknownChain { issuer: Some(_), .. } => {
            "send the intermediates too (leaf first), or enroll the issuer as signing certificate"
        }
        X509Fault::UnknownChain { issuer: None, .. } => {
            "enroll this root, or an intermediate below it, as a group's signing certificate"
        }
        X509Fault::NoVerifiedCa { unverified: Some(_), .. } => {
            "prove possession of its key (az iot dps certificate verify; here: verified = true)"
        }
        X509Fault::NoVerifiedCa { unverified: None, .. } => {
            "upload the CA and verify it (here: [[certificates]] or serve --verified-ca), and send the \
             intermediates up to it; Azure refuses the device otherwise, and `serve \
             --allow-unverified-ca` does not"
        }
        X509Fault::NoGroup { .. } => {
            "make an enrollment group with that CA, or with a certificate between it and the device"
        }
        X509Fault::BadSignature { .. } => {
            "two authorities have the same name: is the chain, or the enrolled certificate, that of an older one?"
        }
        X509Fault::UnsupportedSignature { .. } => {
            "sign with RSA (2048 bits or more) or EC (P-256, P-384), and SHA-256 or SHA-384"
        }
        X509Fault::NotCa { .. } => {
            "give it the basic constraint CA:TRUE and, with a key usage, keyCertSign"
        }
        X509Fault::PathLength { .. } => "sign with an authority higher up, or without pathLen",
        X509Fault::IssuerExpired { .. } | X509Fault::IssuerNotYetValid { .. } => {
            "renew the authority's certificate, and enroll or send the new one"
        }
    }
    .to_owned()
}

/// The word for a key slot.
pub fn slot_name(slot: KeySlot) -> &'static str {
    match slot {
        KeySlot::Primary => "primary",
        KeySlot::Secondary => "secondary",
    }
}
