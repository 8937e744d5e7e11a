//! `fleet merge`: one report of all shards of a run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::reporting;
use crate::cli::exit::Exit;
use crate::cli::input;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::fleet::report::{self, FailIf};
use crate::text::{Source, syntax};

/// A report has at most about 2 MB; a file may hold those of many shards.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Merge the reports of the shards of a run, exactly
#[derive(Debug, Args)]
#[command(after_help = "\
Reads what `fleet -o json` printed on each machine. Counts add up, and percentiles are those of all
devices together, not means of percentiles; shards are taken to have run side by side. A file may
hold several reports one after the other. With --compare two runs stand side by side, and the ratio
of the second to the first.

Examples:
  provision-sim fleet merge shard-*.json
  provision-sim fleet merge shard-*.json --report fleet.html -o json > fleet.json
  provision-sim fleet merge --compare monday.json tuesday.json --report compared.html
  kubectl logs -l job-name=fleet --tail=-1 | provision-sim fleet merge - --fail-if 'failed>0.1%'

Exit codes: 0 merged, 2 a file is no report, 5 a --fail-if holds")]
pub(super) struct Merge {
    /// Files with reports as JSON, or - for standard input
    #[arg(required = true, value_name = "FILE|-")]
    files: Vec<PathBuf>,
    /// Compare the second file's run with the first's; merge nothing but the reports within each
    #[arg(long, conflicts_with = "fail_if")]
    compare: bool,
    /// Also write a page with charts
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Exit with 5 if this holds of the whole run, such as 'p99>5s', 'failed>0.1%' or 'rate<100/s';
    /// can be repeated
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<FailIf>,
}

impl Merge {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.refuse_repeated()?;
        if self.compare {
            return self.compare(printer);
        }
        let whole = whole(&self.files)?;
        reporting::print(&whole, printer);
        if let Some(path) = &self.report {
            reporting::write_page(path, &whole.html())?;
        }
        reporting::judge(&whole, &self.fail_if)?;
        Ok(Exit::Done)
    }

    fn compare(&self, printer: &mut Printer) -> Result<Exit, Report> {
        let [before, after] = &self.files[..] else {
            let given = self.files.len();
            return Err(Report::usage(format!(
                "--compare: two files are compared, and {given} given"
            ))
            .remedy("merge the shards of each run into one file first: fleet merge … -o json"));
        };
        let side = |file: &PathBuf| {
            let report = whole(std::slice::from_ref(file))?;
            Ok(report::Side { name: Source::of(file).to_string(), report })
        };
        let compared = report::Comparison { before: side(before)?, after: side(after)? };
        if printer.is_text() {
            printer.lines(reporting::drawn(compared.text()).trim_end());
        } else {
            printer.json(&compared.to_json());
        }
        if let Some(path) = &self.report {
            reporting::write_page(path, &compared.html())?;
        }
        Ok(Exit::Done)
    }

    /// A shard that counts twice would falsify everything.
    fn refuse_repeated(&self) -> Result<(), Report> {
        let mut seen = BTreeSet::new();
        for file in &self.files {
            let same = std::fs::canonicalize(file).unwrap_or_else(|_| file.clone());
            if !seen.insert(same) {
                let shown = file.display();
                return Err(Report::usage(format!("{shown} was given more than once"))
                    .cause("its devices would count more than once")
                    .remedy("give each shard's report once"));
            }
        }
        Ok(())
    }
}

/// All reports of these files, merged.
fn whole(files: &[PathBuf]) -> Result<report::Report, Report> {
    let mut whole: Option<report::Report> = None;
    for file in files {
        for part in read(file)? {
            match &mut whole {
                Some(whole) => whole.merge(&part),
                None => whole = Some(part),
            }
        }
    }
    whole.ok_or_else(|| Report::usage("no report in what was given"))
}

/// All reports of a file.
fn read(path: &Path) -> Result<Vec<report::Report>, Report> {
    let shown = Source::of(path);
    let text = shown
        .read(MAX_BYTES)
        .map_err(|error| Report::usage(format!("cannot read {shown}: {}", input::plain(&error))))?;
    let mut reports = Vec::new();
    for (index, value) in serde_json::Deserializer::from_str(&text).into_iter().enumerate() {
        let wrong = |reason: String| {
            let report = Report::usage(format!("{shown}, report {}: {reason}", index + 1));
            report.remedy("merge what `provision-sim fleet -o json` printed")
        };
        let value: Value =
            value.map_err(|error| wrong(format!("it is not JSON: {}", syntax(&error))))?;
        let report = report::Report::from_json(&value);
        reports.push(report.map_err(|error| wrong(error.to_string()))?);
    }
    if reports.is_empty() {
        return Err(Report::usage(format!("{shown} is empty"))
            .cause("the shard may still be running, or was stopped before its end"));
    }
    Ok(reports)
}
