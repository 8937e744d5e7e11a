//! A DPS instance: its scope, its hubs, its certificates.

use std::time::Duration;

use thiserror::Error;

use super::enrollment::{AllocationPolicy, Enrollment, IssuerNames};
use crate::attestation::Certificate;
use crate::wire::{ConnectionProfile, HubName, IdScope};

/// What every enrollment can count on.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its ID scope.
    pub id_scope: IdScope,
    /// The hubs linked to it, in the order of the configuration (J-28).
    pub linked_hubs: Vec<LinkedHub>,
    /// How hubs are chosen for enrollments that do not say (F.5); hashed if it is not there.
    pub allocation_policy: Option<AllocationPolicy>,
    /// The certificates uploaded to it, which enrollment groups refer to by name (D.5).
    pub certificates: Vec<InstanceCertificate>,
    /// Whether a group takes only devices whose chain reaches a verified one of these (D.5), as on
    /// Azure.
    pub requires_verified_ca: bool,
    /// Who issues certificates to its devices, in the order of the configuration.
    pub issuers: Vec<CertificateIssuer>,
}

/// An authority that issues certificates to devices, by the names that enrollments have for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateIssuer {
    /// The namespace that it belongs to.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it issues.
    pub policies: Vec<CertificatePolicy>,
}

/// What an authority issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePolicy {
    /// Its name.
    pub name: String,
    /// How long certificates are valid.
    pub validity: Duration,
}

impl CertificateIssuer {
    /// Whether it is the one of these names; case does not matter.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace.eq_ignore_ascii_case(namespace) && self.name.eq_ignore_ascii_case(name)
    }

    /// The policy of that name; case does not matter.
    pub fn policy(&self, name: &str) -> Option<&CertificatePolicy> {
        self.policies.iter().find(|policy| policy.name.eq_ignore_ascii_case(name))
    }
}

/// Why the names of an enrollment lead to nobody who issues certificates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoIssuer {
    /// There is no such authority.
    #[error(
        "it names the certificate authority {0:?}, which is not configured; add it as \
         [[certificateAuthorities]]"
    )]
    Authority(String),
    /// It has no such policy.
    #[error(
        "it names the certificate policy {0:?}, which no authority has that it means; add it to the \
         policies of one of [[certificateAuthorities]]"
    )]
    Policy(String),
}

/// An authority's certificate that was uploaded to the instance. In Azure its owner has to prove
/// that they have the key before it counts; here the configuration says whether they did (J-72).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceCertificate {
    /// Its name.
    pub name: String,
    /// The certificate.
    pub certificate: Certificate,
    /// Whether its owner has proved possession of the key.
    pub is_verified: bool,
}

impl Instance {
    /// The uploaded certificate of that name; case does not matter, as in all names of Azure's
    /// resources.
    pub fn certificate(&self, name: &str) -> Option<&Certificate> {
        let found = self.certificates.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        found.map(|found| &found.certificate)
    }

    /// Who issues certificates by these names, and by which policy: the first to which all that are there
    /// apply; where no policy is named, the authority's first (J-437).
    ///
    /// # Errors
    ///
    /// If they lead to nobody.
    pub fn issuer(
        &self,
        names: &IssuerNames,
    ) -> Result<(&CertificateIssuer, &CertificatePolicy), NoIssuer> {
        let (namespace, authority) = (names.named_namespace(), names.named_authority());
        let applies =
            |name: Option<&str>, to: &str| name.is_none_or(|name| name.eq_ignore_ascii_case(to));
        let mut meant = self
            .issuers
            .iter()
            .filter(|it| applies(namespace, &it.namespace))
            .filter(|it| applies(authority, &it.name))
            .peekable();
        if meant.peek().is_none() {
            let named = namespace.into_iter().chain(authority);
            return Err(NoIssuer::Authority(named.collect::<Vec<_>>().join("/")));
        }
        let policy = names.named_policy();
        let found = meant.find_map(|issuer| {
            let policy = policy.map_or_else(|| issuer.policies.first(), |name| issuer.policy(name));
            Some((issuer, policy?))
        });
        found.ok_or_else(|| NoIssuer::Policy(policy.unwrap_or_default().to_owned()))
    }

    /// What is easier here than on Azure is said at start.
    pub(super) fn warn_of_leniency(&self) {
        if !self.requires_verified_ca {
            tracing::warn!(
                "X.509 groups take devices without a verified CA certificate; Azure refuses them (D.5)"
            );
        }
    }

    /// The hubs that an enrollment may use: those it names, as far as they are linked, else every
    /// linked one that is open to all (F.5, J-31).
    pub(super) fn hubs_of(&self, enrollment: &Enrollment) -> Vec<&LinkedHub> {
        match enrollment.named_hubs() {
            Some(names) => names.into_iter().filter_map(|name| self.linked_hub(name)).collect(),
            None => self.linked_hubs.iter().filter(|hub| hub.apply_allocation_policy).collect(),
        }
    }

    /// The linked hub of that name; case does not matter.
    pub fn linked_hub(&self, host_name: &str) -> Option<&LinkedHub> {
        self.linked_hubs.iter().find(|hub| hub.host_name.is(host_name))
    }
}

/// An IoT hub linked to the instance (F.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedHub {
    /// Host name, such as `contoso-hub.azure-devices.net`.
    pub host_name: HubName,
    /// Weight under the hashed policy, 1 to 1000.
    pub allocation_weight: u16,
    /// Whether enrollments that name no hubs may use it.
    pub apply_allocation_policy: bool,
    /// How far it is from the service, for the geoLatency policy (J-17).
    pub latency: Option<Duration>,
    /// How devices are told to speak to it (J-446); nothing is told if it is not there.
    pub connection_profile: Option<ConnectionProfile>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(namespace: &str, name: &str, policies: &[&str]) -> CertificateIssuer {
        let policies = policies.iter().map(|name| CertificatePolicy {
            name: (*name).to_owned(),
            validity: Duration::from_secs(60),
        });
        CertificateIssuer {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            policies: policies.collect(),
        }
    }

    #[test]
    fn j_437_the_names_that_are_there_decide_and_case_does_not() {
        let issuers = vec![
            issuer("fleet", "line-1", &["short", "long"]),
            issuer("fleet", "line-2", &["yearly"]),
            issuer("other", "line-1", &["short"]),
        ];
        let instance = Instance {
            id_scope: "0ne00002193".parse().unwrap(),
            linked_hubs: Vec::new(),
            allocation_policy: None,
            certificates: Vec::new(),
            requires_verified_ca: false,
            issuers,
        };
        let found = |[namespace, authority, policy, credential_policy]: [&str; 4]| {
            let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let names = IssuerNames {
                namespace: name(namespace),
                authority: name(authority),
                policy: name(policy),
                credential_policy: name(credential_policy),
            };
            let found = instance.issuer(&names);
            found.map(|(it, policy)| format!("{}/{}/{}", it.namespace, it.name, policy.name))
        };

        for (names, expected) in [
            (["fleet", "line-1", "long", ""], "fleet/line-1/long"),
            (["OTHER", "LINE-1", "SHORT", ""], "other/line-1/short"),
            (["", "", "", "yearly"], "fleet/line-2/yearly"),
            (["other", "", "", ""], "other/line-1/short"),
            (["", "line-2", "", ""], "fleet/line-2/yearly"),
        ] {
            assert_eq!(found(names).as_deref(), Ok(expected), "{names:?}");
        }
        let nobody = Some(String::new());
        let names = IssuerNames {
            namespace: nobody.clone(),
            authority: nobody.clone(),
            policy: nobody,
            credential_policy: Some("yearly".to_owned()),
        };
        assert!(names.ask_for_certificates(), "an empty name names nobody");
        assert_eq!(instance.issuer(&names).map(|(it, _)| &*it.name), Ok("line-2"));
        assert!(!IssuerNames { credential_policy: None, ..names }.ask_for_certificates());
        let authority = NoIssuer::Authority("fleet/line-3".to_owned());
        assert_eq!(found(["fleet", "line-3", "short", ""]), Err(authority));
        let policy = NoIssuer::Policy("daily".to_owned());
        assert_eq!(found(["fleet", "", "daily", ""]), Err(policy));
    }
}
