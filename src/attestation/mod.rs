//! How a device proves who it is, and how the service checks it.
//!
//! Symmetric keys, SAS tokens and certificates; both halves of the house use the same code, so what the device
//! signs is what the service verifies. Knows no sockets and no clock: the time is handed in.

mod identity;
mod identity_fault;
mod key;
mod pem;
mod policy;
mod private_key;
mod sas;
mod symmetric;
mod x509;
mod x509_chain;
mod x509_fault;
mod x509_key;

pub use identity::DeviceCertificate;
pub use identity_fault::{ChainWarning, IdentityFault};
pub use key::{DerivedText, Deriver, DeviceKey, GroupKey, KeyError};
pub use pem::PemFault;
pub use policy::PolicyKey;
pub use private_key::PrivateKeyFault;
pub use sas::{Claims, Malformed, NameFault, SasToken, hub_resource, registration_resource};
pub use symmetric::{GroupKeys, KeyMatch, KeySlot, SasFault, SignatureFault, diagnose_signature};
pub use x509::{Certificate, CertificateAuthority, CertificateError, CertificateInfo};
pub use x509_chain::{Anchor, DeviceChain, MAX_CHAIN};
pub use x509_fault::X509Fault;
pub use x509_key::PublicKey;
