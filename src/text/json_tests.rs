use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::text::Document;

fn json(toml: &str) -> String {
    Document::parse(toml, &[]).unwrap().json().to_owned()
}

#[test]
fn members_keep_the_order_in_which_they_are_written() {
    for (toml, expected) in [
        ("z = 1\na = 2\nm = 3", r#"{"z":1,"a":2,"m":3}"#),
        ("x = { z = 1, a = { c = 2, b = 3 } }", r#"{"x":{"z":1,"a":{"c":2,"b":3}}}"#),
        ("z.y = 1\nm = 2\nz.a = 3", r#"{"z":{"y":1,"a":3},"m":2}"#),
        ("[z]\nb = 1\n[a]\n[z.c]\n[z.a]", r#"{"z":{"b":1,"c":{},"a":{}},"a":{}}"#),
        ("[z.y]\nb = 1\n[a]\n[z]\nx = 2", r#"{"z":{"y":{"b":1},"x":2},"a":{}}"#),
        ("[[z]]\nb = 1\na = 1\n[[z]]\n[z.c]\n[[a]]", r#"{"z":[{"b":1,"a":1},{"c":{}}],"a":[{}]}"#),
        ("[\"z z\"]\n'b\"' = [ { y = 1, x.w = 2 }, ]", r#"{"z z":{"b\"":[{"y":1,"x":{"w":2}}]}}"#),
    ] {
        assert_eq!(json(toml), expected);
    }
}

#[test]
fn numbers_keep_their_digits_as_far_as_json_has_them() {
    for (toml, expected) in [
        ("1.50", "1.50"),
        ("+1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("1_000.5e+0_6", "1000.5e+06"),
        ("6.02E23", "6.02E23"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("1_000", "1000"),
        ("+99", "99"),
        ("-0", "0"),
        ("0xDEAD_beef", "3735928559"),
        ("0o755", "493"),
        ("0b11", "3"),
        ("0xffffffffffffffffffffffffffffffff", "340282366920938463463374607431768211455"),
    ] {
        let json = json(&format!("x = {toml}"));
        assert_eq!(json, format!("{{\"x\":{expected}}}"));
        serde_json::from_str::<Value>(&json).unwrap();
    }
    let too_long = format!("x = 0x1{}", "0".repeat(32));
    assert!(Document::parse(&too_long, &[]).unwrap_err().reason.contains("too large"));
}

/// How a table is written: in braces, by headers, or by keys with dots.
#[derive(Debug, Clone, Copy)]
enum Style {
    Inline,
    Headers,
    Dotted,
}

/// JSON's escapes are TOML's too.
fn key(name: &str) -> String {
    serde_json::json!(name).to_string()
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members =
                members.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// With dots down to what is no table; an empty table has to be written in braces.
fn dotted(prefix: &str, members: &Map<String, Value>, toml: &mut String) {
    for (name, value) in members {
        let path = format!("{prefix}{}", key(name));
        match value {
            Value::Object(members) if !members.is_empty() => {
                dotted(&format!("{path}."), members, toml)
            }
            other => toml.push_str(&format!("{path} = {}\n", inline(other))),
        }
    }
}

/// Behind a header nothing of the table above can follow, so that tables come last.
fn headed(prefix: &str, members: &Map<String, Value>, toml: &mut String) {
    let is_table = |value: &Value| value.is_object() || is_list_of_tables(value);
    for (name, value) in members.iter().filter(|(_, value)| !is_table(value)) {
        toml.push_str(&format!("{} = {}\n", key(name), inline(value)));
    }
    for (name, value) in members.iter().filter(|(_, value)| is_table(value)) {
        let path = format!("{prefix}{}", key(name));
        match value {
            Value::Object(members) => {
                toml.push_str(&format!("[{path}]\n"));
                headed(&format!("{path}."), members, toml);
            }
            list => {
                for item in list.as_array().into_iter().flatten().filter_map(Value::as_object) {
                    toml.push_str(&format!("[[{path}]]\n"));
                    headed(&format!("{path}."), item, toml);
                }
            }
        }
    }
}

fn is_list_of_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_object))
}

/// As [`headed`] writes it.
fn tables_last(value: &Value) -> Value {
    let is_table = |value: &Value| value.is_object() || is_list_of_tables(value);
    match value {
        Value::Object(members) => {
            let (last, first): (Vec<_>, Vec<_>) =
                members.iter().partition(|(_, value)| is_table(value));
            first
                .into_iter()
                .chain(last)
                .map(|(name, value)| (name.clone(), tables_last(value)))
                .collect()
        }
        list if is_list_of_tables(list) => {
            list.as_array().into_iter().flatten().map(tables_last).collect()
        }
        other => other.clone(),
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has only finite ones", |f| f.is_finite())
            .prop_map(Value::from),
        "\\PC{0,8}|[\n\t\r\"\\\\']{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner).prop_map(Value::from),
        ]
    })
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("[a-z]{1,2}|\\PC{0,4}", value), 0..5)
        .prop_map(|it| it.into_iter().collect())
}

proptest! {
    #[test]
    fn from_json_to_toml_and_back_order_and_values_are_the_same(
        root in members(values()),
        style in prop::sample::select(&[Style::Inline, Style::Headers, Style::Dotted][..]),
        windows: bool,
    ) {
        let mut toml = String::new();
        let expected = Value::from(root.clone());
        let expected = match style {
            Style::Inline => { toml = format!("x = {}", inline(&expected)); serde_json::json!({ "x": expected }) }
            Style::Headers => { headed("", &root, &mut toml); tables_last(&expected) }
            Style::Dotted => { dotted("", &root, &mut toml); expected }
        };
        if windows {
            toml = toml.replace('\n', "\r\n");
        }

        let document = Document::parse(&toml, &[]).unwrap();

        // Compared as text, for maps that differ in their order are equal.
        prop_assert_eq!(document.json(), expected.to_string(), "{}", toml);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}=.,\"'a1 \n+-]{0,40}") {
        let _ = Document::parse(&text, &["a"]).and_then(|document| document.read::<Value>());
    }
}
