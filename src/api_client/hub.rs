//! Devices of an IoT hub, as its own API has them (I.2): their twins, and how one is removed.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue, IF_MATCH};
use percent_encoding::utf8_percent_encode;
use rustls::ClientConfig;
use serde_json::Value;

use super::{CallError, ConnectionString, Patience, Record, ServiceClient};
use crate::net::Route;
use crate::wire::RESERVED;

/// A client of one hub.
#[derive(Debug)]
pub struct HubClient(ServiceClient);

impl HubClient {
    /// A client that goes this way to the hub, and gives each call so long. The connection string is
    /// one that [`ConnectionString::of_hub`] has read.
    pub fn by_route(
        connection: ConnectionString,
        tls: &Arc<ClientConfig>,
        route: Route,
        deadline: Duration,
    ) -> Self {
        Self(ServiceClient::by_route(connection, tls, route, deadline))
    }

    /// The same, with patience as that of a [`ServiceClient`].
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self(self.0.with_patience(patience))
    }

    /// Host name of the hub.
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// The twin of a device.
    ///
    /// # Errors
    ///
    /// 404 if there is no such device.
    pub async fn twin(&self, id: &str) -> Result<Record, CallError> {
        let answer = self.0.call(Method::GET, &path("twins", id), HeaderMap::new(), "").await?;
        self.0.read(&answer)
    }

    /// Changes tags or desired properties of a twin: a merge patch, whatever version it has.
    ///
    /// # Errors
    ///
    /// 404 if there is no such device, 400 if the patch is none.
    pub async fn change_twin(&self, id: &str, patch: &Value) -> Result<Record, CallError> {
        let body = patch.to_string();
        let answer = self.0.call(Method::PATCH, &path("twins", id), any_version(), body).await?;
        self.0.read(&answer)
    }

    /// Removes a device, and its twin with it.
    ///
    /// # Errors
    ///
    /// 404 if there is no such device.
    pub async fn delete_device(&self, id: &str) -> Result<(), CallError> {
        self.0.remove(&path("devices", id), any_version()).await
    }
}

fn path(collection: &str, id: &str) -> String {
    format!("/{collection}/{}", utf8_percent_encode(id, RESERVED))
}

fn any_version() -> HeaderMap {
    HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_static("*"))])
}
