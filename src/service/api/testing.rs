//! A service to ask, without sockets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{Request, Response, handle};
use crate::attestation::PolicyKey;
use crate::service::access::ServiceAccess;
use crate::service::allocation::webhook::{WebhookClient, WebhookSettings};
use crate::service::config::Config;
use crate::service::enrollment::Enrollments;
use crate::service::faults::Faults;
use crate::service::hub::Hubs;
use crate::service::issuing::Authorities;
use crate::service::journal::Observer;
use crate::service::quota::Quotas;
use crate::service::registrar::{Pace, Registrar, RegistrarSettings};
use crate::service::reprovision::ResetOnSameHub;
use crate::service::store::Store;
use crate::service::tap::Tap;

pub(super) const HOST: &str = "localhost:8443";
pub(super) const POLICY_KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";
pub(super) const KEY_1: &str = "MDAwMDAwMDAwMDAwMDAwMA==";
pub(super) const KEY_2: &str = "MTExMTExMTExMTExMTExMQ==";

/// A service with one linked hub and no enrollments.
pub(in crate::service) struct World {
    pub(in crate::service) registrar: Arc<Registrar>,
    pub(super) access: ServiceAccess,
}

/// An answer, ready to be compared.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

pub(super) fn policy_key() -> PolicyKey {
    POLICY_KEY.parse().unwrap()
}

pub(in crate::service) fn world() -> World {
    let config = Config::from_toml(
        "idScope = \"0ne00002193\"\nlinkedHubs = [\"hub-west.azure-devices.net\"]",
        &[],
    )
    .unwrap();
    let instance = config.instance().unwrap();
    let store = Arc::new(Store::in_memory(config.enrollment_records(&Default::default()).unwrap()));
    let hubs = instance.linked_hubs.iter().map(|hub| hub.host_name.clone()).collect();
    let hubs = Arc::new(Hubs::new(hubs, store.clone(), Default::default()));
    let authorities =
        Arc::new(Authorities::open(&instance, Vec::new(), None, Default::default()).unwrap());
    let registrar = Registrar::new(
        instance,
        (store, hubs),
        RegistrarSettings {
            authorities,
            faults: Faults::default(),
            initial: Enrollments::default(),
            webhooks: WebhookClient::new(WebhookSettings::default()),
            pace: Pace { retry_after: Duration::ZERO, assigning_polls: 0 },
            on_same_hub: ResetOnSameHub::default(),
            suspects: Vec::new(),
            quotas: Quotas::default(),
            observer: Observer::default(),
            tap: Tap::default(),
            sources: Default::default(),
        },
    );
    let access = ServiceAccess::new(ServiceAccess::DEFAULT_POLICY, policy_key(), None);
    World { registrar: Arc::new(registrar), access }
}

/// A request that is signed and names a version.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let expiry = SystemTime::now() + Duration::from_secs(60);
    let token = policy_key().sign(HOST, ServiceAccess::DEFAULT_POLICY, expiry);
    let mut all = vec![("authorization".to_owned(), token.as_str().to_owned())];
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: vec![("api-version".to_owned(), "2021-10-01".to_owned())],
        headers: all,
        body: body.as_bytes().to_vec(),
        host: HOST.to_owned(),
    }
}

impl World {
    pub(super) async fn send(&self, request: Request) -> Answer {
        let Response { status, headers, body } =
            handle(&self.registrar, &self.access, request).await;
        Answer { status, headers, body: String::from_utf8(body).unwrap() }
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(request(method, path, &[], body)).await
    }

    pub(super) async fn ask_if_match(
        &self,
        method: &str,
        path: &str,
        etag: &str,
        body: &str,
    ) -> Answer {
        self.send(request(method, path, &[("if-match", etag)], body)).await
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.body)).to_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(key, value)| (*key == name).then_some(value.as_str()))
    }

    /// Status, error code and text; the body must be an error object (H.1).
    pub(super) fn error(&self) -> (u16, u64, String) {
        let error = self.json();
        assert_eq!(self.header("x-ms-error-code"), Some(error["errorCode"].to_string().as_str()));
        assert_eq!(self.header("x-ms-request-id"), error["trackingId"].as_str());
        (self.status, error["errorCode"].as_u64().unwrap(), self.member("message"))
    }

    /// Compares the body with what is expected, in which `{etag}`, `{created}` and `{updated}`
    /// stand for what differs from run to run.
    #[track_caller]
    pub(super) fn is_golden(&self, expected: &str) {
        let expected = expected
            .replace("{etag}", &self.member("etag"))
            .replace("{created}", &self.member("createdDateTimeUtc"))
            .replace("{updated}", &self.member("lastUpdatedDateTimeUtc"));
        assert_eq!(self.body, expected);
    }
}
