//! What a device and its hub say to each other of the device's certificates (I.4): requests and answers
//! on `$iothub/credentials/…`.
//!
//! Members stand in the order in which the hub writes them. The device's request is read strictly, as the
//! hub does it; answers leniently.

use serde::{Deserialize, Serialize};

use super::{ErrorCode, Object, ObjectFault};

/// Longest request for a certificate that a hub takes, in characters of Base64.
pub const MAX_CSR: usize = 8192;

/// A device asks for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueRequest {
    /// The device, as it signed in.
    pub id: String,
    /// What it wants a certificate for: Base64 of a PKCS #10 request in DER, on one line.
    pub csr: String,
    /// Which operation this one takes the place of, if it may take that of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<Replace>,
}

/// Which operation another one takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replace {
    /// Whichever is under way.
    Any,
    /// That of this request.
    One(String),
}

impl Replace {
    /// `*`, or the name of a request; none if it cannot be one.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::Any),
            rid => is_credentials_rid(rid).then(|| Self::One(rid.to_owned())),
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::One(rid) => rid,
        }
    }
}

impl Serialize for Replace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How a request for a certificate may be named, in words.
pub const CREDENTIALS_RID: &str =
    "4 to 36 letters, digits and hyphens, a hyphen neither first nor last";

/// Whether a request for a certificate may be named so: 4 to 36 letters, digits and hyphens, a hyphen
/// neither first nor last.
pub fn is_credentials_rid(rid: &str) -> bool {
    (4..=36).contains(&rid.len())
        && rid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !rid.starts_with('-')
        && !rid.ends_with('-')
}

/// The members of a request for a certificate, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueMembers {
    /// The device.
    pub id: Option<String>,
    /// What it wants a certificate for.
    pub csr: Option<String>,
    /// Which operation this one takes the place of.
    pub replace: Option<String>,
    /// A member that no such request has.
    pub unknown: Option<String>,
}

impl IssueMembers {
    /// Takes a body apart.
    ///
    /// # Errors
    ///
    /// If it is no JSON object, or has a member of the wrong kind, or twice.
    pub fn read(body: &[u8]) -> Result<Self, ObjectFault> {
        let object = Object::read(body)?;
        let unknown = object.names().find(|name| !["id", "csr", "replace"].contains(name));
        Ok(Self {
            id: object.text("id")?,
            csr: object.text("csr")?,
            replace: object.text("replace")?,
            unknown: unknown.map(str::to_owned),
        })
    }
}

/// 202: the hub has the certificate made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssueAccepted {
    /// Its name for the operation.
    pub correlation_id: String,
    /// When it gives the operation up, RFC 3339.
    pub operation_expires: String,
}

/// 200: here it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedCertificates {
    /// The hub's name for the operation.
    pub correlation_id: String,
    /// Base64 of DER: the device's certificate, then those above it, each signed by the next.
    pub certificates: Vec<String>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssueFailure {
    /// What kind of failure it is.
    pub error_code: ErrorCode,
    /// What the hub says of it.
    #[serde(default)]
    pub message: String,
    /// By which the hub's own people find it.
    #[serde(default)]
    pub tracking_id: String,
    /// When it happened, RFC 3339.
    #[serde(default)]
    pub timestamp_utc: String,
    /// What there is to know of this one.
    #[serde(default)]
    pub info: Option<IssueFailureInfo>,
    /// After how many seconds the same may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// What there is to know of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IssueFailureInfo {
    /// The request that is under way, or the one that is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When the operation under way is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_expires: Option<String>,
    /// The hub's name for the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// A number of whoever issues certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_error: Option<String>,
    /// What they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_message: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn i_names_of_requests_have_4_to_36_letters_digits_and_hyphens() {
        for rid in ["156089087", "db8c0f73-ac73-4b90-bba4-8a26ae2fcb27", "a--b"] {
            assert!(is_credentials_rid(rid), "{rid}");
        }
        let long = "a".repeat(37);
        for rid in ["", "123", "-abc", "abc-", "ab c", "ab_c", "äbcd", &long] {
            assert!(!is_credentials_rid(rid), "{rid}");
        }
    }

    #[test]
    fn i_a_request_is_written_as_it_is_read() {
        let request = IssueRequest {
            id: "pump".to_owned(),
            csr: "MIHx".to_owned(),
            replace: Some(Replace::Any),
        };
        let text = serde_json::to_string(&request).unwrap();

        assert_eq!(text, r#"{"id":"pump","csr":"MIHx","replace":"*"}"#);
        let read = IssueMembers::read(text.as_bytes()).unwrap();
        assert_eq!(read.replace.as_deref().and_then(Replace::read), request.replace);
        assert_eq!((read.id, read.csr), (Some(request.id), Some(request.csr)));
        let other = IssueMembers::read(br#"{"id":"a","unknownField":1}"#).unwrap();
        assert_eq!(other.unknown.as_deref(), Some("unknownField"));
        assert!(IssueMembers::read(br#"{"id":7}"#).is_err());
    }

    #[test]
    fn i_a_conflict_is_read_as_it_was_recorded() {
        let body = r#"{"errorCode":409004,"message":"…","trackingId":"…","timestampUtc":"…",
            "info":{"requestId":"304937152","operationExpires":"2026-01-31T12:56:08.892000000Z",
            "correlationId":"418fb379-71ad-4e84-9f47-3795f871cebd"}}"#;

        let failure: IssueFailure = serde_json::from_str(body).unwrap();

        assert_eq!(failure.error_code.status(), 409);
        assert_eq!(failure.info.unwrap().request_id.as_deref(), Some("304937152"));
        assert_eq!(failure.retry_after, None);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\PC{0,60}|\\{\"(id|csr|replace)\":.{0,9}\\}") {
            let _ = IssueMembers::read(body.as_bytes());
        }
    }
}
