//! A public key infrastructure for tests: a root, an intermediate, certificates of devices, and
//! bad certificates of each kind (D.5).
//!
//! Makes certificates in memory and knows nothing of files; all keys are EC P-256. It is not for
//! devices in the field: the keys of its authorities lie beside their certificates.
//!
//! - `error`: why a certificate cannot be made.
//! - `flaw`: in which ways a certificate can be bad.
//! - `authority`: one authority, and what it signs.
//! - `infrastructure`: a root and an intermediate.

mod authority;
mod error;
mod flaw;
mod infrastructure;

pub use authority::{TestAuthority, TestCertificate, Validity};
pub use error::{MAX_COMMON_NAME, PkiError};
pub use flaw::Flaw;
pub use infrastructure::TestPki;
