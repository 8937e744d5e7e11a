//! A DPS instance: its scope, its hubs, its enrollments.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::enrollment::{Enrollment, Kind};
use crate::attestation::Certificate;
use crate::wire::IdScope;

/// What every enrollment can count on.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its ID scope.
    pub id_scope: IdScope,
    /// The hubs linked to it, in the order of the configuration (J-28).
    pub linked_hubs: Vec<LinkedHub>,
    /// The certificates uploaded to it, which enrollment groups refer to by name (D.5).
    pub certificates: Vec<InstanceCertificate>,
}

/// An authority's certificate that was uploaded to the instance. In Azure its owner has to prove
/// that they have the key before it counts; here that is taken for granted (J-72).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceCertificate {
    /// Its name.
    pub name: String,
    /// The certificate.
    pub certificate: Certificate,
}

impl Instance {
    /// The uploaded certificate of that name; case does not matter, as in all names of Azure's
    /// resources.
    pub fn certificate(&self, name: &str) -> Option<&Certificate> {
        let found = self.certificates.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        found.map(|found| &found.certificate)
    }

    /// The linked hub of that name; case does not matter.
    pub fn linked_hub(&self, host_name: &str) -> Option<&LinkedHub> {
        self.linked_hubs.iter().find(|hub| hub.host_name.eq_ignore_ascii_case(host_name))
    }
}

/// An IoT hub linked to the instance (F.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedHub {
    /// Host name, such as `contoso-hub.azure-devices.net`.
    pub host_name: String,
    /// Weight under the hashed policy, 1 to 1000.
    pub allocation_weight: u16,
    /// Whether enrollments that name no hubs may use it.
    pub apply_allocation_policy: bool,
    /// How far it is from the service, for the geoLatency policy (J-17).
    pub latency: Option<Duration>,
}

/// The enrollments of an instance. Names differ only in more than case (D.1).
#[derive(Debug, Clone, Default)]
pub struct Enrollments {
    pub(super) individual: HashMap<String, Arc<Enrollment>>,
    // In order of name: with thousands of groups a token is tried against each, and which one
    // matches first must not depend on chance.
    pub(super) groups: BTreeMap<String, Arc<Enrollment>>,
}

impl Enrollments {
    /// Adds or replaces.
    pub fn put(&mut self, enrollment: Arc<Enrollment>) {
        let name = enrollment.name().to_ascii_lowercase();
        match enrollment.kind() {
            Kind::Individual => self.individual.insert(name, enrollment),
            Kind::Group => self.groups.insert(name, enrollment),
        };
    }

    /// The enrollment of that kind and name.
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Arc<Enrollment>> {
        let name = name.to_ascii_lowercase();
        match kind {
            Kind::Individual => self.individual.get(&name),
            Kind::Group => self.groups.get(&name),
        }
    }

    /// The groups, in order of name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Enrollment>> {
        self.groups.values()
    }

    /// All of them, groups last.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Enrollment>> {
        self.individual.values().chain(self.groups.values())
    }
}
