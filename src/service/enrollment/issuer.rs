//! Who issues certificates to the devices of an enrollment, by its names.

use crate::wire::{ApiVersion, Members};

/// The names by which an enrollment calls a certificate authority and one of its policies. None of them has
/// to be there, and none to lead anywhere. An empty one is kept (K-7) and names nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuerNames {
    /// Namespace of the authority.
    pub namespace: Option<String>,
    /// The authority.
    pub authority: Option<String>,
    /// The policy, in versions from 2026-11-01 on.
    pub policy: Option<String>,
    /// The policy, in older versions.
    pub credential_policy: Option<String>,
}

const NAMESPACE: &str = "namespaceName";
const AUTHORITY: &str = "certificateAuthorityName";
const POLICY: &str = "certificatePolicyName";
const CREDENTIAL_POLICY: &str = "credentialPolicyName";

impl IssuerNames {
    /// Whether certificates shall be issued: a namespace alone is there for other things too (J-437).
    pub fn ask_for_certificates(&self) -> bool {
        self.named_authority().is_some() || self.named_policy().is_some()
    }

    /// The namespace that is named.
    pub fn named_namespace(&self) -> Option<&str> {
        named(&self.namespace)
    }

    /// The authority that is named.
    pub fn named_authority(&self) -> Option<&str> {
        named(&self.authority)
    }

    /// The policy that is named, in either version's words.
    pub fn named_policy(&self) -> Option<&str> {
        named(&self.policy).or(named(&self.credential_policy))
    }

    /// Adds them to a record.
    pub(super) fn add_to(&self, members: &mut Members) {
        let Self { namespace, authority, policy, credential_policy } = self;
        members.add_some(NAMESPACE, namespace.as_deref());
        members.add_some(AUTHORITY, authority.as_deref());
        members.add_some(POLICY, policy.as_deref());
        members.add_some(CREDENTIAL_POLICY, credential_policy.as_deref());
    }

    /// The members of a record that this version does not have (J-441).
    pub fn members_unknown_to(version: &ApiVersion) -> &'static [&'static str] {
        match (version.issues_certificates(), version.names_certificate_authorities()) {
            (_, true) => &[],
            (true, false) => &[NAMESPACE, AUTHORITY, POLICY],
            (false, false) => &[NAMESPACE, AUTHORITY, POLICY, CREDENTIAL_POLICY],
        }
    }
}

fn named(name: &Option<String>) -> Option<&str> {
    name.as_deref().filter(|name| !name.is_empty())
}
