//! How a device proves who it is, and how the service checks it.
//!
//! Symmetric keys, SAS tokens, certificates and TPMs; the device and the service use the same code, so what the device
//! signs is what the service verifies. Knows no sockets and no clock: the time is handed in.
//!
//! - `pem`: PEM files, taken apart.
//! - `key`: symmetric keys.
//! - `signer`: who signs for a device.
//! - `tpm`: a TPM, wherever it is, and what it does with keys.
//! - `sas`: shared access signatures.
//! - `symmetric`: whether a token is signed with the key of a group's device.
//! - `construction`: how a token is made with the right key in the wrong way.
//! - `diagnosis`: whose key made a signature, and how, where it is not the right one.
//! - `sas_fault`: why a token is no proof.
//! - `policy`: shared access policies of the service API.
//! - `x509_key`: public keys and signatures of certificates.
//! - `x509`: certificates.
//! - `x509_fault`: why a certificate is no proof.
//! - `x509_chain`: which enrollment group vouches for a certificate.
//! - `private_key`: private keys.
//! - `identity_fault`: what can be wrong with a device's certificate and key.
//! - `identity`: a device's certificate, those above it, and its private key.

mod construction;
mod diagnosis;
mod identity;
mod identity_fault;
mod key;
pub(crate) mod pem;
mod policy;
mod private_key;
mod sas;
mod sas_fault;
mod signer;
mod symmetric;
#[cfg(test)]
mod testing;
#[cfg(feature = "tpm")]
pub(crate) mod tpm;
mod x509;
mod x509_chain;
mod x509_fault;
mod x509_key;

pub use construction::Construction;
pub use diagnosis::{KnownKeys, SignatureFault, groups_to_ask};
pub use identity::DeviceCertificate;
pub use identity_fault::{ChainWarning, IdentityFault};
pub use key::{DerivedText, Deriver, DeviceKey, GroupKey, KeyError};
pub use pem::PemFault;
pub use policy::PolicyKey;
pub use private_key::PrivateKeyFault;
pub use sas::{
    Claims, Malformed, NameFault, SasToken, SignatureForm, hub_resource, registration_resource,
};
pub use sas_fault::SasFault;
pub use signer::{Asked, Signer, SignerError};
pub use symmetric::{GroupKeys, KeyMatch, KeySlot};
#[cfg(feature = "tpm")]
pub use tpm::{
    BlobFault, BlobPart, BlobParts, KeyBlob, SoftwareTpm, SoftwareTpmFault, Tpm, TpmError,
    TpmPublic, TpmPublicFault, TpmPublicKeys, TpmRefusal,
};
pub use x509::{Certificate, CertificateAuthority, CertificateError, CertificateInfo};
pub use x509_chain::{Anchor, DeviceChain, MAX_CHAIN};
pub use x509_fault::X509Fault;
pub use x509_key::PublicKey;
