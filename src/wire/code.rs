//! The service's six-digit error codes (H.2).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A six-digit error code; its first three digits are the HTTP status (H.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// A malformed request: bad registration ID, bad API version.
    pub const BAD_REQUEST: Self = Self(400_004);
    /// A hub cannot read a body as JSON (I.4).
    pub const JSON: Self = Self(400_006);
    /// A body that cannot be read (A.5).
    pub const DESERIALIZATION: Self = Self(400_012);
    /// A request for a certificate cannot be granted. A hub's code; nothing is published of DPS (J-439).
    pub const CERTIFICATE_REQUEST: Self = Self(400_040);
    /// No IoT hub is linked to the enrollment. Our own number (J-9).
    pub const NO_LINKED_HUB: Self = Self(400_203);
    /// The custom allocation webhook failed (G.6).
    pub const CUSTOM_ALLOCATION_FAILED: Self = Self(400_207);
    /// The webhook named no hub (G.6).
    pub const CUSTOM_ALLOCATION_IOT_HUB_NOT_SPECIFIED: Self = Self(400_208);
    /// The webhook answered 401 (G.6).
    pub const CUSTOM_ALLOCATION_UNAUTHORIZED_ACCESS: Self = Self(400_209);
    /// A SAS token was refused over MQTT.
    pub const UNAUTHORIZED_MQTT: Self = Self(401_000);
    /// Attestation failed: X.509, HTTPS, AMQP.
    pub const UNAUTHORIZED: Self = Self(401_002);
    /// The ID scope is not served here; not over MQTT. Our own number (J-29).
    pub const ID_SCOPE_NOT_FOUND: Self = Self(404_000);
    /// There is no such enrollment.
    pub const ENROLLMENT_NOT_FOUND: Self = Self(404_201);
    /// The device never registered (B.1, J-60).
    pub const RECORD_NOT_FOUND: Self = Self(404_202);
    /// The operation is not known, or not any more.
    pub const OPERATION_NOT_FOUND: Self = Self(404_203);
    /// The device registers over another connection at this moment (A.6).
    pub const PRECONDITION_FAILED: Self = Self(409_203);
    /// The device has asked its hub for a certificate already, and has no answer yet (I.4).
    pub const CERTIFICATE_UNDER_WAY: Self = Self(409_005);
    /// The device wants to replace a request for a certificate that is not under way (I.4). DPS has the
    /// same number for an entity tag that does not match.
    pub const NOTHING_TO_REPLACE: Self = Self(412_001);
    /// Nobody issues certificates to the device (I.4).
    pub const NO_CERTIFICATE_AUTHORITY: Self = Self(412_005);
    /// A rate limit was hit (H.3).
    pub const THROTTLED: Self = Self(429_001);
    /// A hub's rate limit was hit: with this number a device asks for its certificate again (I.4).
    pub const THROTTLED_AT_HUB: Self = Self(429_002);
    /// Something broke inside the service. Our own number; DPS documents only the status 500.
    pub const INTERNAL: Self = Self(500_001);

    /// The HTTP or topic status that goes with the code.
    pub fn status(self) -> u16 {
        u16::try_from(self.0 / 1000).unwrap_or(500)
    }

    /// The code's name where one is documented or recorded.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            400_004 => "BadRequest",
            400_012 => "DeserializationError",
            400_203 => "NoLinkedIotHub",
            400_207 => "CustomAllocationFailed",
            400_208 => "CustomAllocationIotHubNotSpecified",
            400_209 => "CustomAllocationUnauthorizedAccess",
            401_000 | 401_002 => "Unauthorized",
            401_001 => "IotHubNotFound",
            404_201 => "EnrollmentNotFound",
            404_202 => "RecordNotFound",
            404_203 => "OperationNotFound",
            409_201 => "EnrollmentAlreadyExists",
            409_202 => "EnrollmentGroupAlreadyExists",
            409_203 => "PreconditionFailed",
            429_001 => "Throttled",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_1_the_first_three_digits_are_the_status() {
        assert_eq!(ErrorCode::CUSTOM_ALLOCATION_FAILED.status(), 400);
        assert_eq!(ErrorCode::UNAUTHORIZED_MQTT.status(), 401);
        assert_eq!(ErrorCode::THROTTLED.status(), 429);
        assert_eq!(ErrorCode(u32::MAX).status(), 500, "no panic on nonsense");
    }
}
