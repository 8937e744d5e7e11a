//! The certificates that a device has asked its hub for since it registered; so that they stay bounded.

use std::time::Duration;

use serde::Serialize;

use super::certificate::EntryCertificate;
use super::millis::as_millis;
use super::text::Text;
use crate::wire::ErrorCode;

/// How many are kept of one registration (J-471).
const MAX_RENEWALS: usize = 16;

/// A request for a certificate that the hub has granted or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryRenewal {
    /// When, from the registration's request on; in JSON whole milliseconds.
    #[serde(serialize_with = "as_millis")]
    pub at: Duration,
    /// The device's name for the request.
    pub request_id: Text,
    /// The certificate that was issued.
    pub certificate: Option<EntryCertificate>,
    /// Why there is none, as told to the device.
    pub error_code: Option<ErrorCode>,
    /// The same in words, as in the log.
    pub reason: Option<Text>,
}

impl EntryRenewal {
    /// Bytes of its texts.
    pub(super) fn weight(&self) -> usize {
        let reason = self.reason.as_ref().map_or(0, |reason| reason.len());
        let certificate = self.certificate.as_ref().map_or(0, EntryCertificate::weight);
        size_of::<Self>() + self.request_id.len() + reason + certificate
    }
}

/// Adds one; the oldest goes once there are too many.
pub(super) fn add(renewals: &mut Vec<EntryRenewal>, renewal: EntryRenewal) {
    if renewals.len() >= MAX_RENEWALS {
        renewals.remove(0);
    }
    renewals.push(renewal);
}
