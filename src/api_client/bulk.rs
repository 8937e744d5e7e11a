//! Many enrollments at once (E.5).

use std::fmt;

use hyper::Method;
use hyper::header::HeaderMap;
use serde::{Deserialize, Serialize};

use super::{CallError, Kind, ServiceClient};
use crate::wire::ErrorCode;

/// As many as one operation takes.
pub const MAX_BULK: usize = 10;

/// A record that a bulk operation has not made, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDone {
    /// Its name.
    pub id: String,
    /// The service's code.
    pub code: ErrorCode,
    /// In the service's words.
    pub message: String,
}

impl NotDone {
    /// Whether there is such a record already.
    pub fn is_there(&self) -> bool {
        self.code.0 / 1000 == 409
    }
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.id, self.message, self.code)
    }
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fault {
    #[serde(alias = "enrollmentGroupId")]
    registration_id: String,
    error_code: u32,
    #[serde(default)]
    error_status: String,
}

impl ServiceClient {
    /// Makes up to [`MAX_BULK`] records by one call. What is wrong with one does not keep the others out.
    ///
    /// # Errors
    ///
    /// If the call as a whole has failed.
    pub async fn create_all(
        &self,
        kind: Kind,
        records: &[impl Serialize],
    ) -> Result<Vec<NotDone>, CallError> {
        let body = serde_json::json!({ (kind.collection()): records, "mode": "create" });
        let path = format!("/{}", kind.collection());
        let answer = self.call(Method::POST, &path, HeaderMap::new(), body.to_string()).await?;
        let outcome: Outcome =
            serde_json::from_slice(&answer.body).map_err(|_| CallError::NotUnderstood {
                host: self.host().to_owned(),
                status: answer.status.as_u16(),
            })?;
        let told = |fault: Fault| NotDone {
            id: fault.registration_id,
            code: ErrorCode(fault.error_code),
            message: fault.error_status,
        };
        Ok(outcome.errors.into_iter().map(told).collect())
    }
}
