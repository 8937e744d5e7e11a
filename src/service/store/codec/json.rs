//! What the forms of all records share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::attestation::Certificate;

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
