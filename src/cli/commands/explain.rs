//! `explain`: what a code, a name, or a line of a log means.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::input::plain;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::explain::{Client, Entry, Finding, Hint, Log, entries, find, near};
use crate::text::{Source, each_line};

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

Of a whole log (@FILE, or - for standard input) it tells what each line says that says something, in
order, with how often, and whose line it is. Keys in it are not repeated.

Examples:
  provision-sim explain
  provision-sim explain 401002 connack-3 429
  provision-sim explain tls-expired
  provision-sim explain 'Custom allocation failed with status code: 400'
  provision-sim explain PROV_DEVICE_RESULT_DEV_AUTH_ERROR
  provision-sim explain @device.log
  some-device 2>&1 | provision-sim explain -

Exit codes: 0 explained, 2 not known; then the nearest names, or what to look for, are told")]
pub(crate) struct Explain {
    /// Codes, names, or lines of logs (in quotes); a whole log as @FILE or -
    #[arg(value_name = "CODE|NAME|LINE|@FILE|-")]
    texts: Vec<String>,
}

/// Where nothing is known: the lines that tell, in anybody's log.
const LOOK_FOR: &[&str] = &[
    "look for lines with `errorCode` and six digits, `CONNACK` or `return code` and a digit, an HTTP status, `alert`, or `PROV_DEVICE_RESULT_`",
    "have more logged: the option `logtrace` in C, logging.DEBUG in Python, DEBUG=azure* in Node.js, inner exceptions in Java and .NET",
    "`provision-sim diagnose` with the device's ID and key tries what the device does, step by step",
];

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
        if let [text] = &self.texts[..]
            && let Some(log) = log(text)?
        {
            return tell_log(&log, printer);
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

/// Whether it is a log: a file, standard input, or several lines in one argument.
fn log(text: &str) -> Result<Option<Log>, Report> {
    let source = match text {
        "-" => Source::Stdin,
        text if text.starts_with('@') => Source::File(PathBuf::from(&text[1..])),
        text if text.contains('\n') => {
            let mut log = Log::default();
            text.lines().for_each(|line| log.line(line));
            return Ok(Some(log));
        }
        _ => return Ok(None),
    };
    let unreadable =
        |error: std::io::Error| Report::usage(format!("cannot read {source}: {}", plain(&error)));
    let reader = source.bytes().map_err(unreadable)?;
    let mut log = Log::default();
    each_line(reader, |line| log.line(line)).map_err(unreadable)?;
    Ok(Some(log))
}

/// What a log says, as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownFinding<'a> {
    line: u64,
    times: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    text: &'a str,
    entries: Vec<Shown>,
}

impl<'a> From<&'a Finding> for ShownFinding<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            line: finding.line,
            times: finding.times,
            client: finding.client.map(Client::name),
            text: &finding.text,
            entries: finding.entries.iter().map(|entry| Shown::from(*entry)).collect(),
        }
    }
}

/// Tells a log: what was told of an entry before is not told again.
fn tell_log(log: &Log, printer: &mut Printer) -> Result<Exit, Report> {
    let findings = log.findings();
    if findings.is_empty() {
        let lines = if log.lines() == 1 { "line" } else { "lines" };
        return Err(LOOK_FOR.iter().fold(
            Report::usage(format!(
                "{} {lines} speak of no failure that is known here",
                log.lines()
            )),
            |report, remedy| report.remedy(*remedy),
        ));
    }
    let shown = findings.iter().map(|finding| ShownFinding::from(*finding));
    if printer.is_lines() {
        shown.for_each(|shown| printer.event(&shown));
        return Ok(Exit::Done);
    }
    if !printer.is_text() {
        printer.json(&shown.collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    let mut told: Vec<&str> = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        if index > 0 {
            printer.line("");
        }
        let times = if finding.times > 1 {
            format!(", and {} more", finding.times - 1)
        } else {
            String::new()
        };
        let client =
            finding.client.map(|client| format!(" ({})", client.name())).unwrap_or_default();
        printer.line(format!("line {}{times}{client}: {}", finding.line, finding.text));
        let is_list = finding.entries.len() > FEW;
        for entry in &finding.entries {
            if is_list || told.contains(&entry.key) {
                printer.prose(&format!("{:<21} ", entry.key), titled(entry));
            } else {
                tell(entry, printer);
                told.push(entry.key);
            }
        }
    }
    Ok(Exit::Done)
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
    if std::path::Path::new(text).is_file() {
        return Err(report.remedy(format!("to explain the log in that file, give @{text}")));
    }
    Err(if near.is_empty() {
        LOOK_FOR
            .iter()
            .fold(report, |report, remedy| report.remedy(*remedy))
            .remedy("list everything: provision-sim explain")
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
            printer.prose(&format!("{:<21} ", entry.key), titled(entry));
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
    printer.prose(&format!("{} ", entry.key), titled(entry));
    printer.prose("  ", entry.meaning);
    for (word, hints) in [("cause", entry.causes), ("try", entry.remedies)] {
        for hint in hints {
            printer.prose(&format!("  {word}: "), hint.text);
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
    printer.prose("  ", facts);
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
