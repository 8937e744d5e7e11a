//! The configuration as a whole.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::authorization::ServiceAuthorizationConfig;
use super::certificate::{CertificateConfig, X509Config};
use super::enrollments::{ConfiguredEnrollment, Reader};
use super::error::ConfigError;
use super::hub::LinkedHubConfig;
use super::issuer::{CertificateAuthorityConfig, CertificatePolicyConfig};
use super::retry_after;
use super::webhook::NamedWebhooks;
use super::written::EnrollmentConfig;
use crate::pki::IssuingAuthority;
use crate::service::access::ServiceAccess;
use crate::service::enrollment::{AllocationPolicy, Enrollments, Kind, WebhookUrl};
use crate::service::fault_rule::FaultRule;
use crate::service::instance::Instance;
use crate::service::quota::Quotas;
use crate::sources::{Chance, Sources};
use crate::text::{Document, Fault, MemberPath, written};

/// The members whose text names a record of a list in errors.
pub const RECORD_NAMES: [&str; 3] = ["registrationId", "enrollmentGroupId", "name"];

/// A configuration as written: TOML, read by [`Config::from_toml`].
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// ID scope of the instance.
    pub id_scope: String,
    /// The hubs linked to the instance.
    #[serde(default)]
    pub linked_hubs: Vec<LinkedHubConfig>,
    /// How hubs are chosen for enrollments that do not say: hashed (the default), geoLatency or static
    /// (F.5).
    #[serde(default)]
    pub allocation_policy: Option<AllocationPolicy>,
    /// The certificates uploaded to it, for enrollment groups with `caReferences` (D.5).
    #[serde(default)]
    pub certificates: Vec<CertificateConfig>,
    /// Who issues certificates to devices that ask for one; one that is made, if it is not there (J-436).
    #[serde(default = "one_authority")]
    pub certificate_authorities: Vec<CertificateAuthorityConfig>,
    /// What is asked of X.509 devices.
    #[serde(default)]
    pub x509: X509Config,
    /// Its individual enrollments (E.1).
    #[serde(default)]
    pub enrollments: Vec<EnrollmentConfig>,
    /// Its enrollment groups (E.2).
    #[serde(default)]
    pub enrollment_groups: Vec<EnrollmentConfig>,
    /// What every 202 tells devices to wait, unless a flag says otherwise.
    #[serde(default, alias = "retry-after", deserialize_with = "retry_after::read")]
    pub retry_after: Option<Duration>,
    /// How many polls at least are answered `assigning`, unless a flag says otherwise.
    #[serde(default, alias = "assigning-polls")]
    pub assigning_polls: Option<u32>,
    /// How often the instance may be asked; as often as one likes if it is not there (H.3).
    #[serde(default)]
    pub quotas: Quotas,
    /// What goes wrong on purpose.
    #[serde(default)]
    pub faults: Vec<FaultRule>,
    /// Who may use the service API; made at start if it is not there (E.6).
    #[serde(default)]
    pub service_authorization: Option<ServiceAuthorizationConfig>,
    #[serde(skip)]
    webhooks: NamedWebhooks,
}

fn one_authority() -> Vec<CertificateAuthorityConfig> {
    vec![CertificateAuthorityConfig::default_one()]
}

/// Enrollments hold keys.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("id_scope", &self.id_scope).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads a configuration and checks all of it. `webhooks` are the names that will be placed, see
    /// [`place_webhook`](Self::place_webhook).
    ///
    /// # Errors
    ///
    /// Names the first mistake with its line, its record and its member. Never repeats a key.
    pub fn from_toml(text: &str, webhooks: &[&str]) -> Result<Self, Fault> {
        let document = Document::parse(text, &RECORD_NAMES)?;
        let config: Self = document.read()?;
        let checked = config.check(webhooks);
        checked.map_err(|error| document.fault(error.path(), error.reason()))?;
        Ok(config)
    }

    /// Checks what can be checked before the service starts: all but where the webhooks of these names
    /// will be.
    ///
    /// # Errors
    ///
    /// Names the first member that is wrong, and why.
    pub fn check(&self, webhooks: &[&str]) -> Result<(), ConfigError> {
        let mut placed = self.webhooks.clone();
        let unspecified = || "http://0.0.0.0/".parse::<WebhookUrl>();
        for name in webhooks {
            placed.place(name, unspecified().unwrap_or_else(|_| unreachable!("it is an address")));
        }
        self.instance()?;
        CertificateAuthorityConfig::check_written(&self.certificate_authorities)?;
        self.service_access(&Chance::system())?;
        self.read_enrollments(&placed, &Sources::default()).map(drop)
    }

    /// Checks the configuration and makes the instance of it.
    ///
    /// # Errors
    ///
    /// Names the first member that is wrong, and why.
    pub fn instance(&self) -> Result<Instance, ConfigError> {
        let id_scope = self.id_scope.parse();
        if self.allocation_policy == Some(AllocationPolicy::Custom) {
            let path = MemberPath::of(&["allocationPolicy"]);
            return Err(ConfigError::new(path, "only enrollments have a webhook to ask"));
        }
        Ok(Instance {
            allocation_policy: self.allocation_policy,
            id_scope: id_scope
                .map_err(|error| ConfigError::new(MemberPath::of(&["idScope"]), error))?,
            linked_hubs: LinkedHubConfig::records(&self.linked_hubs)?,
            certificates: CertificateConfig::records(&self.certificates)?,
            requires_verified_ca: self.x509.require_verified_ca,
            issuers: CertificateAuthorityConfig::records(&self.certificate_authorities)?,
        })
    }

    /// Adds a policy to the first authority that issues certificates; one is made, if there is none.
    pub fn add_certificate_policy(&mut self, name: &str, validity: Duration) {
        if self.certificate_authorities.is_empty() {
            self.certificate_authorities = one_authority();
        }
        let validity = written(validity);
        let policy = CertificatePolicyConfig { name: name.to_owned(), validity };
        if let Some(first) = self.certificate_authorities.first_mut() {
            first.policies.push(policy);
        }
    }

    /// Files that it names without their whole path are meant as seen from this folder: its own.
    pub fn place_files(&mut self, folder: &Path) {
        self.certificate_authorities.iter_mut().for_each(|it| it.place_files(folder));
    }

    /// The authorities that issue certificates, in their order; nothing for those that are to be made.
    ///
    /// # Errors
    ///
    /// Names the first that cannot be read, and why.
    pub fn issuing_authorities(&self) -> Result<Vec<Option<IssuingAuthority>>, ConfigError> {
        CertificateAuthorityConfig::authorities(&self.certificate_authorities)
    }

    /// Checks the enrollments and makes records of them, which get `now` as their time.
    ///
    /// # Errors
    ///
    /// Names the first enrollment that is wrong, and why.
    pub fn enrollment_records(&self, sources: &Sources) -> Result<Enrollments, ConfigError> {
        let mut records = Enrollments::default();
        for ConfiguredEnrollment { enrollment, .. } in self.configured_enrollments(sources)? {
            records.put(enrollment);
        }
        Ok(records)
    }

    /// The same, each with the digest of what was written.
    pub(in crate::service) fn configured_enrollments(
        &self,
        sources: &Sources,
    ) -> Result<Vec<ConfiguredEnrollment>, ConfigError> {
        self.read_enrollments(&self.webhooks, sources)
    }

    fn read_enrollments(
        &self,
        webhooks: &NamedWebhooks,
        sources: &Sources,
    ) -> Result<Vec<ConfiguredEnrollment>, ConfigError> {
        let reader = Reader { certificates: &self.certificates, webhooks, sources };
        let mut all = reader.read(Kind::Individual, &self.enrollments)?;
        all.extend(reader.read(Kind::Group, &self.enrollment_groups)?);
        Ok(all)
    }

    /// Checks who may use the service API.
    ///
    /// # Errors
    ///
    /// If a key is none, or the name cannot stand in a connection string.
    pub fn service_access(&self, chance: &Chance) -> Result<ServiceAccess, ConfigError> {
        let written = self.service_authorization.as_ref();
        written.map_or_else(|| Ok(ServiceAccess::made_by(chance)), |written| written.access(chance))
    }

    /// Whether an enrollment's `webhookUrl` is this name.
    pub fn names_webhook(&self, name: &str) -> bool {
        let mut all = self.enrollments.iter().chain(&self.enrollment_groups);
        all.any(|written| written.webhook_url().as_deref() == Some(name))
    }

    /// Says where the webhook of this name is. What is written stays as it is.
    pub fn place_webhook(&mut self, name: &str, address: WebhookUrl) {
        self.webhooks.place(name, address);
    }

    /// The webhooks that have been placed, by name.
    pub fn placed_webhooks(&self) -> impl Iterator<Item = (&str, &WebhookUrl)> {
        self.webhooks.iter()
    }

    /// The same, to look them up.
    pub(in crate::service) fn webhooks(&self) -> &NamedWebhooks {
        &self.webhooks
    }
}

#[cfg(test)]
#[path = "file_faults.rs"]
mod faults;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::enrollment::Attestation;

    const GROUP: &str = r#"
        idScope = "0ne00002193"
        linkedHubs = ["a.azure-devices.net", { name = "b.azure-devices.net", allocationWeight = 3 }]
        retry-after = "0s"

        [[enrollmentGroups]]
        enrollmentGroupId = "pumps"
        attestation = { type = "symmetricKey", symmetricKey = { primaryKey = "AAAAAAAAAAAAAAAAAAAAAA==" } }
    "#;

    fn checked(text: &str) -> Result<(Instance, Enrollments), String> {
        let config = Config::from_toml(text, &[]).map_err(|fault| fault.to_string())?;
        let instance = config.instance().map_err(|e| e.to_string())?;
        let enrollments =
            config.enrollment_records(&Sources::default()).map_err(|e| e.to_string())?;
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
            "line 10: enrollmentGroups \"pumps\": allocationPolicy: A CustomAllocationDefinition is required when the allocation policy is set to 'Custom'"
        );
        assert_eq!(
            refused("\niotHubs = [\"a.azure-devices.net\"]"),
            "line 10: enrollmentGroups \"pumps\": iotHubs: Enrollment allocationPolicy must be specified when iotHubs are specified."
        );
        assert_eq!(
            refused("\nalocationPolicy = \"custom\""),
            "line 10: enrollmentGroups \"pumps\": alocationPolicy: the member is not known; did you mean `allocationPolicy`?"
        );
        assert!(refused("\nallocationPolicy = \"nearest\"").contains("unknown value `nearest`"));
        assert!(refused("\nallocationPolicy = \"Custom\"").ends_with("; did you mean `custom`?"));
        assert!(
            checked(&GROUP.replace("\"0s\"", "\"soon\"")).unwrap_err().contains("write a duration")
        );
        assert!(
            checked(&GROUP.replace("\"a.azure", "\"a b.azure"))
                .unwrap_err()
                .starts_with("line 3: linkedHubs \"a b.azure-devices.net\": expected a host name")
        );
        assert!(
            checked(&GROUP.replace("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"))
                .unwrap_err()
                .contains("16 to 64 bytes, this one 3")
        );
    }

    #[test]
    fn k_10_a_hub_is_linked_once_and_its_case_does_not_matter() {
        for again in
            ["\"A.Azure-Devices.net\"", "{ name = \"a.azure-devices.NET\", latency = \"1ms\" }"]
        {
            let twice =
                GROUP.replace("{ name = \"b.azure-devices.net\", allocationWeight = 3 }", again);
            let told = checked(&twice).unwrap_err();

            assert!(
                told.starts_with("line 3: linkedHubs \"a.")
                    || told.starts_with("line 3: linkedHubs \"A."),
                "{told}"
            );
            assert!(told.contains("the hub is linked twice"), "{told}");
        }
    }

    /// J-72.
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
            "line 12: enrollmentGroups \"x509\": attestation.x509.caReferences.primary: no [[certificates]] has the name \"my-root\""
        );
        let twice = refused(format!("{root}{root}"));
        assert!(twice.ends_with("certificates \"My-Root\": it is there twice"), "{twice}");
        assert_eq!(
            refused(uploaded(device.pem())),
            "line 11: certificates \"My-Root\": certificate: it is not that of a certification authority"
        );
        assert!(refused(uploaded("hello\n")).contains("neither PEM"));
    }
}
