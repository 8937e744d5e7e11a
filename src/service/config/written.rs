//! One of `[[enrollments]]` or `[[enrollmentGroups]]`, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::service::enrollment::Kind;

const DEFINITION: &str = "customAllocationDefinition";
const WEBHOOK_URL: &str = "webhookUrl";

/// An enrollment as a configuration has it: the JSON of the REST API, kept as written, so that order
/// and digits of what is passed on (`initialTwin`) stay what they are.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct EnrollmentConfig(Box<RawValue>);

/// It may hold keys.
impl std::fmt::Debug for EnrollmentConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrollmentConfig(redacted)")
    }
}

impl From<Map<String, Value>> for EnrollmentConfig {
    fn from(members: Map<String, Value>) -> Self {
        Self(to_raw_value(&members).unwrap_or_else(|_| unreachable!("it is JSON")))
    }
}

impl EnrollmentConfig {
    /// The same with this in the place of a member.
    pub fn with(&self, member: &str, value: &Value) -> Self {
        // Whatever else it says stays as it is written.
        let members = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(self.as_json());
        let changed = members.and_then(|mut members| {
            members.insert(member.to_owned(), to_raw_value(value)?);
            to_raw_value(&members)
        });
        changed.map_or_else(|_| self.clone(), Self)
    }

    /// What a member is, as the REST API has it.
    pub fn get(&self, member: &str) -> Option<Value> {
        self.value().get(member).cloned()
    }

    /// All of it, as the REST API has it.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// Its name, if it has one.
    pub(super) fn name(&self, kind: Kind) -> Option<String> {
        let member = match kind {
            Kind::Individual => "registrationId",
            Kind::Group => "enrollmentGroupId",
        };
        self.value()[member].as_str().map(str::to_owned)
    }

    /// What it says of its webhook: an address, or a name.
    pub(super) fn webhook_url(&self) -> Option<String> {
        self.value()[DEFINITION][WEBHOOK_URL].as_str().map(str::to_owned)
    }

    /// The same with this address of its webhook.
    pub(super) fn with_webhook_url(&self, address: &str) -> Self {
        let mut definition = self.value()[DEFINITION].take();
        definition[WEBHOOK_URL] = address.into();
        self.with(DEFINITION, &definition)
    }

    /// SHA-256 of what is written, white space, comments and order of members apart. Folders of state
    /// hold it, so it is that of the text as TOML writes it, as in earlier versions.
    pub(super) fn digest(&self) -> String {
        let table = toml::Table::try_from(self.value());
        let text = table.map_or_else(|_| self.as_json().to_owned(), |table| table.to_string());
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn value(&self) -> Value {
        serde_json::from_str(self.as_json()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::Document;

    fn written(toml: &str) -> EnrollmentConfig {
        Document::parse(toml, &[]).unwrap().read().unwrap()
    }

    #[test]
    fn digests_are_those_of_earlier_versions() {
        for toml in [
            "registrationId = \"a\"\nattestation = { type = \"tpm\", tpm = { endorsementKey = \"x\" } }",
            "z = 1\na.c = [1.50, -0.0, 1e3, 1_000, true, { y = 1, x = [] }]\n[b]\n[[c]]\nd = \"é\\n\"",
        ] {
            let table: toml::Table = toml.parse().unwrap();
            let digest = Sha256::digest(table.to_string());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();

            assert_eq!(written(toml).digest(), digest);
        }
        assert_eq!(
            written("b = 1\na = 2").digest(),
            "ee55c8bc43d4a136c51196bffba4a6ee339db4797e1e9427b3ea41407152aaf9"
        );
    }

    #[test]
    fn the_address_of_a_webhook_takes_the_place_of_its_name_and_nothing_else_changes() {
        let named = written(
            "customAllocationDefinition = { webhookUrl = \"here:it\", apiVersion = \"x\" }\n\
             initialTwin = { z = 1.50, a = 18446744073709551616 }",
        );

        let resolved = named.with_webhook_url("http://localhost:1/");

        assert_eq!(named.webhook_url().as_deref(), Some("here:it"));
        assert_eq!(
            resolved.as_json(),
            r#"{"customAllocationDefinition":{"webhookUrl":"http://localhost:1/","apiVersion":"x"},"initialTwin":{"z":1.50,"a":18446744073709551616}}"#
        );
    }

    proptest! {
        #[test]
        fn a_digest_does_not_depend_on_the_order_of_members(a: i64, b in any::<f64>(), c in "\\PC{0,9}") {
            let b = if b.is_finite() { b } else { 0.0 };
            let lines = [format!("a = {a}"), format!("b = {b:?}"), format!("c = {}", Value::from(c))];
            let one = written(&lines.join("\n"));
            let other = written(&lines.iter().rev().cloned().collect::<Vec<_>>().join("\n"));

            prop_assert_eq!(one.digest(), other.digest());
        }
    }
}
