//! Whole logs: what each line says, in the order in which it was first said.
//!
//! A line that was said before is counted and not told again. Holds what it tells, and never a line
//! more (J-243).

use super::Entry;
use super::find::{find_in_line, is_wrapper};
use super::phrases::Client;
use crate::text::inert;

/// Longest part of a line that is looked at; a body of DPS may have 96 KB.
const LONGEST: usize = 128 * 1024;
/// Longest part that is shown.
const SHOWN: usize = 160;
/// Different findings in one log; a log that has more is about something else.
const MOST: usize = 200;
/// Characters in a row that may be a key.
const MAY_BE_A_KEY: usize = 40;

/// What a log says.
#[derive(Debug, Default)]
pub struct Log {
    lines: u64,
    /// Whose line was met last: the SDK's lines around it have no mark of their own.
    client: Option<Client>,
    findings: Vec<Finding>,
}

/// Something that a log says, once or more often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where first, from 1.
    pub line: u64,
    /// How many lines say it.
    pub times: u64,
    /// How the first of them begins. What may be a key is not shown.
    pub text: String,
    /// Who says it, if that is known.
    pub client: Option<Client>,
    /// What it speaks of.
    pub entries: Vec<&'static Entry>,
}

impl Log {
    /// Takes in the next line.
    pub fn line(&mut self, line: &str) {
        self.lines += 1;
        let end = line.char_indices().nth(LONGEST).map_or(line.len(), |(end, _)| end);
        let found = find_in_line(&line[..end]);
        self.client = found.client.or(self.client);
        if found.entries.is_empty() {
            return;
        }
        let again = self.findings.iter_mut().find(|finding| finding.entries == found.entries);
        if let Some(finding) = again {
            finding.times += 1;
        } else if self.findings.len() < MOST {
            self.findings.push(Finding {
                line: self.lines,
                times: 1,
                text: shown(line),
                client: self.client,
                entries: found.entries,
            });
        }
    }

    /// How many lines there were.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// What was said, in order. Lines that only say that something failed count where no other does,
    /// and a bare status where no code says more of it.
    pub fn findings(&self) -> Vec<&Finding> {
        let all = || self.findings.iter().flat_map(|finding| &finding.entries);
        let has_more = all().any(|entry| !is_wrapper(entry));
        let says_more = |entry: &Entry| match entry.key.strip_prefix("http-") {
            _ if is_wrapper(entry) => !has_more,
            Some(status) => !all().any(|other| other.key.starts_with(status)),
            None if entry.key == "failed" => !all().any(|other| is_outcome(other)),
            None => true,
        };
        let is_telling = |finding: &&Finding| finding.entries.iter().any(|entry| says_more(entry));
        self.findings.iter().filter(is_telling).collect()
    }
}

/// Whether an entry says why a registration ended as `failed`.
fn is_outcome(entry: &Entry) -> bool {
    entry.key.starts_with("link-") || entry.key.starts_with("4002") || entry.key == "401001"
}

/// How a line begins, on one line, without what may be a key.
fn shown(line: &str) -> String {
    let line = line.trim();
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '%');
    let mut masked = String::new();
    let mut word = String::new();
    for c in line.chars().take(LONGEST).chain([' ']) {
        if is_of_key(c) {
            word.push(c);
            continue;
        }
        masked.push_str(if word.len() >= MAY_BE_A_KEY && !word.contains("//") {
            "…"
        } else {
            &word
        });
        word.clear();
        masked.push(c);
    }
    let masked = masked.trim_end();
    match masked.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", inert(&masked[..end])),
        None => inert(masked).into_owned(),
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
