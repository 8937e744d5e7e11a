use proptest::prelude::*;
use serde_json::json;

use super::*;

fn differences(expected: Value, actual: &Value) -> Vec<String> {
    JsonPattern::new(expected).unwrap().differences("payload", Some(actual))
}

#[test]
fn a_difference_names_the_member_and_what_stands_there() {
    for (expected, actual, told) in [
        (json!({"model": "x"}), json!({"model": "y"}), "payload.model: expected \"x\", got \"y\""),
        (json!({"a": {"b": 1}}), json!({"a": {}}), "payload.a.b: expected 1, got none"),
        (json!({"a": {"b": 1}}), json!({}), "payload.a.b: expected 1, got none"),
        (json!({"a": [1, 2]}), json!({"a": [1, 3]}), "payload.a[1]: expected 2, got 3"),
        (json!([1]), json!([1, 2]), "payload: expected 1 items, got 2"),
        (json!({"a": {}}), json!({"a": 7}), "payload.a: expected an object, got 7"),
        (json!({"a": null}), json!({}), "payload.a: expected null, got none"),
        (json!({"a": true}), json!({"a": "true"}), "payload.a: expected true, got \"true\""),
        (
            json!({"a": {"regex": "^v[0-9]+$"}}),
            json!({"a": "v1.2"}),
            "payload.a: expected like /^v[0-9]+$/, got \"v1.2\"",
        ),
        (json!({"a": {"absent": true}}), json!({"a": 1}), "payload.a: expected none, got 1"),
        (
            json!({"exactly": {"a": 1}}),
            json!({"a": 1, "b": 2}),
            "payload: expected exactly {\"a\":1}, got {\"a\":1,\"b\":2}",
        ),
    ] {
        assert_eq!(differences(expected, &actual), [told]);
    }
}

#[test]
fn what_is_not_named_may_be_anything() {
    let actual = json!({"model": "v12", "n": 1.0, "list": [{"a": 1, "b": 2}]});

    for expected in [
        json!({}),
        json!({"n": 1}),
        json!({"model": {"regex": "[0-9]{2}"}, "other": {"absent": true}}),
        json!({"list": [{"b": 2}]}),
        json!({"list": {"exactly": [{"b": 2, "a": 1.0}]}}),
    ] {
        assert_eq!(differences(expected, &actual), [""; 0]);
    }
}

#[test]
fn a_regular_expression_that_is_none_is_told() {
    let error = JsonPattern::new(json!({"a": {"regex": "("}})).unwrap_err();

    assert!(error.starts_with("no regular expression: "), "{error}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            // Names apart from those of the objects that stand for others.
            prop::collection::vec(("[a-d]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_as_expected_of_itself(value in value()) {
        prop_assert_eq!(differences(value.clone(), &value), [""; 0]);
        prop_assert_eq!(differences(json!({"exactly": value.clone()}), &value), [""; 0]);
    }

    /// More members never do harm, unless the whole is asked for.
    #[test]
    fn a_member_more_makes_a_difference_only_to_the_whole(value in value(), more in value()) {
        prop_assume!(value.is_object());
        let mut actual = value.clone();
        actual["more"] = more;

        prop_assert_eq!(differences(value.clone(), &actual), [""; 0]);
        prop_assert_eq!(differences(json!({"exactly": value}), &actual).len(), 1);
    }

    /// Two values of which each is as expected of the other are the same.
    #[test]
    fn what_is_expected_of_each_other_is_the_same(one in value(), other in value()) {
        let there = differences(one.clone(), &other).is_empty();
        let back = differences(other.clone(), &one).is_empty();

        prop_assert_eq!(there && back, is_same(&one, &other));
    }

    #[test]
    fn an_array_is_expected_whole_and_in_order(items in prop::collection::vec(value(), 1..4)) {
        let shorter = Value::from(items[1..].to_vec());

        prop_assert!(!differences(Value::from(items), &shorter).is_empty());
    }
}
