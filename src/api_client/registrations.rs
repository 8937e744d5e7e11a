//! Registrations of devices, as the service tells of them (E.5).

use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue};
use percent_encoding::utf8_percent_encode;

use super::records::{Record, matching};
use super::{CallError, ServiceClient};
use crate::wire::RESERVED;

impl ServiceClient {
    /// The first `count` registrations of an enrollment group.
    ///
    /// # Errors
    ///
    /// 404 if there is no such group.
    pub async fn registrations(&self, group: &str, count: usize) -> Result<Vec<Record>, CallError> {
        self.pages(&format!("{}/query", path(group)), "", count).await
    }

    /// The registration of a device.
    ///
    /// # Errors
    ///
    /// 404 if the device has none.
    pub async fn registration(&self, id: &str) -> Result<Record, CallError> {
        self.read(&self.call(Method::GET, &path(id), HeaderMap::new(), "").await?)
    }

    /// Deletes the registration of a device; with `if_match`, only that version.
    ///
    /// # Errors
    ///
    /// 404 if the device has none, 412 if it is another version.
    pub async fn delete_registration(
        &self,
        id: &str,
        if_match: Option<&HeaderValue>,
    ) -> Result<(), CallError> {
        self.remove(&path(id), matching(if_match)).await
    }
}

fn path(id: &str) -> String {
    format!("/registrations/{}", utf8_percent_encode(id, RESERVED))
}
