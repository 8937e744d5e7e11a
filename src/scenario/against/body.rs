//! An enrollment of the file as the service API takes it (E.1, E.2).
//!
//! Pure. A configuration has the members of the REST API already, and its digits are kept (K-7); only
//! names are others there, and functions that the file calls by a name have an address.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::mapping::Mapping;
use crate::api_client::Kind;
use crate::wire::{Members, Payload};

const DEFINITION: &str = "customAllocationDefinition";
const DEVICE_ID: &str = "deviceId";

/// Why an enrollment cannot be made elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It has no name.
    #[error("it has no {0}")]
    Nameless(&'static str),
    /// Its function is where the service cannot call it.
    #[error("its allocation function {0} is on this machine, where the service cannot call it")]
    Unreachable(String),
    /// It is no JSON object.
    #[error("it is no JSON object")]
    NoObject,
}

/// Enrollments of the file, as they are there.
pub struct Bodies<'a> {
    /// The names.
    pub mapping: &'a Mapping,
    /// The address of a function, by what the file says of it: a name, or an address; none if the
    /// service cannot call it.
    pub address: &'a dyn Fn(&str) -> Option<String>,
}

impl Bodies<'_> {
    /// The body of the request that makes an enrollment, and its name there.
    ///
    /// # Errors
    ///
    /// If it has no name, or a function that cannot be called.
    pub fn body(&self, kind: Kind, written: &str) -> Result<(String, String), BodyError> {
        let members: Members = serde_json::from_str(written).map_err(|_| BodyError::NoObject)?;
        let text = |name: &str| -> Option<String> {
            serde_json::from_str(members.get(name)?.as_json()).unwrap_or_default()
        };
        let own = text(kind.id_member()).ok_or(BodyError::Nameless(kind.id_member()))?;
        let id = self.id(kind, &own);
        let mut body = Members::default();
        for (name, value) in members.iter() {
            match name {
                _ if name == kind.id_member() => body.add(name, &id),
                DEVICE_ID => {
                    body.add_some(name, text(name).map(|device| self.mapping.there(&device)));
                }
                DEFINITION => body.add(name, &self.definition(value)?),
                _ => body.add(name, value),
            }
        }
        // Its name on the hub is free to be another, so that it meets no other device there.
        if kind == Kind::Individual && self.mapping.keeps(&own) && text(DEVICE_ID).is_none() {
            body.add(DEVICE_ID, &self.mapping.there(&own));
        }
        let json = serde_json::to_string(&body).map_err(|_| BodyError::NoObject)?;
        Ok((id, json))
    }

    /// A patch of an enrollment, as it is there.
    ///
    /// # Errors
    ///
    /// If it names a function that cannot be called.
    pub fn patch(&self, patch: &Map<String, Value>) -> Result<Map<String, Value>, BodyError> {
        let mut patch = patch.clone();
        if let Some(Value::String(device)) = patch.get_mut(DEVICE_ID) {
            *device = self.mapping.there(device);
        }
        if let Some(definition) = patch.get_mut(DEFINITION) {
            *definition = self.definition(&Payload::of(definition))?;
        }
        Ok(patch)
    }

    /// The name there of an enrollment.
    pub fn id(&self, kind: Kind, own: &str) -> String {
        match kind {
            Kind::Group => self.mapping.there(own),
            Kind::Individual => self.mapping.registration_id(own),
        }
    }

    /// With the address of the function that it names.
    fn definition(&self, written: &Payload) -> Result<Value, BodyError> {
        let mut definition: Value = serde_json::from_str(written.as_json()).unwrap_or_default();
        if let Some(url) = definition["webhookUrl"].as_str() {
            let address = (self.address)(url);
            let address = address.ok_or_else(|| BodyError::Unreachable(without_query(url)))?;
            definition["webhookUrl"] = json!(address);
        }
        Ok(definition)
    }
}

/// A query has the key of the function.
fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with<T>(work: impl FnOnce(Bodies<'_>) -> T) -> T {
        let mapping = Mapping::new("ps-7k2m9q4x-".parse().unwrap(), ["fixed"]);
        let address = |name: &str| match name {
            "function:a" => Some("http://there/a".to_owned()),
            name => name.starts_with("https://").then(|| name.to_owned()),
        };
        work(Bodies { mapping: &mapping, address: &address })
    }

    fn made(kind: Kind, written: &str) -> Result<(String, Value), BodyError> {
        let (id, json) = with(|bodies| bodies.body(kind, written))?;
        Ok((id, serde_json::from_str(&json).unwrap()))
    }

    #[test]
    fn j_290_names_get_the_prefix_and_nothing_else_changes() {
        let written = r#"{"registrationId":"pump-1","deviceId":"boiler","iotHubs":["a.net"],"initialTwin":{"tags":{"registrationId":"pump-1"}}}"#;
        let (id, body) = made(Kind::Individual, written).unwrap();

        assert_eq!(id, "ps-7k2m9q4x-pump-1");
        assert_eq!(
            body,
            json!({
                "registrationId": "ps-7k2m9q4x-pump-1", "deviceId": "ps-7k2m9q4x-boiler", "iotHubs": ["a.net"],
                "initialTwin": {"tags": {"registrationId": "pump-1"}}
            })
        );
    }

    #[test]
    fn j_291_a_device_that_keeps_its_registration_id_has_a_name_of_its_own_on_the_hub() {
        let (id, body) = made(Kind::Individual, r#"{"registrationId":"fixed"}"#).unwrap();

        assert_eq!(id, "fixed");
        assert_eq!(body, json!({"registrationId": "fixed", "deviceId": "ps-7k2m9q4x-fixed"}));
    }

    #[test]
    fn j_293_a_function_gets_its_address_and_one_that_cannot_be_called_is_told_without_its_key() {
        let group = |url: &str| {
            let written = json!({"enrollmentGroupId": "g", DEFINITION: {"webhookUrl": url, "apiVersion": "x"}});
            made(Kind::Group, &written.to_string()).map(|(_, body)| body[DEFINITION].clone())
        };

        assert_eq!(
            group("function:a"),
            Ok(json!({"webhookUrl": "http://there/a", "apiVersion": "x"}))
        );
        assert_eq!(group("https://a.example/").unwrap()["webhookUrl"], "https://a.example/");
        assert_eq!(
            group("http://localhost/a?code=s3cret"),
            Err(BodyError::Unreachable("http://localhost/a".to_owned()))
        );
        assert_eq!(made(Kind::Group, "{}"), Err(BodyError::Nameless("enrollmentGroupId")));
        assert_eq!(made(Kind::Group, "[]"), Err(BodyError::NoObject));
    }

    #[test]
    fn a_patch_names_devices_and_functions_as_they_are_there() {
        let patch =
            json!({"deviceId": "b", "iotHubs": null, DEFINITION: {"webhookUrl": "function:a"}});
        let Value::Object(patch) = patch else { panic!() };

        assert_eq!(
            Value::Object(with(|bodies| bodies.patch(&patch)).unwrap()),
            json!({"deviceId": "ps-7k2m9q4x-b", "iotHubs": null, DEFINITION: {"webhookUrl": "http://there/a"}})
        );
    }

    #[test]
    fn k_7_digits_stay_as_they_are_written() {
        let written = r#"{"enrollmentGroupId":"g","initialTwin":{"tags":{"a":1.50}}}"#;
        let (_, json) = with(|bodies| bodies.body(Kind::Group, written)).unwrap();

        assert!(json.contains(r#""initialTwin":{"tags":{"a":1.50}}"#), "{json}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = made(Kind::Group, &text);
            let _ = made(Kind::Individual, &format!(r#"{{"registrationId":{text}}}"#));
        }
    }
}
