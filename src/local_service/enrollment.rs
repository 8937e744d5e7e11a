//! Enrollments as tests write them, made into what a configuration holds. Whether they make sense
//! is for the service to say.

use std::fmt;

use serde_json::{Map, Value, json};

use super::function::{AllocationAnswer, Function};
use crate::attestation::GroupKey;
use crate::service::{AllocationPolicy, EnrollmentConfig, Kind, ReprovisionPolicy};

/// An enrollment group or an individual enrollment for a [`LocalService`](super::LocalService).
///
/// Unless it says otherwise its devices prove themselves with symmetric keys that the service makes,
/// and get their hub by hash from all that are linked.
///
/// ```
/// use provision_sim::EnrollmentBuilder;
/// use serde_json::json;
///
/// let pumps = EnrollmentBuilder::group("pumps")
///     .static_hub("hub-west.azure-devices.net")
///     .initial_twin(json!({ "tags": { "kind": "pump" } }));
/// ```
#[derive(Clone)]
#[must_use = "it is of no use until a service is given it"]
pub struct EnrollmentBuilder {
    kind: Kind,
    name: String,
    members: Map<String, Value>,
    function: Option<Function>,
}

impl EnrollmentBuilder {
    /// A group, by its ID.
    pub fn group(id: impl Into<String>) -> Self {
        Self::new(Kind::Group, "enrollmentGroupId", id.into())
    }

    /// An enrollment of one device, by its registration ID.
    pub fn individual(registration_id: impl Into<String>) -> Self {
        Self::new(Kind::Individual, "registrationId", registration_id.into())
    }

    fn new(kind: Kind, id: &str, name: String) -> Self {
        let members = Map::from_iter([
            (id.to_owned(), Value::String(name.clone())),
            ("attestation".to_owned(), json!({ "type": "symmetricKey" })),
        ]);
        Self { kind, name, members, function: None }
    }

    /// Its primary key, Base64 of 16 to 64 bytes: the group's, or the device's own.
    pub fn symmetric_key(self, primary: &str) -> Self {
        let key = json!({ "type": "symmetricKey", "symmetricKey": { "primaryKey": primary } });
        self.member("attestation", key)
    }

    /// A certificate, as PEM: the device's own for an individual enrollment; for a group that of an
    /// authority that signs those of its devices (D.5), which then counts as uploaded and verified too
    /// (J-212).
    pub fn x509(self, certificate: &str) -> Self {
        let certificates = json!({ "primary": { "certificate": certificate } });
        let member = match self.kind {
            Kind::Individual => "clientCertificates",
            Kind::Group => "signingCertificates",
        };
        self.member("attestation", json!({ "type": "x509", "x509": { member: certificates } }))
    }

    /// The endorsement key of its device's TPM, Base64 (B.5); of an individual enrollment alone.
    pub fn tpm(self, endorsement_key: &str) -> Self {
        let keys = json!({ "endorsementKey": endorsement_key });
        self.member("attestation", json!({ "type": "tpm", "tpm": keys }))
    }

    /// Its devices get this hub, by the `static` policy.
    pub fn static_hub(self, host_name: &str) -> Self {
        self.allocation_policy(AllocationPolicy::Static).hubs([host_name])
    }

    /// The hubs among which its policy chooses; by hash, unless another is given.
    pub fn hubs<T: Into<String>>(mut self, host_names: impl IntoIterator<Item = T>) -> Self {
        let hubs: Vec<String> = host_names.into_iter().map(Into::into).collect();
        self.members.entry("allocationPolicy").or_insert_with(|| "hashed".into());
        self.member("iotHubs", hubs.into())
    }

    /// How its devices get their hub (F.5).
    pub fn allocation_policy(self, policy: AllocationPolicy) -> Self {
        self.member("allocationPolicy", json!(policy))
    }

    /// Its devices get their hub by asking this webhook (G.2).
    pub fn webhook_url(mut self, url: &str) -> Self {
        self.function = None;
        let definition = json!({ "webhookUrl": url, "apiVersion": "2021-10-01" });
        self.allocation_policy(AllocationPolicy::Custom)
            .member("customAllocationDefinition", definition)
    }

    /// Its devices get their hub by asking `decide`, which is handed the AllocationRequest (G.3). It
    /// is asked over real HTTP, on a thread of its own; if it panics, it has answered 500.
    pub fn allocation_function(
        mut self,
        decide: impl Fn(&Value) -> AllocationAnswer + Send + Sync + 'static,
    ) -> Self {
        self.function = Some(Function::new(decide));
        self
    }

    /// The first twin of its devices: `{"tags":{…},"properties":{"desired":{…}}}`.
    pub fn initial_twin(self, twin: Value) -> Self {
        self.member("initialTwin", twin)
    }

    /// What happens to a device that registers again (F.6).
    pub fn reprovision_policy(self, policy: ReprovisionPolicy) -> Self {
        self.member("reprovisionPolicy", json!(policy))
    }

    /// Its devices get certificates by this policy, if they ask for one (B.7): `default`, or one of
    /// [`LocalServiceBuilder::certificate_policy`](super::LocalServiceBuilder::certificate_policy).
    pub fn certificate_policy(self, name: &str) -> Self {
        self.member("certificatePolicyName", name.into())
    }

    /// Its devices may not register (F.4).
    pub fn disabled(self) -> Self {
        self.member("provisioningStatus", "disabled".into())
    }

    /// Any other member of the REST API's record, such as `deviceId`, or one of those above in a
    /// form that they do not have.
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Which kind it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is the group of this ID.
    pub(super) fn is_group(&self, id: &str) -> bool {
        self.kind == Kind::Group && self.name.eq_ignore_ascii_case(id)
    }

    /// The certificate of the authority that signs those of its devices, if it is a group of such.
    pub(super) fn signing_certificate(&self) -> Option<&str> {
        let x509 = self.members.get("attestation")?.get("x509")?;
        x509.get("signingCertificates")?.get("primary")?.get("certificate")?.as_str()
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its allocation function, to be served; [`webhook_url`](Self::webhook_url) then says where.
    pub(super) fn take_function(&mut self) -> Option<Function> {
        self.function.take()
    }

    /// Its primary key, if it was given one; `None` also if it is attested in another way.
    pub(super) fn given_key(&self) -> Option<&str> {
        self.members.get("attestation")?.get("symmetricKey")?.get("primaryKey")?.as_str()
    }

    /// Whether keys are left to be made.
    pub(super) fn wants_key(&self) -> bool {
        self.members.get("attestation") == Some(&json!({ "type": "symmetricKey" }))
    }

    /// With this key.
    pub(super) fn with_key(self, key: &GroupKey) -> Self {
        self.symmetric_key(&key.to_base64())
    }

    /// As a configuration has it.
    ///
    /// # Errors
    ///
    /// In words, naming the enrollment, if it holds what no configuration can: `null`.
    pub(super) fn into_config(self) -> Result<EnrollmentConfig, String> {
        if self.members.values().any(has_null) {
            let name = &self.name;
            return Err(format!("the enrollment {name:?} has a null in it; leave the member out"));
        }
        Ok(self.members.into())
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// It may hold keys.
impl fmt::Debug for EnrollmentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollmentBuilder")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
