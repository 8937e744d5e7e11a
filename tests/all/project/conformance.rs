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

/// What stands in it is for `tests/interop/run`, which has the SDKs; that it is whole is for every machine.
#[test]
fn the_table_of_results_has_each_case_and_the_clients_of_each() {
    let page = std::fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let (_, rest) = page.split_once("<!-- results: begin -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- results: end -->").unwrap();
    let first = |row: &str| row.split('|').nth(1).unwrap().trim().to_owned();

    let told: Vec<_> = table.lines().skip(2).map(first).collect();
    let listed: Vec<_> = cases().lines().skip(2).map(first).collect();

    assert_eq!(told, listed, "renew it: tests/interop/run --renew");
    for row in table.lines().skip(2) {
        let verdicts: Vec<_> = row.split('|').skip(2).map(str::trim).collect();
        let known = |verdict: &&str| ["pass", "warn", "**fail**", "–"].contains(verdict);
        assert!(verdicts.len() == 9 && verdicts[..8].iter().all(known), "{row}");
    }
}
