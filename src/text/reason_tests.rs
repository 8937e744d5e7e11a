use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Policy {
    Hashed,
    Static,
    Custom,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Either {
    #[expect(dead_code, reason = "only errors are looked at")]
    Text(String),
    #[expect(dead_code, reason = "only errors are looked at")]
    Number(u8),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only errors are looked at")]
struct Record {
    primary_key: Option<u8>,
    weight: Option<u64>,
    level: Option<i32>,
    factor: Option<f64>,
    name: Option<String>,
    edge: Option<bool>,
    inner: Option<Box<Record>>,
    hubs: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
    pair: Option<(u8, u8)>,
    policy: Option<Policy>,
    either: Option<Either>,
    nothing: Option<()>,
    letter: Option<char>,
}

fn told(json: &str) -> String {
    reason(&serde_json::from_str::<Record>(json).unwrap_err())
}

/// Whatever serde says, the words are those of the file, and a value that may be a key is not among
/// them.
#[test]
fn what_is_wrong_is_told_in_the_words_of_json() {
    for (json, expected) in [
        (r#"{"primaryKey":"s3cret"}"#, "expected a whole number from 0 to 255, found a string"),
        (r#"{"primaryKey":256}"#, "expected a whole number from 0 to 255, found the number 256"),
        (r#"{"primaryKey":1.5}"#, "expected a whole number from 0 to 255, found the number 1.5"),
        (r#"{"weight":-1}"#, "expected a whole number that is not negative, found the number -1"),
        (r#"{"level":true}"#, "expected a whole number, found true"),
        (r#"{"factor":[1]}"#, "expected a number, found an array"),
        (r#"{"name":7}"#, "expected a string, found the number 7"),
        (r#"{"name":{"a":1}}"#, "expected a string, found an object"),
        (r#"{"name":["s3cret"]}"#, "expected a string, found an array"),
        (r#"{"edge":"s3cret, expected a string"}"#, "expected true or false, found a string"),
        (r#"{"edge":0}"#, "expected true or false, found the number 0"),
        (r#"{"inner":"s3\"cret"}"#, "expected an object, found a string"),
        (r#"{"inner":5}"#, "expected an object, found the number 5"),
        (r#"{"hubs":"s3cret"}"#, "expected an array, found a string"),
        (r#"{"hubs":{"a":1}}"#, "expected an array, found an object"),
        (r#"{"tags":[1]}"#, "expected an object, found an array"),
        (r#"{"tags":{"a":null}}"#, "expected a string, found null"),
        (r#"{"pair":[1]}"#, "expected an array, found 1 items"),
        (r#"{"pair":true}"#, "expected an array, found true"),
        (
            r#"{"policy":"Custom"}"#,
            "unknown value `Custom`, expected one of `hashed`, `static`, `custom`; did you mean `custom`?",
        ),
        (
            r#"{"policy":"nearest"}"#,
            "unknown value `nearest`, expected one of `hashed`, `static`, `custom`",
        ),
        (r#"{"policy":5}"#, "expected one of its words, as a string"),
        (r#"{"policy":["hashed"]}"#, "expected one of its words, as a string"),
        (r#"{"either":true}"#, "it has none of the shapes that are known here"),
        (r#"{"nothing":"s3cret"}"#, "expected null, found a string"),
        (r#"{"letter":"s3cret"}"#, "expected a character, found a string"),
        (r#"{"name":"a","name":"b"}"#, "the member `name` is there twice"),
        (r#"{"name":"a""#, "the text ends in the midst of an object"),
        (r#"{"hubs":["a""#, "the text ends in the midst of a list"),
        (r#"{"name":"a"#, "the text ends in the midst of a string"),
        (r#"{"name" 1}"#, "expected `:`"),
    ] {
        assert_eq!(told(json), expected, "{json}");
        assert!(!told(json).contains("s3cret"), "{json}");
    }
}

#[test]
fn a_member_that_comes_near_is_suggested_and_one_that_may_be_a_key_is_not_shown() {
    let wrong = serde_json::from_str::<Record>("{\"primarykey\": 1}").unwrap_err();
    assert!(
        reason(&wrong).starts_with("unknown member `primarykey`, expected one of `primaryKey`")
    );
    assert!(reason(&wrong).ends_with("; did you mean `primaryKey`?"), "{wrong}");
    #[cfg(feature = "service")]
    assert_eq!(unknown_member(&wrong).as_deref(), Some("primarykey"));
    let key =
        "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
    for json in [format!("{{\"policy\":\"{key}\"}}"), format!("{{\"{key}\":1}}")] {
        let said = told(&json);
        assert!(said.contains("that is not known, expected") && !said.contains("8isr"), "{said}");
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only errors are looked at")]
    struct Named {
        name: String,
    }
    let missing = serde_json::from_str::<Named>("{}").unwrap_err();
    assert_eq!(reason(&missing), "the member `name` is missing");
}

#[test]
fn the_member_at_fault_is_named_once() {
    let misread = |json: &str| {
        let mut json = serde_json::Deserializer::from_str(json);
        misread(&serde_path_to_error::deserialize::<_, Record>(&mut json).unwrap_err())
    };

    for (json, said) in [
        (
            r#"{"inner":{"weight":"x"}}"#,
            "inner.weight: expected a whole number that is not negative",
        ),
        (r#"{"hubs":["a",7]}"#, "hubs[1]: expected a string, found the number 7"),
        (r#"{"tags":{"a":null}}"#, "tags.a: expected a string, found null"),
        (r#"{"inner":{"wieght":1}}"#, "inner: unknown member `wieght`"),
        (r#"{"wieght":1}"#, "unknown member `wieght`"),
        ("[]", "expected an object, found an array"),
    ] {
        assert!(misread(json).starts_with(said), "{}", misread(json));
    }
}

#[test]
fn what_is_no_json_is_told_with_its_place_and_in_plain_words() {
    let syntax = |json: &str| syntax(&serde_json::from_str::<serde_json::Value>(json).unwrap_err());

    for (json, said) in [
        ("{\n\"a\": nul}", "line 2, column 9: expected a value: an object, an array"),
        ("", "line 1, column 0: the text ends in the midst of a value"),
        ("{\"a\":", "line 1, column 5: the text ends in the midst of a value"),
        ("{} {}", "line 1, column 4: more text follows its end"),
        ("{'a':1}", "line 1, column 2: a member's name stands in double quotes"),
        ("[1,]", "line 1, column 4: a comma stands before its end"),
        ("[1 2]", "line 1, column 4: expected `,` or `]`"),
    ] {
        assert!(syntax(json).starts_with(said), "{json}: {}", syntax(json));
    }
}
