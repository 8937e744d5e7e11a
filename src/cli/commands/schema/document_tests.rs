//! The schemas are held against the readers of the files, member by member, and against files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{Root, definitions, document};
use crate::scenario::{Around, Scenario};
use crate::service::Config;
use crate::text::Document;

/// A scenario or a configuration with a member that nobody knows, in the place of each object of which every
/// member is known.
const STRANGERS: [(&str, &str); 29] = [
    ("configuration", "[service]\nzzz = 1"),
    ("linkedHub", "[service]\nidScope = \"0ne1\"\nlinkedHubs = [{ zzz = 1 }]"),
    ("instanceCertificate", "[service]\ncertificates = [{ zzz = 1 }]"),
    ("certificateAuthority", "[service]\ncertificateAuthorities = [{ zzz = 1 }]"),
    ("certificatePolicy", "[service]\ncertificateAuthorities = [{ policies = [{ zzz = 1 }] }]"),
    ("x509Rules", "[service]\nx509.zzz = 1"),
    ("quotas", "[service]\nquotas.zzz = 1"),
    ("serviceAuthorization", "[service]\nserviceAuthorization.zzz = 1"),
    ("scenario", "zzz = 1"),
    ("variable", "variables.a.zzz = 1"),
    ("authority", "[[authority]]\nzzz = 1"),
    ("function", "[[function]]\nzzz = 1"),
    ("answer", "[[function]]\nname = \"a\"\nanswers = [{ zzz = 1 }]"),
    ("when", "[[function]]\nname = \"a\"\nanswers = [{ when.zzz = 1 }]"),
    ("device", "[[device]]\nzzz = 1"),
    ("deviceCertificate", "[[device]]\nx509.zzz = 1"),
    ("expectationTable", "[[device]]\nexpect.zzz = 1"),
    ("textPattern", "[[device]]\nexpect.errorMessage.zzz = 1"),
    ("issuedPattern", "[[device]]\nexpect.issued.zzz = 1"),
    ("twinPattern", "[[device]]\nexpect.twin.zzz = 1"),
    ("bounds", "[[device]]\nexpect.took.zzz = 1"),
    ("step", "[[step]]\nzzz = 1"),
    ("condition", "[[step]]\nwait.zzz = 1"),
    ("journalPattern", "[[step]]\ntotal.zzz = 1"),
    ("count", "[[step]]\ntotal.polls.zzz = 1"),
    ("journalPattern", "[[step]]\njournal = \"a\"\nexpect.zzz = 1"),
    ("commandPattern", "[[step]]\ncommand = [\"a\"]\nexpect.zzz = 1"),
    ("twinPattern", "[[step]]\ntwin = \"a\"\nexpect.zzz = 1"),
    ("expectationTable", "[[step]]\nregister = \"a\"\nexpect.zzz = 1"),
];

/// Objects with members that nobody knows: the REST API keeps them.
const OPEN: [&str; 3] = ["individualEnrollment", "enrollmentGroup", "attestation"];

fn read(text: &str) -> Result<Scenario, String> {
    let around = Around {
        named: &BTreeMap::new(),
        environment: &|_| None,
        read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
        prefix: "",
        sources: Default::default(),
    };
    Scenario::read(text, &around).map_err(|error| error.to_string())
}

/// The members that a reader says it knows.
fn known(told: &str) -> BTreeSet<String> {
    let (_, known) = told.split_once("expected ").unwrap_or_else(|| panic!("{told}"));
    let known = known.split("; did you mean").next().unwrap();
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The members of an object, or of that which a short form stands for.
fn members(schema: &Value) -> BTreeSet<String> {
    let forms = schema["anyOf"].as_array().into_iter().flatten();
    let object = forms.chain([schema]).find_map(|it| it["properties"].as_object());
    object.unwrap_or_else(|| panic!("{schema}")).keys().cloned().collect()
}

#[test]
fn j_303_the_schema_has_the_members_that_the_readers_know_and_no_others() {
    let definitions = definitions();
    let device = "[[device]]\nregistrationId = \"a\"\ngroupKey = \"AAAAAAAAAAAAAAAAAAAAAA==\"\n";
    for (name, text) in STRANGERS {
        // There has to be somebody whom it is about.
        let told = read(&format!("{text}\n{device}")).unwrap_err();

        assert!(told.contains("unknown member `zzz`"), "{name}: {told}");
        assert_eq!(members(&definitions[name]), known(&told), "{name}");
    }
}

#[test]
fn every_object_of_the_schema_is_held_against_a_reader_or_is_open() {
    let tried: BTreeSet<_> = STRANGERS.iter().map(|(name, _)| *name).collect();
    for (name, schema) in definitions() {
        let is_closed = schema.to_string().contains("\"additionalProperties\":false");
        // Its members are those of the code: see `document`.
        let is_made = name == "faultTable";
        assert!(!is_closed || is_made || tried.contains(&*name), "{name}");
        assert!(is_closed || !OPEN.contains(&&*name) || schema["properties"].is_object(), "{name}");
    }
}

#[test]
fn every_member_says_what_it_means() {
    fn look(at: &str, schema: &Value) {
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            // The parts of a pair say it above.
            let is_pair = ["primary", "secondary"].contains(&&**name);
            assert!(is_pair || member["description"].is_string(), "{at}.{name}: {member}");
            look(&format!("{at}.{name}"), member);
        }
    }
    for (name, schema) in definitions() {
        look(&name, &schema);
    }
}

/// What a schema of ours has to say about a value; only what it says is understood.
fn faults(value: &Value, schema: &Value, definitions: &Map<String, Value>) -> Vec<String> {
    let Some(words) = schema.as_object() else { return Vec::new() };
    let ok = |schema: &Value| faults(value, schema, definitions).is_empty();
    let list = |word: &Value| word.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for (word, wanted) in words {
        let holds = match word.as_str() {
            "description" | "default" | "then" | "$schema" | "title" | "definitions" => true,
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/definitions/").unwrap();
                found.extend(faults(value, &definitions[name], definitions));
                true
            }
            "type" => match wanted {
                Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            },
            "enum" => list(wanted).contains(value),
            "const" => wanted == value,
            "anyOf" => list(wanted).iter().any(ok),
            "oneOf" => list(wanted).iter().filter(|it| ok(it)).count() == 1,
            "allOf" => {
                list(wanted).iter().for_each(|it| found.extend(faults(value, it, definitions)));
                true
            }
            "not" => !ok(wanted),
            "if" => {
                if ok(wanted) {
                    found.extend(faults(value, &schema["then"], definitions));
                }
                true
            }
            "required" => list(wanted).iter().all(|it| value.get(it.as_str().unwrap()).is_some()),
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    let inner = faults(member, &wanted[name], definitions);
                    found.extend(inner.into_iter().map(|it| format!("{name}: {it}")));
                }
                true
            }
            "additionalProperties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    if schema["properties"].get(name).is_some() {
                        continue;
                    }
                    if wanted == false {
                        found.push(format!("{name} is not known"));
                    }
                    found.extend(faults(member, wanted, definitions));
                }
                true
            }
            "propertyNames" => value.as_object().into_iter().flatten().all(|(name, _)| {
                faults(&Value::from(name.as_str()), wanted, definitions).is_empty()
            }),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    found.extend(faults(item, wanted, definitions));
                }
                true
            }
            "minItems" => {
                value.as_array().is_none_or(|it| it.len() as u64 >= wanted.as_u64().unwrap())
            }
            "minProperties" => {
                value.as_object().is_none_or(|it| it.len() as u64 >= wanted.as_u64().unwrap())
            }
            "minLength" => {
                value.as_str().is_none_or(|it| it.len() as u64 >= wanted.as_u64().unwrap())
            }
            "minimum" => value.as_f64().is_none_or(|it| it >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|it| it <= wanted.as_f64().unwrap()),
            "pattern" => {
                let pattern = regex_lite::Regex::new(wanted.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|it| pattern.is_match(it))
            }
            other => panic!("nothing here understands {other}"),
        };
        if !holds {
            found.push(format!("{word} {wanted} does not hold of {value}"));
        }
    }
    found
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("no kind {other}"),
    }
}

fn told(root: Root, toml: &str) -> Vec<String> {
    let value: Value = Document::parse(toml, &[]).unwrap().read().unwrap();
    faults(&value, &document(root), &definitions())
}

#[test]
fn every_fixture_is_as_the_schema_says() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let mut files = vec![format!("{root}/contoso/scenario.toml")];
    let all = std::fs::read_dir(format!("{root}/scenarios")).unwrap();
    files.extend(all.map(|it| it.unwrap().path().to_str().unwrap().to_owned()));
    files.retain(|file| file.ends_with(".toml"));
    assert!(files.len() >= 9, "{files:?}");
    for file in files {
        let none: [String; 0] = [];
        assert_eq!(told(Root::Scenario, &std::fs::read_to_string(&file).unwrap()), none, "{file}");
    }
    let world = std::fs::read_to_string(format!("{root}/contoso/world.toml")).unwrap();
    assert!(
        told(Root::Configuration, &world).is_empty(),
        "{:?}",
        told(Root::Configuration, &world)
    );
    assert!(Config::from_toml(&world, &[crate::contoso::FUNCTION_URL]).is_ok());
}

#[test]
fn what_is_wrong_is_marked() {
    for (toml, fault) in [
        ("devices = []", "devices is not known"),
        ("[[device]]\ntransport = \"mqt\"", "anyOf"),
        ("[[device]]\nexpect = \"asigned\"", "anyOf"),
        ("[[device]]\nexpect.failure = \"tsl\"", "anyOf"),
        ("[[step]]\nregister = \"a\"\nservice = \"stop\"", "oneOf"),
        ("[[step]]\nregister = \"a\"\nexpect.exit = 1", "anyOf"),
        ("[[step]]\ncommand = [\"a\"]\nexpect.exit = \"1\"", "type"),
        ("[[step]]\nservice = \"stop\"\nwithin = \"soon\"", "pattern"),
        ("[service]\nlinkedHubs = []", "required"),
        ("[service]\nidScope = \"0ne1\"\nfaults = [{ where = \"pol\" }]", "anyOf"),
    ] {
        let found = told(Root::Scenario, toml).join("; ");
        assert!(found.contains(fault), "{toml}: {found}");
    }
    assert!(told(Root::Scenario, "[[device]]\ntransport = \"${WAY}\"").is_empty());
    assert!(
        told(Root::Scenario, "[[step]]\nregister = \"a\"\nconnect = true\nexpect = \"assigned\"")
            .is_empty()
    );
}
