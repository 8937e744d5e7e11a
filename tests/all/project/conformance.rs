//! The table of `docs/conformance.md` is made of what `conformance --list` tells.

use std::fmt::Write;

use serde_json::Value;

use super::document::root;
use crate::support::cli::Machine;

fn cases() -> String {
    let listed = Machine::new().run(&["conformance", "--list", "-o", "json"]);
    let cases: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
    let mut table = "| case | a client | | rule |\n|---|---|---|---|\n".to_owned();
    for case in cases {
        let text = |pointer: &str| case.pointer(pointer).and_then(Value::as_str);
        let rule = text("/rule/id").unwrap();
        let rule = match text("/rule/source") {
            Some(source) => format!("[{rule}]({source})"),
            None => rule.to_owned(),
        };
        let (name, title) = (text("/name").unwrap(), text("/title").unwrap());
        let level = text("/level").unwrap();
        writeln!(table, "| `{name}` | {title} | {level} | {rule} |").unwrap();
    }
    table
}

#[test]
fn the_table_of_cases_is_that_of_the_command() {
    let path = root().join("docs/conformance.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- cases: begin -->\n", "<!-- cases: end -->");
    let (before, rest) = written.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();

    let made = format!("{before}{begin}{}{end}{after}", cases());

    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
        return;
    }
    assert!(
        made == written,
        "docs/conformance.md is out of date; renew it: UPDATE_DOCS=1 cargo test --test all project::conformance"
    );
}
