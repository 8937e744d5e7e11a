//! The local certification authority: made once, kept in a folder or in memory, signs what the
//! service shows to its clients.
//!
//! From the ground up:
//!
//! - `error`: why there is none.
//! - `flaw`: what can be wrong with its certificates on purpose.
//! - `files`: the files of its folder.
//! - `minting`: what is in its certificates.
//! - `rsa`: its RSA side, for clients that know no other signatures; made when the first one comes.
//! - `ca`: the authority.

mod ca;
mod error;
mod files;
mod flaw;
mod minting;
mod rsa;

pub use ca::Authority;
pub(super) use ca::Chain;
pub use error::AuthorityError;
pub(in crate::service) use flaw::CertificateFlaw;
