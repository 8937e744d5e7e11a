use proptest::prelude::*;
use serde_json::json;

use super::*;

fn expected(json: Value) -> Expectation {
    serde_json::from_value(json).unwrap()
}

fn assigned(hub: &str) -> Actual {
    Actual {
        status: "assigned".to_owned(),
        assigned_hub: Some(hub.parse().unwrap()),
        ..Actual::default()
    }
}

#[test]
fn what_is_expected_must_be_there_and_the_rest_may_be_anything() {
    let expected = expected(json!({"assignedHub": "West.net"}));

    assert!(Verdict::new(&expected, assigned("west.NET")).holds());
    assert_eq!(
        Verdict::new(&expected, assigned("east.net")).differences,
        ["expected assignedHub west.net, got east.net"]
    );
}

#[test]
fn every_difference_is_told() {
    let expected =
        expected(json!({"errorCode": 400_207, "errorMessage": "no", "status": "failed"}));

    assert_eq!(
        Verdict::new(&expected, assigned("west.net")).differences,
        [
            "expected status failed, got assigned",
            "expected errorCode 400207, got none",
            "expected errorMessage \"no\", got none",
        ]
    );
}

#[test]
fn each_member_of_the_answer_can_be_expected() {
    let actual = Actual {
        substatus: Some("deviceDataReset".to_owned()),
        device_id: Some("pump-1".to_owned()),
        payload: Some(json!({"model": "y"})),
        answer: Some(json!({"registrationState": {"etag": "IjY5"}})),
        twin: Some(json!({"properties": {"desired": {"fan": "off"}}})),
        took: Some(Duration::from_secs(1)),
        ..assigned("west.net")
    };
    let expected = expected(json!({
        "substatus": "deviceDataMigrated",
        "deviceId": {"regex": "^valve-"},
        "payload": {"model": "x"},
        "answer": {"registrationState": {"etag": "x"}},
        "twin": {"desired": {"fan": "on"}},
        "took": {"atLeast": "3s"},
    }));

    assert_eq!(
        Verdict::new(&expected, actual).differences,
        [
            "expected substatus deviceDataMigrated, got deviceDataReset",
            "expected deviceId like /^valve-/, got \"pump-1\"",
            "payload.model: expected \"x\", got \"y\"",
            "answer.registrationState.etag: expected \"x\", got \"IjY5\"",
            "twin.desired.fan: expected \"on\", got \"off\"",
            "took: expected at least 3s, got 1s",
        ]
    );
}

/// What scripts read of today's files stays what it is.
#[test]
fn programs_are_told_more_only_where_more_was_asked_for() {
    let actual = Actual { substatus: Some("initialAssignment".to_owned()), ..assigned("a.net") };
    let shown = |asked: Value| {
        serde_json::to_value(Verdict::new(&expected(asked), actual.clone()).actual).unwrap()
    };

    assert_eq!(shown(json!("assigned")), json!({"status": "assigned", "assignedHub": "a.net"}));
    assert_eq!(
        shown(json!({"substatus": "initialAssignment"})),
        json!({"status": "assigned", "assignedHub": "a.net", "substatus": "initialAssignment"})
    );
}

fn word() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ab]")
}

fn any_actual() -> impl Strategy<Value = Actual> {
    let number = prop::option::of(400_000..400_003_u32);
    ("(assigned|failed)", word(), number, word(), word(), word()).prop_map(
        |(status, hub, error_code, error_message, substatus, device_id)| Actual {
            status,
            assigned_hub: hub.map(|word| format!("{word}.net").parse().unwrap()),
            error_code,
            error_message,
            substatus,
            device_id,
            ..Actual::default()
        },
    )
}

/// All that became of a device, as an expectation.
fn exactly(actual: &Actual) -> Expectation {
    let mut members = serde_json::to_value(actual).unwrap();
    members.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    expected(members)
}

proptest! {
    #[test]
    fn what_came_out_is_as_expected_of_itself(actual in any_actual()) {
        prop_assert!(Verdict::new(&exactly(&actual), actual.clone()).holds());
    }

    /// One difference for each member that is named and is not that.
    #[test]
    fn each_member_that_is_named_is_compared(one in any_actual(), other in any_actual()) {
        let same = |is_named: bool, is_same: bool| usize::from(is_named && !is_same);
        let wrong = same(true, one.status == other.status)
            + same(one.assigned_hub.is_some(), one.assigned_hub == other.assigned_hub)
            + same(one.error_code.is_some(), one.error_code == other.error_code)
            + same(one.error_message.is_some(), one.error_message == other.error_message)
            + same(one.substatus.is_some(), one.substatus == other.substatus)
            + same(one.device_id.is_some(), one.device_id == other.device_id);

        prop_assert_eq!(Verdict::new(&exactly(&one), other).differences.len(), wrong);
    }
}
