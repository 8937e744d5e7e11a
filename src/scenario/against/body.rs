//! An enrollment of the file as the service API takes it (E.1, E.2).
//!
//! Pure. A configuration has the members of the REST API already, and its digits are kept (K-7); only
//! names are others there, and functions that the file calls by a name have an address.

use serde_json::{Value, json};

use super::mapping::Mapping;
use crate::api_client::Kind;
use crate::wire::{Members, Payload};

const DEFINITION: &str = "customAllocationDefinition";

/// The body of the request that makes the enrollment, and its name there. `address` tells where a
/// function is that the file calls by a name.
///
/// # Errors
///
/// If it has no name, or calls a function that has no address.
pub fn body(
    kind: Kind,
    written: &str,
    mapping: &Mapping,
    address: impl Fn(&str) -> Option<String>,
) -> Result<(String, String), String> {
    let members: Members = serde_json::from_str(written).map_err(|error| error.to_string())?;
    let text = |name: &str| -> Option<String> {
        serde_json::from_str(members.get(name)?.as_json()).unwrap_or_default()
    };
    let own = text(kind.id_member()).ok_or_else(|| format!("it has no {}", kind.id_member()))?;
    let id = match kind {
        Kind::Group => mapping.there(&own),
        Kind::Individual => mapping.registration_id(&own),
    };
    let mut body = Members::default();
    for (name, value) in members.iter() {
        match name {
            _ if name == kind.id_member() => body.add(name, &id),
            "deviceId" => body.add_some(name, text(name).map(|id| mapping.there(&id))),
            DEFINITION => body.add(name, &definition(value, &address)?),
            _ => body.add(name, value),
        }
    }
    // Two devices of which one has another's certificate would else be one on their hub.
    if kind == Kind::Individual && mapping.keeps(&own) && text("deviceId").is_none() {
        body.add("deviceId", &mapping.there(&own));
    }
    let json = serde_json::to_string(&body).map_err(|error| error.to_string())?;
    Ok((id, json))
}

/// With the address of the function that it names.
fn definition(
    written: &Payload,
    address: &impl Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    let mut definition: Value = serde_json::from_str(written.as_json()).unwrap_or_default();
    let url = definition["webhookUrl"].as_str().unwrap_or_default();
    if let Some(address) = address(url) {
        definition["webhookUrl"] = json!(address);
    } else if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(format!(
            "the function {url} is on this machine, where the service cannot call it"
        ));
    }
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(kind: Kind, written: &str) -> Result<(String, Value), String> {
        let mapping = Mapping::new("ps-7k2m9q4x-".parse().unwrap(), ["fixed"]);
        let address = |name: &str| (name == "function:a").then(|| "http://there/a".to_owned());
        let (id, json) = body(kind, written, &mapping, address)?;
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
    fn a_function_gets_its_address_and_one_that_has_none_is_told() {
        let group = |url: &str| {
            let written = json!({"enrollmentGroupId": "g", DEFINITION: {"webhookUrl": url, "apiVersion": "x"}});
            made(Kind::Group, &written.to_string()).map(|(_, body)| body[DEFINITION].clone())
        };

        assert_eq!(
            group("function:a"),
            Ok(json!({"webhookUrl": "http://there/a", "apiVersion": "x"}))
        );
        assert_eq!(group("https://a.example/").unwrap()["webhookUrl"], "https://a.example/");
        assert!(group("function:b").unwrap_err().starts_with("the function function:b is on this"));
        assert_eq!(made(Kind::Group, "{}"), Err("it has no enrollmentGroupId".to_owned()));
    }

    #[test]
    fn k_7_digits_stay_as_they_are_written() {
        let mapping = Mapping::new("ps-7k2m9q4x-".parse().unwrap(), []);
        let written = r#"{"enrollmentGroupId":"g","initialTwin":{"tags":{"a":1.50}}}"#;
        let (_, json) = body(Kind::Group, written, &mapping, |_| None).unwrap();

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
