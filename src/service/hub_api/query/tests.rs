//! Queries as people write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::wire::{Members, Payload};

fn twins() -> impl Iterator<Item = Value> {
    [
        json!({"deviceId": "a", "status": "enabled", "connectionState": "Connected",
            "capabilities": {"iotEdge": false}, "tags": {"site": "b1", "floor": 3},
            "properties": {"desired": {"interval": 30, "$version": 1},
                "reported": {"fw": {"version": "1.2"}, "my-name": true}}}),
        json!({"deviceId": "b", "status": "disabled", "connectionState": "Disconnected",
            "capabilities": {"iotEdge": true}, "tags": {"site": "b2", "floor": 7},
            "properties": {"desired": {"$version": 4}, "reported": {}}}),
        json!({"deviceId": "c", "status": "enabled", "connectionState": "Disconnected",
            "capabilities": {"iotEdge": false}, "tags": {"note": null},
            "properties": {"desired": {"$version": 1}, "reported": {"fw": {"version": "1.10"}}}}),
    ]
    .into_iter()
}

/// The rows of a query, on one page.
fn all(query: &Query) -> Vec<Value> {
    let twins = || twins().map(|twin| serde_json::from_value::<Members>(twin).unwrap());
    let rows: Vec<Payload> = match query.count(twins()) {
        Some(count) => vec![count],
        None => twins().filter_map(|twin| query.row(&twin)).take(query.limit()).collect(),
    };
    rows.iter().map(|row| serde_json::from_str(row.as_json()).unwrap()).collect()
}

/// The device IDs that a condition finds.
fn found(condition: &str) -> String {
    let query = Query::read(&format!("SELECT * FROM devices WHERE {condition}"));
    let query = query.unwrap_or_else(|error| panic!("{condition}: {error}"));
    all(&query).iter().map(|twin| twin["deviceId"].as_str().unwrap()).collect()
}

fn rows(query: &str) -> Value {
    all(&Query::read(query).unwrap()).into()
}

fn refused(query: &str) -> String {
    Query::read(query).unwrap_err().to_string()
}

#[test]
fn i_conditions_find_devices() {
    for (condition, expected) in [
        ("deviceId = 'a'", "a"),
        ("DEVICEID = \"b\"", "b"),
        ("devices.deviceId = 'c'", "c"),
        ("status != 'enabled'", "b"),
        ("status <> 'enabled'", "b"),
        ("connectionState = 'Connected' or capabilities.iotEdge = true", "ab"),
        ("tags.floor > 3", "b"),
        ("tags.floor >= 3 AND tags.floor <= 7", "ab"),
        ("3 < tags.floor", "b"),
        ("tags.floor = 3.0", "a"),
        ("properties.reported.fw.version < '1.2'", "c"),
        ("deviceId IN ['a', 'c']", "ac"),
        ("deviceId NIN ['a', 'c']", "b"),
        ("NOT deviceId IN ['a']", "bc"),
        ("deviceId NOT IN ('a','b')", "c"),
        ("is_defined(properties.reported.fw)", "ac"),
        ("NOT IS_DEFINED(tags.site)", "c"),
        ("properties.desired.$version > 1", "b"),
        ("properties.reported.[[my-name]] = true", "a"),
        ("tags.note = null", "c"),
        ("(tags.site = 'b1' OR tags.site = 'b2') AND NOT status = 'disabled'", "a"),
        // AND binds closer than OR.
        ("deviceId = 'a' OR deviceId = 'b' AND status = 'enabled'", "a"),
        ("capabilities.iotEdge", "b"),
    ] {
        assert_eq!(found(condition), expected, "{condition}");
    }
}

#[test]
fn i_what_a_twin_lacks_or_another_kind_of_value_fits_no_comparison() {
    for condition in
        ["tags.site != 'b1'", "NOT tags.site = 'b1'", "tags.site > ''", "tags.site NIN ['b1']"]
    {
        assert!(!found(condition).contains('c'), "{condition}");
    }
    assert_eq!(found("tags.floor = '3'"), "");
    assert_eq!(found("tags.nothing.at.all = null"), "");
    // But what is unknown decides nothing where the other half does.
    assert_eq!(found("tags.nothing = 1 OR deviceId = 'c'"), "c");
}

#[test]
fn i_selections_make_rows() {
    assert_eq!(
        rows("select deviceId, tags.site as place, tags.floor from devices where tags.floor = 3;"),
        json!([{"deviceId": "a", "place": "b1", "floor": 3}])
    );
    assert_eq!(rows("SELECT tags.site FROM devices"), json!([{"site": "b1"}, {"site": "b2"}, {}]));
    assert_eq!(rows("SELECT COUNT() AS n FROM devices WHERE status='enabled'"), json!([{"n": 2}]));
    assert_eq!(rows("SELECT count() FROM devices"), json!([{"$1": 3}]));
    assert_eq!(rows("SELECT TOP 1 deviceId FROM devices"), json!([{"deviceId": "a"}]));
    assert_eq!(rows("SELECT TOP(2) * FROM devices").as_array().unwrap().len(), 2);
    assert!(Query::read("SELECT * FROM devices").unwrap().gives_twins());
    assert!(!Query::read("SELECT deviceId FROM devices").unwrap().gives_twins());
}

#[test]
fn k_7_a_row_has_what_is_selected_as_it_is_written() {
    let json = r#"{"deviceId":"a","tags":{"n":1e3,"in":{"m":1.50}}}"#;
    let twin: Members = serde_json::from_str(json).unwrap();
    let row = |query| Query::read(query).unwrap().row(&twin).unwrap().as_json().to_owned();

    assert_eq!(row("SELECT * FROM devices WHERE tags.n = 1000 AND tags.in.m <= 1.5"), json);
    let columns = "SELECT tags.n, deviceId AS m, tags.in.m FROM devices";
    assert_eq!(row(columns), r#"{"n":1e3,"m":1.50}"#);
}

#[test]
fn i_anything_else_is_refused_naming_the_word() {
    for (query, word) in [
        ("", "the end of the text at position 1"),
        ("SELECT", "the end of the text"),
        ("DELETE FROM devices", "\"DELETE\" at position 1"),
        ("SELECT * FROM devices.modules", "\".\""),
        ("SELECT * FROM devices.jobs", "\".\""),
        ("SELECT * FROM hubs", "\"hubs\" at position 15"),
        ("SELECT * FROM devices WHERE", "the end of the text"),
        ("SELECT * FROM devices WHERE nam = 1", "\"nam\" at position 29"),
        ("SELECT * FROM devices WHERE deviceId LIKE 'a%'", "\"LIKE\""),
        ("SELECT * FROM devices WHERE startswith(deviceId, 'a')", "\"startswith\""),
        ("SELECT * FROM devices GROUP BY status", "\"GROUP\""),
        ("SELECT * FROM devices ORDER BY deviceId", "\"ORDER\""),
        ("SELECT SUM(tags.floor) FROM devices", "\"SUM\""),
        ("SELECT * FROM devices WHERE deviceId = 'a", "\"'a\""),
        ("SELECT * FROM devices WHERE deviceId = a", "\"a\""),
        ("SELECT * FROM devices WHERE tags.x = 1.2.3", "\"1.2.3\""),
        ("SELECT * FROM devices WHERE (status = 'x'", "the end of the text"),
        ("SELECT * FROM devices WHERE deviceId IN []", "\"]\""),
        ("SELECT TOP -1 * FROM devices", "\"-1\""),
        ("SELECT * FROM devices WHERE status = 'é' § 1", "\"§\" at position 42"),
    ] {
        let told = refused(query);
        assert!(told.starts_with(word), "{query}: {told}");
    }
    let told = refused("SELECT * FROM devices WHERE nam = 1");
    assert!(told.contains("deviceId") && told.contains("tags"), "{told}");
    let deep = "(".repeat(5000) + &"NOT ".repeat(5000);
    assert!(refused(&format!("SELECT * FROM devices WHERE {deep}")).contains("deeply"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", tail in "[ ()\\[\\]'\"a-z.=<>!,0-9-]{0,60}") {
        let _ = Query::read(&text);
        let _ = Query::read(&format!("SELECT * FROM devices WHERE {tail}"));
    }
}
