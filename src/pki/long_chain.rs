//! A longer way from an authority to a root: more certificates than a client may have room for, each signed by
//! the next. The keys of those above the authority are forgotten as soon as they have signed.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use super::error::PkiError;
use super::named::{minting, newly_named};

/// Another certificate for the authority with this certificate and key, and `count` others above it, two at
/// least, the root last. All are valid as long as the authority.
pub(super) fn longer_way(
    own: &CertificateDer<'_>,
    key: &KeyPair,
    count: usize,
    serial_number: SerialNumber,
) -> Result<Vec<CertificateDer<'static>>, PkiError> {
    let (_, parsed) =
        X509Certificate::from_der(own).map_err(|error| PkiError::NoAuthority(error.to_string()))?;
    let validity = parsed.validity();
    let ends = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    let mut above_key = KeyPair::generate().map_err(minting)?;
    let mut above = level(count, ends)?;
    let mut way = vec![above.self_signed(&above_key).map_err(minting)?.der().clone()];
    for number in (1..count).rev() {
        let issuer = Issuer::new(above, above_key);
        above_key = KeyPair::generate().map_err(minting)?;
        above = level(number, ends)?;
        way.push(above.signed_by(&above_key, &issuer).map_err(minting)?.der().clone());
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&parsed)?;
    // What it has issued names its key as its own certificate does.
    if let Some(identifier) = key_identifier(&parsed) {
        params.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
    }
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.serial_number = Some(serial_number);
    let params = for_signing(params, ends);
    let own = params.signed_by(key, &Issuer::new(above, above_key)).map_err(minting)?;
    way.push(own.der().clone());
    way.reverse();
    Ok(way)
}

type Ends = (OffsetDateTime, OffsetDateTime);

fn level(number: usize, ends: Ends) -> Result<CertificateParams, PkiError> {
    let mut params = newly_named(&format!("long chain {number}"))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(for_signing(params, ends))
}

fn for_signing(mut params: CertificateParams, (not_before, not_after): Ends) -> CertificateParams {
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (not_before, not_after);
    params
}

/// The subject once more, as it is written in what the authority issues.
fn subject(certificate: &X509Certificate<'_>) -> Result<DistinguishedName, PkiError> {
    let no = || PkiError::NoAuthority("its subject cannot be written once more".to_owned());
    let mut name = DistinguishedName::new();
    for attribute in certificate.subject().iter_attributes() {
        let oid: Vec<u64> = attribute.attr_type().iter().ok_or_else(no)?.collect();
        let text = attribute.as_str().map_err(|_| no())?;
        let value = match attribute.attr_value().header.tag() {
            Tag::PrintableString => DnValue::PrintableString(text.try_into().map_err(minting)?),
            Tag::Utf8String => DnValue::Utf8String(text.to_owned()),
            _ => return Err(no()),
        };
        name.push(DnType::CustomDnType(oid), value);
    }
    Ok(name)
}

fn key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    })
}
