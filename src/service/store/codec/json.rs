//! What the forms of all records share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::attestation::Certificate;
use crate::pki::CertificateRequest;
use crate::service::record::IssuedChain;

/// Why a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::service::store) enum Unreadable {
    /// It is not JSON of the expected shape.
    #[error("its JSON is not what is expected, at byte {0}")]
    Shape(usize),
    /// It is, but says something impossible.
    #[error("{0}")]
    Content(String),
}

pub(super) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    // Without serde's own text, which quotes what it found.
    serde_json::from_slice(json).map_err(|error| Unreadable::Shape(error.column()))
}

/// A certificate as Base64 of its DER form.
#[derive(Debug, Clone)]
pub(super) struct Der(pub(super) Certificate);

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(self.0.der()))
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("no certificate");
        let der = STANDARD.decode(String::deserialize(from)?).map_err(|_| wrong())?;
        Certificate::from_der(der.into()).map(Self).map_err(|_| wrong())
    }
}

/// A request for a certificate in the same form.
#[derive(Debug, Clone)]
pub(super) struct Request(pub(super) CertificateRequest);

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(self.0.der()))
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        // Without its own words, for errors repeat nothing of what was found.
        let wrong = |_| D::Error::custom("no request for a certificate");
        CertificateRequest::read(&text).map(Self).map_err(wrong)
    }
}

/// Certificates in the same form, the device's own first.
#[derive(Debug, Clone)]
pub(super) struct Chain(pub(super) IssuedChain);

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.to_base64().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let wrong = |_| D::Error::custom("no certificates");
        let ders = texts.iter().map(|text| STANDARD.decode(text).map(Into::into));
        Ok(Self(ders.collect::<Result<Vec<_>, _>>().map_err(wrong)?.into()))
    }
}
