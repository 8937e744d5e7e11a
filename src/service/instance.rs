//! A DPS instance: its scope, its hubs, its certificates.

use std::time::Duration;

use super::enrollment::{AllocationPolicy, Enrollment};
use crate::attestation::Certificate;
use crate::wire::{HubName, IdScope};

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
}
