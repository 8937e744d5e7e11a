//! Values as arguments give them: `VALUE`, `@FILE`, or `-` for standard input.

use std::path::Path;

use zeroize::Zeroizing;

use super::report::Report;
pub(crate) use crate::text::plain;
use crate::text::{MAX_FILE, Source};

/// Reads what an argument stands for, which may be a secret. `flag` names it in errors; the value
/// itself is never shown.
pub(crate) fn read(flag: &str, argument: &str) -> Result<Zeroizing<String>, Report> {
    match argument.strip_prefix('@') {
        Some(path) => read_source(flag, &Source::File(path.into())),
        None if argument == "-" => read_source(flag, &Source::Stdin),
        None => Ok(Zeroizing::new(argument.to_owned())),
    }
}

/// Reads a file that a flag names.
pub(crate) fn read_file(flag: &str, path: &Path) -> Result<Zeroizing<String>, Report> {
    read_source(flag, &Source::File(path.to_owned()))
}

fn read_source(flag: &str, source: &Source) -> Result<Zeroizing<String>, Report> {
    source
        .read(MAX_FILE)
        .map_err(|error| Report::usage(format!("{flag}: cannot read {source}: {}", plain(&error))))
}

/// The report that a value is wrong, with the remedy for one that was meant as the name of a file.
pub(crate) fn wrong_value(argument: &str, report: Report) -> Report {
    match !argument.is_empty() && Path::new(argument).is_file() {
        true => report.remedy(format!("{argument} is the name of a file; give @{argument}")),
        false => report,
    }
}

/// The report that an argument is not the JSON that it should be: what arrived here, and how each
/// shell lets quotes through. `example` is JSON in which only double quotes are special.
pub(crate) fn wrong_json(
    flag: &str,
    argument: &str,
    text: &str,
    reason: &str,
    example: &str,
) -> Report {
    const SHOWN: usize = 60;
    let mut report = Report::usage(format!("{flag}: {reason}"));
    if !argument.starts_with('@') && argument != "-" {
        let mut start: String = text.chars().take(SHOWN).collect();
        if start.len() < text.len() {
            start.push('…');
        }
        report = report.cause(format!("what arrived is {start:?}"));
    }
    let escaped = example.replace('"', "\\\"");
    wrong_value(argument, report)
        .remedy(format!("in sh and PowerShell 7: '{example}'"))
        .remedy(format!("in Windows PowerShell: '{escaped}'"))
        .remedy(format!("in cmd.exe: \"{escaped}\""))
        .remedy("in any shell: @FILE, with the JSON in a file")
}

/// An environment variable; empty counts as not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
