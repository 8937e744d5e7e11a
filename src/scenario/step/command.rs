//! Somebody's own program as a step, and what it must do.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::scenario::expectation::TextPattern;

/// A program to run. `{placeholders}` in it stand for what the service is reached by.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// More for its environment.
    pub env: BTreeMap<String, String>,
    /// The device whose name and key it is given.
    pub device: Option<String>,
    /// How it must end.
    pub expect: CommandPattern,
}

/// How a program must end; with 0, if nothing is said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandPattern {
    /// Its exit code.
    pub exit: Option<i32>,
    /// Standard output.
    pub stdout: Option<TextPattern>,
    /// Standard error.
    pub stderr: Option<TextPattern>,
}

impl CommandPattern {
    /// Each way in which it did not end so. `code` is none if a signal ended it.
    pub fn differences(&self, code: Option<i32>, stdout: &str, stderr: &str) -> Vec<String> {
        let mut differences = Vec::new();
        let wanted = self.exit.unwrap_or(0);
        if code != Some(wanted) {
            let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            differences.push(format!("exit: expected {wanted}, got {code}"));
        }
        for (what, pattern, text) in
            [("stdout", &self.stdout, stdout), ("stderr", &self.stderr, stderr)]
        {
            // Whoever writes a whole text does not count its last line feed.
            let is_met = |pattern: &TextPattern| {
                pattern.matches(text) || pattern.matches(text.trim_end_matches(['\r', '\n']))
            };
            if let Some(pattern) = pattern.as_ref().filter(|pattern| !is_met(pattern)) {
                differences.push(format!("{what}: expected {pattern}, got {}", shown(text)));
            }
        }
        differences
    }
}

/// The end of a text: that is where programs say what went wrong.
fn shown(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.trim_end();
    let begin = text.ceil_char_boundary(text.len().saturating_sub(LONGEST));
    let cut = if begin > 0 { "…" } else { "" };
    format!("{cut}{:?}", &text[begin..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_with_0_unless_another_end_is_expected() {
        let expect = |json: &str| serde_json::from_str::<CommandPattern>(json).unwrap();

        assert_eq!(expect("{}").differences(Some(0), "", ""), [""; 0]);
        assert_eq!(expect("{}").differences(Some(2), "", ""), ["exit: expected 0, got 2"]);
        assert_eq!(expect("{}").differences(None, "", ""), ["exit: expected 0, got a signal"]);
        let hub = expect(r#"{"exit":5,"stdout":{"regex":"hub-.*net"},"stderr":"no"}"#);
        assert_eq!(hub.differences(Some(5), "to hub-a.net\n", "no\r\n"), [""; 0]);
        assert_eq!(
            hub.differences(Some(5), "to a\n", "no"),
            ["stdout: expected like /hub-.*net/, got \"to a\""]
        );
    }
}
