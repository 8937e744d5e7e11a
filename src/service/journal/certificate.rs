//! A certificate that was issued to a device, with its registration or later.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::millis::{as_millis, as_timestamp};
use super::text::{Shared, Text};
use crate::attestation::Certificate;
use crate::service::record::IssuerName;

/// A certificate that was issued to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryCertificate {
    /// When, from the request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// To whom.
    pub subject: Text,
    /// Who issued it: namespace and name of the authority.
    pub issuer: Text,
    /// By which policy.
    pub policy: Text,
    /// Its serial number.
    pub serial_number: Text,
    /// Until when it is valid.
    #[serde(serialize_with = "as_timestamp")]
    pub not_after: SystemTime,
}

impl EntryCertificate {
    /// Bytes of the texts that it does not share with others.
    pub(super) fn weight(&self) -> usize {
        self.subject.len() + self.serial_number.len()
    }

    pub(super) fn new(
        at: Duration,
        leaf: &Certificate,
        issuer: &IssuerName,
        shared: &mut Shared,
    ) -> Self {
        let info = leaf.info();
        Self {
            at,
            subject: info.subject_name.as_str().into(),
            issuer: shared.text(&issuer.to_string()),
            policy: shared.text(&issuer.policy),
            serial_number: info.serial_number.as_str().into(),
            not_after: info.not_after,
        }
    }
}
