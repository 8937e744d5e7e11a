//! `explain`: what a code, a name, or a line of a log means.

use clap::Args;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::explain::{Entry, Hint, entries, find, near};

/// More than this many entries for one text are listed, not told.
const FEW: usize = 3;
/// The shortest symmetric key has this many characters: what may be one is not repeated.
const MAY_BE_A_KEY: usize = 24;

/// Explain an error code, a failure's name, or a line of a log
#[derive(Debug, Args)]
#[command(after_help = "\
Knows the service's six-digit codes, CONNACK codes, HTTP statuses, TLS and network failures, what
keeps a device and its hub apart, and the words that SDKs and operating systems have for all these.
Without an argument it lists everything.

Examples:
  provision-sim explain
  provision-sim explain 401002 connack-3 429
  provision-sim explain tls-expired
  provision-sim explain 'Custom allocation failed with status code: 400'
  provision-sim explain PROV_DEVICE_RESULT_DEV_AUTH_ERROR

Exit codes: 0 explained, 2 not known; then the nearest names are told")]
pub(crate) struct Explain {
    /// Codes, names, or lines of logs (in quotes)
    #[arg(value_name = "CODE|NAME|LINE")]
    texts: Vec<String>,
}

/// An entry as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    key: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    title: &'static str,
    meaning: &'static str,
    causes: Vec<&'static str>,
    remedies: Vec<&'static str>,
    at_fault: &'static str,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    rules: &'static [&'static str],
    ours: bool,
}

impl From<&'static Entry> for Shown {
    fn from(entry: &'static Entry) -> Self {
        let texts = |hints: &'static [Hint]| hints.iter().map(|hint| hint.text).collect();
        Self {
            key: entry.key,
            name: entry.name,
            title: entry.title,
            meaning: entry.meaning,
            causes: texts(entry.causes),
            remedies: texts(entry.remedies),
            at_fault: entry.at_fault.as_str(),
            exit_code: Exit::from(entry.class) as u8,
            result: entry.c_sdk_result,
            rules: entry.rules,
            ours: entry.is_ours,
        }
    }
}

impl Explain {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        if self.texts.is_empty() {
            let all: Vec<_> = entries().collect();
            print(&all, printer, true);
            return Ok(Exit::Done);
        }
        let found: Vec<_> =
            self.texts.iter().map(|text| look_up(text)).collect::<Result<_, _>>()?;
        if !printer.is_text() {
            print(&found.concat(), printer, false);
            return Ok(Exit::Done);
        }
        for (index, entries) in found.iter().enumerate() {
            if index > 0 {
                printer.line("");
            }
            print(entries, printer, entries.len() > FEW);
        }
        Ok(Exit::Done)
    }
}

fn look_up(text: &str) -> Result<Vec<&'static Entry>, Report> {
    let found = find(text);
    if !found.is_empty() {
        return Ok(found);
    }
    let shown = if text.chars().count() < MAY_BE_A_KEY {
        format!("{text:?} is no failure")
    } else {
        "the text speaks of no failure".to_owned()
    };
    let report = Report::usage(format!("{shown} that is known here"));
    let near = near(text);
    Err(if near.is_empty() {
        report.remedy("list everything: provision-sim explain")
    } else {
        report.remedy(format!("the nearest names: {}", near.join(", ")))
    })
}

fn print(entries: &[&'static Entry], printer: &mut Printer, is_list: bool) {
    if !printer.is_text() {
        let shown = entries.iter().map(|entry| Shown::from(*entry));
        if printer.is_lines() {
            shown.for_each(|shown| printer.event(&shown));
        } else {
            printer.json(&shown.collect::<Vec<_>>());
        }
        return;
    }
    for (index, entry) in entries.iter().enumerate() {
        if is_list {
            printer.line(format!("{:<21} {}", entry.key, titled(entry)));
        } else {
            if index > 0 {
                printer.line("");
            }
            tell(entry, printer);
        }
    }
}

fn titled(entry: &Entry) -> String {
    match entry.name {
        Some(name) => format!("{name}: {}", entry.title),
        None => entry.title.to_owned(),
    }
}

fn tell(entry: &Entry, printer: &mut Printer) {
    printer.line(format!("{} {}", entry.key, titled(entry)));
    printer.line(format!("  {}", entry.meaning));
    for (word, hints) in [("cause", entry.causes), ("try", entry.remedies)] {
        for hint in hints {
            printer.line(format!("  {word}: {}", hint.text));
        }
    }
    let exit = Exit::from(entry.class) as u8;
    let mut facts = format!("at fault: {}; exit code {exit}", entry.at_fault.as_str());
    if let Some(result) = entry.c_sdk_result {
        facts += &format!("; in the C SDK {result}");
    }
    facts += &format!("; rules {}", entry.rules.join(", "));
    if entry.is_ours {
        facts += "; the number is ours, not Azure's";
    }
    printer.line(format!("  {facts}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::documents::has_section;

    /// The table in the documents.
    fn table() -> String {
        let mut table = "\n| code | meaning | exit |\n|---|---|---|\n".to_owned();
        for entry in entries() {
            let ours = if entry.is_ours { " (our number)" } else { "" };
            let exit = Exit::from(entry.class) as u8;
            table += &format!("| `{}` | {}{ours} | {exit} |\n", entry.key, titled(entry));
        }
        table + "\n"
    }

    #[test]
    fn the_documents_have_the_catalogue_as_a_table() {
        has_section("docs/diagnosis.md", "codes", &table(), "src/explain/catalogue");
    }

    #[test]
    fn what_may_be_a_key_is_not_repeated() {
        let key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAwMDA=";

        let report = look_up(key).unwrap_err();

        assert!(!report.message.contains("c2Vj"), "{}", report.message);
        assert!(look_up("xyzzy").unwrap_err().message.contains("xyzzy"));
    }
}
