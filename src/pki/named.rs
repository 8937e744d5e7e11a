//! What certificates and requests for them have in common: a subject that is one name.

use rcgen::{CertificateParams, DistinguishedName, DnType};

use super::error::{MAX_COMMON_NAME, PkiError};

/// For a name that somebody else has put into a request, which says itself whether it fits.
pub(super) fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// For a name of our own.
pub(super) fn newly_named(common_name: &str) -> Result<CertificateParams, PkiError> {
    if common_name.len() > MAX_COMMON_NAME {
        return Err(PkiError::NameTooLong { name: common_name.to_owned() });
    }
    Ok(named(common_name))
}

/// What the cryptography says.
pub(super) fn minting(error: rcgen::Error) -> PkiError {
    PkiError::Minting(error.to_string())
}
