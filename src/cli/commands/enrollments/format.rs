//! Files of records in the formats that people have: what `export` and `az` write in JSON and YAML,
//! pages of the service API, JSON lines, and the examples of its description.

use serde_json::Value;

use crate::api_client::Kind;
use crate::cli::report::Report;
use crate::text::{seems, yaml};

/// The records of a text. `shown` is the file's name.
pub(super) fn records(shown: &str, text: &str) -> Result<Vec<Value>, Report> {
    let values = match text.trim_start().chars().next() {
        Some('{' | '[') => json(shown, text)?,
        _ => yaml(text).ok_or_else(|| foreign(shown, text))?,
    };
    let mut records = Vec::new();
    for value in values {
        flatten(value, &mut records);
    }
    match records.iter().find_map(instance) {
        Some(name) => Err(Report::usage(format!(
            "{shown}: it describes the provisioning service {name:?}, not its enrollments"
        ))
        .remedy(format!("serve it: `provision-sim serve --from {shown}`"))
        .remedy("its enrollments are what `az iot dps enrollment-group show --show-keys` prints")),
        None => Ok(records),
    }
}

/// One value, or one a line.
fn json(shown: &str, text: &str) -> Result<Vec<Value>, Report> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.collect::<Result<_, _>>().map_err(|error| {
        // Not in serde's words, which quote what they found: it may be a key.
        let (line, column) = (error.line(), error.column());
        Report::usage(format!("{shown}: it is not JSON: see line {line}, column {column}"))
    })
}

fn foreign(shown: &str, text: &str) -> Report {
    Report::usage(format!("{shown}: expected enrollments in JSON or YAML; it is {}", seems(text)))
        .remedy("give what `provision-sim export` or `az iot dps enrollment-group show --show-keys` prints")
}

/// The records in whatever holds them: lists, exports, pages, bulk calls, examples of requests.
fn flatten(value: Value, records: &mut Vec<Value>) {
    let is_collection =
        |value: &Value| Kind::ALL.iter().any(|kind| value[kind.collection()].is_array());
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| flatten(item, records)),
        mut value if is_collection(&value) => {
            for kind in Kind::ALL {
                flatten(value[kind.collection()].take(), records);
            }
        }
        mut value if value["value"].is_array() => flatten(value["value"].take(), records),
        mut value if value["parameters"].is_object() => {
            for name in ["enrollmentGroup", "enrollment", "bulkOperation"] {
                flatten(value["parameters"][name].take(), records);
            }
        }
        Value::Null => {}
        one => records.push(one),
    }
}

/// The name of the service that a value describes, if it is one.
fn instance(value: &Value) -> Option<&str> {
    let is_instance = value["properties"]["iotHubs"].is_array()
        || value["properties"]["idScope"].is_string()
        || value["terraform_version"].is_string()
        || (value["resources"].is_array() && value["$schema"].is_string());
    is_instance.then(|| value["name"].as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_are_found_in_every_form_that_holds_them() {
        let group = json!({"enrollmentGroupId": "g", "attestation": {"type": "symmetricKey"}});
        let one = json!({"registrationId": "a"});
        for (text, found) in [
            (group.to_string(), vec![&group]),
            (json!([group, one]).to_string(), vec![&group, &one]),
            (format!("{one}\n{group}\n"), vec![&one, &group]),
            (json!({"value": [one]}).to_string(), vec![&one]),
            (
                json!({"enrollments": [one], "enrollmentGroups": [group]}).to_string(),
                vec![&group, &one],
            ),
            (json!({"mode": "create", "enrollments": [one]}).to_string(), vec![&one]),
            (
                json!({"parameters": {"id": "a", "enrollment": one}, "responses": {}}).to_string(),
                vec![&one],
            ),
            (
                json!({"parameters": {"bulkOperation": {"enrollments": [one]}}}).to_string(),
                vec![&one],
            ),
            ("enrollmentGroupId: g\nattestation:\n  type: symmetricKey\n".to_owned(), vec![&group]),
            ("- registrationId: 'a'\n".to_owned(), vec![&one]),
            ("[]".to_owned(), vec![]),
        ] {
            let read = records("f", &text).unwrap();
            assert_eq!(read.iter().collect::<Vec<_>>(), found, "{text}");
        }
    }

    #[test]
    fn a_foreign_file_is_told_by_what_it_seems_to_be() {
        let told = |text: &str| records("f", text).unwrap_err().message;
        assert!(told("").ends_with("it is an empty file"));
        assert!(told("-----BEGIN CERTIFICATE-----\nAA\n").ends_with("it is a certificate (PEM)"));
        assert!(told("HostName=a;SharedAccessKey=s3cret").ends_with("it is a connection string"));
        assert!(told("<html></html>").contains("an HTML page"));
        assert!(told("idScope = \"0ne1\"\n").contains("it is TOML"));
        assert_eq!(told("{\n\"a\": s3cret"), "f: it is not JSON: see line 2, column 6");
        let described =
            records("f", r#"{"name":"my-dps","properties":{"iotHubs":[]}}"#).unwrap_err();
        assert!(described.message.contains("describes the provisioning service \"my-dps\""));
        assert!(described.remedies[0].contains("serve --from f"));
    }
}
