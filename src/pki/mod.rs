//! A public key infrastructure for tests: a root, an intermediate, certificates of devices, and
//! bad certificates of each kind (D.5); and requests for certificates, and who grants them.
//!
//! Makes certificates in memory and knows nothing of files; all keys of tests are EC P-256. It is not for
//! devices in the field: the keys of its authorities lie beside their certificates.
//!
//! - `error`: why a certificate cannot be made.
//! - `named`: what certificates and requests have in common.
//! - `flaw`: in which ways a certificate can be bad.
//! - `authority`: one authority, and what it signs.
//! - `infrastructure`: a root and an intermediate.
//! - `request_fault`: why a request for a certificate is not granted.
//! - `request`: such a request, as it comes in.
//! - `new_request`: one with its key, as it is made.
//! - `request_of`: one with a key that has a certificate already.
//! - `long_chain`: a longer way from an authority to a root.
//! - `issuing`: an authority that grants requests.

mod authority;
mod error;
mod flaw;
mod infrastructure;
mod issuing;
mod long_chain;
mod named;
mod new_request;
mod request;
mod request_fault;
mod request_of;

pub use authority::{TestAuthority, TestCertificate, Validity};
pub use error::{MAX_COMMON_NAME, PkiError};
pub use flaw::Flaw;
pub use infrastructure::TestPki;
pub use issuing::IssuingAuthority;
pub use new_request::{NewRequest, new_request, request_with};
pub use request::CertificateRequest;
pub use request_fault::{CertificateRequestFault, MAX_REQUEST};
pub use request_of::request_of;
