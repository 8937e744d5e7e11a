//! `--query`: a part of the result, by a JMESPath expression as `az` has it.

use clap::Args;
use jmespath::Variable;
use serde::Serialize;
use serde_json::Value;

use crate::cli::common::Output;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;

/// The flag.
#[derive(Debug, Args)]
pub(super) struct QueryArg {
    /// Print only this part of the result's JSON (JMESPath); -o text prints a string as it is
    #[arg(long, value_name = "JMESPATH")]
    query: Option<String>,
}

impl QueryArg {
    /// Prints what the expression finds in a result. Returns whether there is an expression: without
    /// one nothing is printed.
    pub(super) fn print(
        &self,
        result: &impl Serialize,
        printer: &mut Printer,
    ) -> Result<bool, Report> {
        let Some(expression) = &self.query else { return Ok(false) };
        let found = find(expression, result)?;
        match (&found, printer.format) {
            (Value::Null, Output::Text) => {}
            (Value::Array(items), Output::Text) => {
                items.iter().for_each(|item| printer.line(cells(item)));
            }
            (found, Output::Text) => printer.line(cells(found)),
            (found, _) => printer.json(found),
        }
        Ok(true)
    }

    /// An expression that is none is told before anything is sent.
    pub(super) fn check(&self) -> Result<(), Report> {
        let compiled = self.query.as_deref().map(jmespath::compile).transpose();
        compiled.map(drop).map_err(|error| bad(&error))
    }
}

fn find(expression: &str, result: &impl Serialize) -> Result<Value, Report> {
    let compiled = jmespath::compile(expression).map_err(|error| bad(&error))?;
    // Through a value: what the service sent is kept as text, which only serde_json can read.
    let result = serde_json::to_value(result).map_err(Report::internal)?;
    let data = Variable::try_from(result).map_err(|error| bad(&error))?;
    let found = compiled.search(data).map_err(|error| bad(&error))?;
    serde_json::from_str(&found.to_string()).map_err(Report::internal)
}

fn bad(error: &jmespath::JmespathError) -> Report {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    Report::usage(format!("--query: {first}"))
        .remedy("give a JMESPath expression, such as attestation.symmetricKey.primaryKey; in a shell, in quotes")
}

/// A line of text: a list's items between tabs, as scripts cut them.
fn cells(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cells).collect::<Vec<_>>().join("\t"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_of_a_result_is_found_as_az_finds_it() {
        let result = json!([{"a": {"b": "x"}, "n": 1}, {"a": {"b": "y"}, "n": 2}]);
        for (expression, found) in [
            ("[0].a.b", json!("x")),
            ("[].a.b", json!(["x", "y"])),
            ("[?n > `1`].[a.b, n]", json!([["y", 2]])),
            ("length(@)", json!(2)),
            ("[].{name: a.b}", json!([{"name": "x"}, {"name": "y"}])),
            ("nothing", json!(null)),
        ] {
            assert_eq!(find(expression, &result).unwrap(), found, "{expression}");
        }
        assert!(find("[", &result).unwrap_err().message.starts_with("--query: "));
        assert_eq!(cells(&json!(["y", 2])), "y\t2");
    }
}
