//! Why a local service gave a device no hub, in its own words: Azure tells a device a code, and the
//! rest stands in a log that nobody but its owner has. Here that is who registers.

use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderMap;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use crate::cli::local::Local;
use crate::wire::RegistrationId;

/// It is at hand, or there is something wrong with it; the error is told all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// J-213.
const REASON: &str = "x-provision-sim-reason";

/// What the service's journal says of the last registration, if the service can be asked.
pub(super) async fn reason(local: &Local, registration_id: &RegistrationId) -> Option<String> {
    let client = local.client("--local").ok()?;
    let path = format!("/registrations/{registration_id}");
    let call = client.call(Method::GET, &path, HeaderMap::new(), Vec::new());
    let answer = timeout(PATIENCE, call).await.ok()?.ok()?;
    let reason = answer.headers.get(REASON)?.to_str().ok()?;
    Some(percent_decode_str(reason).decode_utf8_lossy().into_owned())
}
