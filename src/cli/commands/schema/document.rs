//! The schemas. Each is an object of `definitions.json` with those that it names; what the code has lists of
//! (the words of a fault, kinds of failures, flaws of certificates) is taken from there.
//!
//! Draft 7, because Taplo and with it VS Code read that one. A test holds every member against those that the
//! readers of the files know.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::device::Error;
use crate::pki::Flaw;
use crate::service::{FaultPlace, fault_words};

/// Every object of the files.
const DEFINITIONS: &str = include_str!("definitions.json");

/// What a text has in which a variable stands.
const VARIABLE: &str = r"\$\{";

/// Which files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// Scenarios.
    Scenario,
    /// Configurations of a service.
    Configuration,
}

/// The schema of these files.
pub(super) fn document(root: Root) -> Value {
    let definitions = definitions();
    let (name, title) = match root {
        Root::Scenario => ("scenario", "provision-sim scenario"),
        Root::Configuration => ("configuration", "provision-sim configuration"),
    };
    let root = definitions.get(name).cloned().unwrap_or_default();
    let mut named = BTreeSet::new();
    names(&root, &definitions, &mut named);
    let named =
        named.into_iter().filter_map(|name| Some((name.clone(), definitions.get(&name)?.clone())));
    let mut document = Map::new();
    document.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    document.insert("title".to_owned(), json!(title));
    if let Value::Object(root) = root {
        document.extend(root);
    }
    document.insert("definitions".to_owned(), Value::Object(named.collect()));
    Value::Object(document)
}

/// All objects of both, by name.
pub(super) fn definitions() -> Map<String, Value> {
    // It is checked by tests.
    let mut definitions: Map<String, Value> = serde_json::from_str(DEFINITIONS).unwrap_or_default();
    let mut put = |definition: &str, member: &str, schema: Value| {
        if let Some(object) = definitions.get_mut(definition) {
            object["properties"][member] = schema;
        }
    };
    let places = FaultPlace::ALL.map(FaultPlace::as_str);
    put("faultTable", "where", word("Where it strikes.", &places));
    for fault in fault_words() {
        let kinds = match fault.value {
            "" => json!("boolean"),
            _ => json!(["string", "number"]),
        };
        put("faultTable", fault.name, json!({ "description": fault.about, "type": kinds }));
    }
    put(
        "expectationTable",
        "failure",
        word("What kind of failure it was, finer than the status.", &Error::KINDS),
    );
    put("deviceCertificate", "flaw", word("What is wrong with it.", &Flaw::ALL.map(Flaw::name)));
    definitions
}

/// One of these words, or a text in which a variable stands.
fn word(description: &str, words: &[&str]) -> Value {
    let variable = json!({ "type": "string", "pattern": VARIABLE });
    json!({ "description": description, "anyOf": [{ "enum": words }, variable] })
}

/// The definitions that a schema names, and those that these name.
fn names(schema: &Value, definitions: &Map<String, Value>, named: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|name| name.strip_prefix("#/definitions/"));
            if let Some(name) = name
                && named.insert(name.to_owned())
                && let Some(definition) = definitions.get(name)
            {
                names(definition, definitions, named);
            }
            members.values().for_each(|member| names(member, definitions, named));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, definitions, named)),
        _ => {}
    }
}
