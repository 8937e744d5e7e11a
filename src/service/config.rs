//! What a configuration file says, and how it becomes an [`Instance`] with its enrollments.
//!
//! Enrollments are written as the REST API has them; the file's own settings are spelled as the
//! flags of `serve`. A mistake is reported with the enrollment it is in.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::api::ServiceAccess;
use super::enrollment::{Attestation, Enrollment, Kind, WebhookUrl, read};
use super::instance::{Enrollments, Instance, InstanceCertificate, LinkedHub};
use super::quota::Quotas;
use crate::attestation::{Certificate, PolicyKey};

/// A configuration as written.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// ID scope of the instance.
    pub id_scope: String,
    /// The hubs linked to the instance.
    #[serde(default)]
    pub linked_hubs: Vec<LinkedHubConfig>,
    /// The certificates uploaded to it, for enrollment groups with `caReferences` (D.5).
    #[serde(default)]
    pub certificates: Vec<CertificateConfig>,
    /// Its individual enrollments (E.1).
    #[serde(default)]
    pub enrollments: Vec<toml::Table>,
    /// Its enrollment groups (E.2).
    #[serde(default)]
    pub enrollment_groups: Vec<toml::Table>,
    /// What every 202 tells devices to wait, unless a flag says otherwise.
    #[serde(default, rename = "retry-after", deserialize_with = "duration")]
    pub retry_after: Option<Duration>,
    /// How many polls at least are answered `assigning`, unless a flag says otherwise.
    #[serde(default, rename = "assigning-polls")]
    pub assigning_polls: Option<u32>,
    /// How often the instance may be asked; as often as one likes if it is not there (H.3).
    #[serde(default)]
    pub quotas: Quotas,
    /// Who may use the service API; made at start if it is not there (E.6).
    #[serde(default)]
    pub service_authorization: Option<ServiceAuthorizationConfig>,
    #[serde(skip)]
    webhooks: Vec<NamedWebhook>,
}

/// A webhook that configurations call by a name, because its address is new at each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedWebhook {
    /// What stands in the place of `webhookUrl`.
    pub name: String,
    /// Where it is this time.
    pub address: WebhookUrl,
}

/// An enrollment as the configuration has it.
#[derive(Debug)]
pub(super) struct Configured {
    /// What was written, as a digest: whether somebody changed it is seen by this.
    pub(super) digest: String,
    /// The record.
    pub(super) enrollment: Arc<Enrollment>,
}

/// The shared access policy of the service API, with the names of the resource model (E.6).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAuthorizationConfig {
    /// Name of the policy; `provisioningserviceowner` if it is not there.
    pub key_name: Option<String>,
    /// Its key, Base64; made at start if it is not there.
    pub primary_key: Option<String>,
    /// Its second key, Base64.
    pub secondary_key: Option<String>,
    /// Whether any `Bearer` token will do: nothing here can check one.
    #[serde(default)]
    pub accept_bearer: bool,
}

/// It holds keys.
impl std::fmt::Debug for ServiceAuthorizationConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAuthorizationConfig").finish_non_exhaustive()
    }
}

/// Enrollments hold keys.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("id_scope", &self.id_scope).finish_non_exhaustive()
    }
}

/// An authority's certificate. It counts as verified: proof of possession is not asked for (J-72).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    /// The name by which `caReferences` call it.
    pub name: String,
    /// PEM text, or one of the other forms of D-4.
    pub certificate: String,
}

/// A linked hub: its name, or a table with the names of the resource model.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum LinkedHubConfig {
    /// Just its host name.
    Name(String),
    /// More of it.
    Table {
        /// Host name.
        name: String,
        /// Weight under the hashed policy.
        #[serde(default = "one", rename = "allocationWeight")]
        allocation_weight: u16,
        /// Whether enrollments that name no hubs may use it.
        #[serde(default = "yes", rename = "applyAllocationPolicy")]
        apply_allocation_policy: bool,
        /// How far it is, such as `20ms`, for the geoLatency policy (J-17).
        latency: Option<String>,
    },
}

fn one() -> u16 {
    1
}

fn yes() -> bool {
    true
}

fn duration<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |error| serde::de::Error::custom(format!("{text:?}: {error}"));
    retry_after(&text).map(Some).map_err(wrong)
}

/// Parses what devices may be told to wait: whole seconds up to an hour, because the Python SDK
/// hangs on anything else.
///
/// # Errors
///
/// In words for the user.
pub fn retry_after(text: &str) -> Result<Duration, String> {
    const HOUR: Duration = Duration::from_secs(3600);
    match humantime::parse_duration(text) {
        Ok(wait) if wait > HOUR => Err("must be at most 1h".to_owned()),
        Ok(wait) if wait.subsec_nanos() > 0 => {
            Err("must be whole seconds; the Python SDK hangs on fractions".to_owned())
        }
        Ok(wait) => Ok(wait),
        Err(error) => Err(format!("{error}; write a duration such as 3s, 1m or 0s")),
    }
}

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    place: String,
    reason: String,
}

fn error(place: impl Into<String>, reason: impl ToString) -> ConfigError {
    ConfigError { place: place.into(), reason: reason.to_string() }
}

impl Config {
    /// Checks the configuration and makes the instance of it.
    ///
    /// # Errors
    ///
    /// Names the first member that is wrong, and why.
    pub fn instance(&self) -> Result<Instance, ConfigError> {
        Ok(Instance {
            id_scope: self.id_scope.parse().map_err(|e| error("idScope", e))?,
            linked_hubs: self
                .linked_hubs
                .iter()
                .map(LinkedHubConfig::record)
                .collect::<Result<_, _>>()?,
            certificates: self.instance_certificates()?,
        })
    }

    fn instance_certificates(&self) -> Result<Vec<InstanceCertificate>, ConfigError> {
        let mut certificates: Vec<InstanceCertificate> = Vec::new();
        for CertificateConfig { name, certificate } in &self.certificates {
            let place = || format!("certificate {name:?}");
            if certificates.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
                return Err(error(place(), "it is there twice"));
            }
            let certificate = Certificate::from_text(certificate).map_err(|e| error(place(), e))?;
            if certificate.authority().is_none() {
                return Err(error(place(), "it is not that of a certification authority"));
            }
            certificates.push(InstanceCertificate { name: name.clone(), certificate });
        }
        Ok(certificates)
    }

    /// A group that names a certificate which is not there would refuse every device.
    fn check_references(&self, enrollment: &Enrollment) -> Result<(), String> {
        let Attestation::CaReferences(names) = &enrollment.attestation else { return Ok(()) };
        let is_there = |name: &str| {
            self.certificates.iter().any(|certificate| certificate.name.eq_ignore_ascii_case(name))
        };
        match names.iter().find(|name| !is_there(name)) {
            Some(name) => Err(format!("caReferences: no [[certificates]] has the name {name:?}")),
            None => Ok(()),
        }
    }

    /// Checks the enrollments and makes records of them, which get `now` as their time.
    ///
    /// # Errors
    ///
    /// Names the first enrollment that is wrong, and why.
    pub fn enrollment_records(&self, now: SystemTime) -> Result<Enrollments, ConfigError> {
        let mut records = Enrollments::default();
        for Configured { enrollment, .. } in self.configured(now)? {
            records.put(enrollment);
        }
        Ok(records)
    }

    /// The same, each with the digest of what was written.
    pub(super) fn configured(&self, now: SystemTime) -> Result<Vec<Configured>, ConfigError> {
        let (mut all, mut names) = (Vec::new(), HashSet::new());
        let individual = self.enrollments.iter().map(|table| (Kind::Individual, table));
        let groups = self.enrollment_groups.iter().map(|table| (Kind::Group, table));
        for (kind, table) in individual.chain(groups) {
            let record = record(kind, &self.with_address(table), now)?;
            self.check_references(&record).map_err(|reason| error(place(kind, table), reason))?;
            if !names.insert((kind, record.name().to_ascii_lowercase())) {
                return Err(error(place(kind, table), "it is there twice"));
            }
            all.push(Configured { digest: digest(table), enrollment: Arc::new(record) });
        }
        Ok(all)
    }

    /// Checks who may use the service API.
    ///
    /// # Errors
    ///
    /// If a key is none, or the name cannot stand in a connection string.
    pub fn service_access(&self) -> Result<ServiceAccess, ConfigError> {
        let Some(written) = &self.service_authorization else {
            return Ok(ServiceAccess::generate());
        };
        let place = |member: &str| format!("serviceAuthorization.{member}");
        let key = |member: &str, text: &Option<String>| -> Result<Option<PolicyKey>, ConfigError> {
            let key = text.as_ref().map(|text| text.parse::<PolicyKey>()).transpose();
            key.map_err(|e| error(place(member), e))
        };
        let primary = key("primaryKey", &written.primary_key)?;
        let secondary = key("secondaryKey", &written.secondary_key)?;
        let policy = match written.key_name.as_deref() {
            Some(name) if name.is_empty() || name.contains([';', '=']) => {
                return Err(error(place("keyName"), "expected a name without ';' and '='"));
            }
            name => name.unwrap_or(ServiceAccess::DEFAULT_POLICY),
        };
        Ok(ServiceAccess::new(policy, primary.unwrap_or_else(PolicyKey::generate), secondary)
            .accepting_bearer(written.accept_bearer))
    }

    /// Whether an enrollment's `webhookUrl` is this name.
    pub fn names_webhook(&self, name: &str) -> bool {
        self.enrollments
            .iter()
            .chain(&self.enrollment_groups)
            .any(|it| webhook_url(it) == Some(name))
    }

    /// Says where the webhook of this name is. What is written stays as it is.
    pub fn place_webhook(&mut self, name: &str, address: WebhookUrl) {
        self.webhooks.retain(|webhook| webhook.name != name);
        self.webhooks.push(NamedWebhook { name: name.to_owned(), address });
    }

    /// The webhooks that have been placed.
    pub(super) fn webhooks(&self) -> &[NamedWebhook] {
        &self.webhooks
    }

    /// The enrollment with the address of its webhook in the place of a name.
    fn with_address<'a>(&self, table: &'a toml::Table) -> Cow<'a, toml::Table> {
        let named = self.webhooks.iter().find(|it| webhook_url(table) == Some(&*it.name));
        let Some(NamedWebhook { address, .. }) = named else { return Cow::Borrowed(table) };
        let mut table = table.clone();
        let definition = table.get_mut(DEFINITION).and_then(|it| it.get_mut(WEBHOOK_URL));
        if let Some(url) = definition {
            *url = address.expose().as_str().into();
        }
        Cow::Owned(table)
    }
}

const DEFINITION: &str = "customAllocationDefinition";
const WEBHOOK_URL: &str = "webhookUrl";

fn webhook_url(table: &toml::Table) -> Option<&str> {
    table.get(DEFINITION)?.get(WEBHOOK_URL)?.as_str()
}

/// SHA-256 of what was written, white space, comments and order of members apart.
fn digest(table: &toml::Table) -> String {
    let digest = Sha256::digest(table.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn record(kind: Kind, table: &toml::Table, now: SystemTime) -> Result<Enrollment, ConfigError> {
    let wrong = |reason: String| error(place(kind, table), reason);
    let json = serde_json::to_vec(table).map_err(|e| wrong(e.to_string()))?;
    let mut record =
        read(kind, &json, now, fastrand::u32(..), None).map_err(|e| wrong(e.to_string()))?;
    // What a program sends back it may have got from elsewhere; what a person writes is a typo.
    if let Some(name) = record.unknown.keys().next() {
        return Err(wrong(format!("unknown member `{name}`")));
    }
    record.unknown.clear();
    Ok(record)
}

fn place(kind: Kind, table: &toml::Table) -> String {
    let (what, member) = match kind {
        Kind::Individual => ("enrollment", "registrationId"),
        Kind::Group => ("enrollment group", "enrollmentGroupId"),
    };
    match table.get(member).and_then(toml::Value::as_str) {
        Some(name) => format!("{what} {name:?}"),
        None => format!("{what} without {member}"),
    }
}

impl LinkedHubConfig {
    fn record(&self) -> Result<LinkedHub, ConfigError> {
        let (host_name, allocation_weight, apply_allocation_policy, latency) = match self {
            Self::Name(name) => (name, 1, true, &None),
            Self::Table { name, allocation_weight, apply_allocation_policy, latency } => {
                (name, *allocation_weight, *apply_allocation_policy, latency)
            }
        };
        let latency = latency.as_deref().map(humantime::parse_duration).transpose();
        let hub = LinkedHub {
            host_name: host_name.clone(),
            allocation_weight,
            apply_allocation_policy,
            latency: latency
                .map_err(|e| error(format!("linkedHubs, {host_name:?}, latency"), e))?,
        };
        let place = || format!("linkedHubs, {:?}", hub.host_name);
        if !matches!(url::Host::parse(&hub.host_name), Ok(url::Host::Domain(_))) {
            return Err(error(place(), "expected a host name such as my-hub.azure-devices.net"));
        }
        if !(1..=1000).contains(&hub.allocation_weight) {
            return Err(error(place(), "allocationWeight must be 1 to 1000"));
        }
        Ok(hub)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const GROUP: &str = r#"
        idScope = "0ne00002193"
        linkedHubs = ["a.azure-devices.net", { name = "b.azure-devices.net", allocationWeight = 3 }]
        retry-after = "0s"

        [[enrollmentGroups]]
        enrollmentGroupId = "pumps"
        attestation = { type = "symmetricKey", symmetricKey = { primaryKey = "AAAAAAAAAAAAAAAAAAAAAA==" } }
    "#;

    fn checked(text: &str) -> Result<(Instance, Enrollments), String> {
        let config: Config = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        let instance = config.instance().map_err(|e| e.to_string())?;
        let enrollments = config.enrollment_records(UNIX_EPOCH).map_err(|e| e.to_string())?;
        Ok((instance, enrollments))
    }

    #[test]
    fn a_small_configuration_becomes_an_instance() {
        let (instance, enrollments) = checked(GROUP).unwrap();

        assert_eq!(instance.linked_hub("B.azure-devices.net").unwrap().allocation_weight, 3);
        let group = enrollments.find(Kind::Group, "PUMPS").unwrap();
        assert!(group.is_enabled());
        let Attestation::GroupKeys(keys) = &group.attestation else { panic!() };
        assert_eq!(keys.secondary.length(), 64, "made, as DPS does it (D.2)");
    }

    #[test]
    fn mistakes_are_reported_with_their_place() {
        let refused = |extra: &str| checked(&format!("{GROUP}{extra}")).unwrap_err();

        assert_eq!(
            refused("\nallocationPolicy = \"custom\""),
            "enrollment group \"pumps\": A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'"
        );
        assert_eq!(
            refused("\niotHubs = [\"a.azure-devices.net\"]"),
            "enrollment group \"pumps\": Enrollment allocationPolicy must be specified when iotHubs are specified."
        );
        assert_eq!(
            refused("\nalocationPolicy = \"custom\""),
            "enrollment group \"pumps\": unknown member `alocationPolicy`"
        );
        assert!(refused("\nallocationPolicy = \"nearest\"").contains("unknown variant `nearest`"));
        assert!(
            checked(&GROUP.replace("\"0s\"", "\"soon\"")).unwrap_err().contains("write a duration")
        );
        assert!(
            checked(&GROUP.replace("\"a.azure", "\"a b.azure"))
                .unwrap_err()
                .starts_with("linkedHubs")
        );
        assert!(
            checked(&GROUP.replace("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"))
                .unwrap_err()
                .contains("16 to 64 bytes, this one 3")
        );
    }

    #[test]
    fn d_5_groups_refer_to_certificates_that_are_there() {
        let pki = crate::pki::TestPki::new().unwrap();
        let device = pki.device(&"pump-0042".parse().unwrap()).unwrap();
        let uploaded = |pem: &str| {
            format!("[[certificates]]\nname = \"My-Root\"\ncertificate = \"\"\"\n{pem}\"\"\"\n")
        };
        // SDKs send an empty text for the slot that is not used.
        let group = r#"
            [[enrollmentGroups]]
            enrollmentGroupId = "x509"
            attestation = { type = "x509", x509 = { caReferences = { primary = "my-root", secondary = "" } } }
        "#;
        let root = uploaded(pki.root().pem());

        let (instance, _) = checked(&format!("{GROUP}{root}{group}")).unwrap();

        assert_eq!(instance.certificates[0].name, "My-Root");
        assert!(instance.certificate("MY-ROOT").is_some());
        let refused = |extra: String| checked(&format!("{GROUP}{extra}")).unwrap_err();
        assert_eq!(
            refused(group.to_owned()),
            "enrollment group \"x509\": caReferences: no [[certificates]] has the name \"my-root\""
        );
        assert_eq!(refused(format!("{root}{root}")), "certificate \"My-Root\": it is there twice");
        assert_eq!(
            refused(uploaded(device.pem())),
            "certificate \"My-Root\": it is not that of a certification authority"
        );
        assert!(refused(uploaded("hello\n")).contains("neither PEM"));
    }

    #[test]
    fn e_6_the_policy_of_the_service_api_can_be_configured() {
        let access = |lines: &str| {
            let text = format!("idScope = \"0ne00002193\"\n[serviceAuthorization]\n{lines}");
            toml::from_str::<Config>(&text).unwrap().service_access()
        };
        let key = "primaryKey = \"AAAAAAAAAAAAAAAAAAAAAA==\"\n";

        let given = access(&format!("{key}keyName = \"mine\"")).unwrap();
        assert_eq!(
            *given.connection_string("h"),
            "HostName=h;SharedAccessKeyName=mine;SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAA=="
        );
        let made = access("").unwrap().connection_string("h");
        assert!(made.starts_with("HostName=h;SharedAccessKeyName=provisioningserviceowner;"));
        let refused = access("primaryKey = \"c2Vjc*V0\"").unwrap_err().to_string();
        assert!(refused.starts_with("serviceAuthorization.primaryKey: "), "{refused}");
        assert!(!refused.contains("c2Vj"));
        assert!(access("keyName = \"a;b\"").is_err());
    }
}
