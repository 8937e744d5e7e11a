//! What is in the certificates of the authority, and in its own.

use std::fmt;
use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};

use super::error::AuthorityError;
use super::flaw::CertificateFlaw;
use crate::net::crypto;
use crate::sources::{Chance, Clock};
use crate::wire::writable;

/// How long the authority is valid: longer than any test bench stands.
const AUTHORITY_LIFETIME: Duration = Duration::days(10 * 365);
/// How long a server certificate is valid: the most that common clients accept.
const LEAF_LIFETIME: Duration = Duration::days(397);
/// Room for clients whose clock is behind.
const CLOCK_ROOM: Duration = Duration::days(1);

/// The certificate of the authority itself, whose name ends in `kind`, as PEM.
pub(super) fn self_signed(key: &KeyPair, kind: &str) -> Result<String, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    // The number tells authorities apart that several machines, or a deleted folder, have made.
    let name = format!("provision-sim local CA{kind} {:08x}", Chance::system().salt(""));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut params, AUTHORITY_LIFETIME);
    params.self_signed(key).map(|certificate| certificate.pem()).map_err(minting)
}

/// It was, until yesterday.
fn valid_in_the_past(params: &mut CertificateParams) {
    let now = OffsetDateTime::from(writable(Clock::system().now()));
    params.not_before = now - Duration::days(30);
    params.not_after = now - CLOCK_ROOM;
}

fn valid_for(params: &mut CertificateParams, lifetime: Duration) {
    let now = OffsetDateTime::from(writable(Clock::system().now()));
    params.not_before = now - CLOCK_ROOM;
    params.not_after = now.saturating_add(lifetime);
}

/// A server certificate for these names.
pub(super) fn server_certificate(
    names: Vec<SanType>,
    key: &KeyPair,
    issuer: &Issuer<'_, KeyPair>,
    flaw: Option<CertificateFlaw>,
) -> Result<CertifiedKey, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "provision-sim");
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    if flaw == Some(CertificateFlaw::Long) {
        params.custom_extensions.push(filler());
    }
    if flaw == Some(CertificateFlaw::Expired) {
        valid_in_the_past(&mut params);
    } else {
        valid_for(&mut params, LEAF_LIFETIME);
    }
    let certificate = params.signed_by(key, issuer).map_err(minting)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|error| AuthorityError::Minting(error.to_owned()))?;
    let key = crypto().key_provider.load_private_key(key).map_err(minting)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// So long that the certificate has 100 KB in all: as much as OpenSSL takes from a peer.
const FILLER: usize = 98_500;

/// An extension that means nothing, and that nobody has to understand: Netscape's comment.
fn filler() -> CustomExtension {
    let mut text = vec![0x16, 0x83];
    text.extend(u32::try_from(FILLER).unwrap_or_default().to_be_bytes().into_iter().skip(1));
    text.resize(text.len() + FILLER, b'.');
    CustomExtension::from_oid_content(&[2, 16, 840, 1, 113_730, 1, 13], text)
}

/// A name as certificates have it: an IP address, or else a DNS name.
pub(super) fn name(text: &str) -> Result<SanType, AuthorityError> {
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(SanType::IpAddress(ip)),
        Err(_) => dns(text),
    }
}

pub(super) fn dns(name: &str) -> Result<SanType, AuthorityError> {
    Ok(SanType::DnsName(name.try_into().map_err(minting)?))
}

pub(super) fn minting(error: impl fmt::Display) -> AuthorityError {
    AuthorityError::Minting(error.to_string())
}
