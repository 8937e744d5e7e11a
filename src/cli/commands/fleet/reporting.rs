//! What a fleet's report is printed, written and judged by: after a run, and after a merge.

use std::path::Path;

use crate::cli::exit::Exit;
use crate::cli::input;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::fleet::report::{self, Bars, FailIf};

/// Prints a report in the format that was asked for.
pub(super) fn print(report: &report::Report, printer: &mut Printer) {
    if printer.is_text() {
        for line in report.text_with(bars()).trim_end().split('\n') {
            let text = line.trim_start();
            // Columns do not get clearer by being broken.
            match text.contains("  ") {
                true => printer.line(line),
                false => printer.prose(&line[..line.len() - text.len()], text),
            }
        }
    } else {
        printer.json(&report.to_json());
    }
}

/// A text of others' drawing, in the characters that the terminal has.
pub(super) fn drawn(text: String) -> String {
    match bars() {
        Bars::Unicode => text,
        Bars::Ascii => report::ascii(&text),
    }
}

/// Writes the page of `--report`.
pub(super) fn write_page(path: &Path, html: &str) -> Result<(), Report> {
    std::fs::write(path, html).map_err(|error| {
        let shown = path.display();
        Report::usage(format!("--report: cannot write {shown}: {}", input::plain(&error)))
    })
}

/// The first of the conditions that holds, as a failure of the run.
pub(super) fn judge(report: &report::Report, conditions: &[FailIf]) -> Result<(), Report> {
    match conditions.iter().find(|condition| condition.holds(report)) {
        None => Ok(()),
        Some(condition) => Err(Report::new(
            "failIf",
            Exit::NotAssigned,
            format!("--fail-if {condition} holds: it is {}", condition.actual(report)),
        )),
    }
}

/// Block elements where the terminal's characters are UTF-8, as its variables say.
fn bars() -> Bars {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(input::variable);
    let is_utf_8 = said.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    if is_utf_8 || cfg!(windows) { Bars::Unicode } else { Bars::Ascii }
}
