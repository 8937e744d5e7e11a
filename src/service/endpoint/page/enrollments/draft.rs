//! A new enrollment as a form describes it: its fields in, the record of the service API out.
//!
//! Pure. What is right is judged by the service API alone; here is only told what no record can say.

use serde_json::{Value, json};

use crate::service::enrollment::Kind;
use crate::wire::{Members, Payload};

/// The fields of the form, as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) is_group: bool,
    pub(super) name: String,
    pub(super) device_id: String,
    pub(super) is_x509: bool,
    pub(super) primary_key: String,
    pub(super) secondary_key: String,
    pub(super) certificate: String,
    pub(super) allocation: String,
    pub(super) hubs: Vec<String>,
    pub(super) webhook_url: String,
    pub(super) webhook_version: String,
    pub(super) reprovisioning: String,
    pub(super) twin: String,
    pub(super) is_edge: bool,
    pub(super) is_disabled: bool,
}

impl Draft {
    /// Which kind it is to be.
    pub(super) fn kind(&self) -> Kind {
        if self.is_group { Kind::Group } else { Kind::Individual }
    }

    /// The record.
    ///
    /// # Errors
    ///
    /// If the first twin is no JSON: in no record could it stand.
    pub(super) fn record(&self) -> Result<String, String> {
        let mut record = Members::default();
        match self.kind() {
            Kind::Group => record.add("enrollmentGroupId", &self.name),
            Kind::Individual => record.add("registrationId", &self.name),
        }
        if !self.is_group && !self.device_id.is_empty() {
            record.add("deviceId", &self.device_id);
        }
        record.add("attestation", &self.attestation());
        if self.is_edge {
            record.add("capabilities", &json!({ "iotEdge": true }));
        }
        if !self.twin.is_empty() {
            let twin: Payload = self
                .twin
                .parse()
                .map_err(|error| format!("The first twin is not JSON: {error}"))?;
            record.add("initialTwin", &twin);
        }
        record.add("provisioningStatus", if self.is_disabled { &"disabled" } else { &"enabled" });
        if let Some(policy) = self.reprovision_policy() {
            record.add("reprovisionPolicy", &policy);
        }
        if !self.allocation.is_empty() {
            record.add("allocationPolicy", &self.allocation);
        }
        if !self.hubs.is_empty() {
            record.add("iotHubs", &self.hubs);
        }
        if self.allocation == "custom" {
            let definition =
                json!({ "webhookUrl": self.webhook_url, "apiVersion": self.webhook_version });
            record.add("customAllocationDefinition", &definition);
        }
        serde_json::to_string(&record).map_err(|error| error.to_string())
    }

    fn attestation(&self) -> Value {
        if self.is_x509 {
            let slots = json!({ "primary": { "certificate": self.certificate } });
            let member = if self.is_group { "signingCertificates" } else { "clientCertificates" };
            return json!({ "type": "x509", "x509": { member: slots } });
        }
        // Empty ones are made.
        json!({ "type": "symmetricKey", "symmetricKey": {
            "primaryKey": self.primary_key, "secondaryKey": self.secondary_key,
        } })
    }

    fn reprovision_policy(&self) -> Option<Value> {
        let (update, migrate) = match &*self.reprovisioning {
            "migrate" => (true, true),
            "reset" => (true, false),
            "never" => (false, false),
            _ => return None,
        };
        Some(json!({ "updateHubAssignment": update, "migrateDeviceData": migrate }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::pki::TestCertificate;
    use crate::service::enrollment::read;

    fn draft() -> Draft {
        Draft { is_group: true, name: "pumps".to_owned(), ..Draft::default() }
    }

    fn value(draft: &Draft) -> Value {
        serde_json::from_str(&draft.record().unwrap()).unwrap()
    }

    #[test]
    fn j_251_a_form_becomes_the_record_that_a_back_end_would_send() {
        let draft = Draft {
            allocation: "custom".to_owned(),
            hubs: vec!["west".to_owned(), "east".to_owned()],
            webhook_url: "https://f/?code=x".to_owned(),
            webhook_version: "2021-10-01".to_owned(),
            reprovisioning: "reset".to_owned(),
            twin: r#"{"properties":{"desired":{"n":1.50}}}"#.to_owned(),
            is_edge: true,
            is_disabled: true,
            ..draft()
        };

        let text = draft.record().unwrap();
        assert!(text.contains(r#""n":1.50"#), "K-7: {text}");
        assert_eq!(
            value(&draft),
            json!({
                "enrollmentGroupId": "pumps",
                "attestation": { "type": "symmetricKey", "symmetricKey": { "primaryKey": "", "secondaryKey": "" } },
                "capabilities": { "iotEdge": true },
                "initialTwin": { "properties": { "desired": { "n": 1.5 } } },
                "provisioningStatus": "disabled",
                "reprovisionPolicy": { "updateHubAssignment": true, "migrateDeviceData": false },
                "allocationPolicy": "custom",
                "iotHubs": ["west", "east"],
                "customAllocationDefinition": { "webhookUrl": "https://f/?code=x", "apiVersion": "2021-10-01" },
            })
        );
        assert!(read(Kind::Group, text.as_bytes(), UNIX_EPOCH, 0, None).is_ok());
    }

    #[test]
    fn j_251_a_certificate_stands_where_its_kind_has_it() {
        let made = TestCertificate::self_signed("pump-1").unwrap();
        let certificate = made.chain_pem();
        for is_group in [true, false] {
            let draft =
                Draft { is_group, is_x509: true, certificate: certificate.to_string(), ..draft() };
            let member = if is_group { "signingCertificates" } else { "clientCertificates" };
            let record = value(&draft);
            assert!(record["attestation"]["x509"][member]["primary"]["certificate"].is_string());
            let text = draft.record().unwrap();
            assert!(read(draft.kind(), text.as_bytes(), UNIX_EPOCH, 0, None).is_ok(), "{text}");
        }
    }

    #[test]
    fn j_251_a_twin_that_is_no_json_is_told() {
        let told = Draft { twin: "{".to_owned(), ..draft() }.record().unwrap_err();
        assert!(told.starts_with("The first twin is not JSON"), "{told}");
    }
}
