//! Where the results of a fleet go: the flags, and the files.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::show::Line;
use crate::cli::input::plain;
use crate::cli::report::Report;
use crate::fleet::report::FailIf;
use crate::text::inert_json;

/// Where the results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(super) struct ResultsArgs {
    /// Write a line of JSON for each device as it ends
    #[arg(long, value_name = "FILE")]
    pub(super) results: Option<PathBuf>,
    /// Write the report as a page
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// What makes the exit code 5, in place of any device that is not assigned, such as
    /// 'failed>0.1%'; may be given again
    #[arg(long, value_name = "CONDITION")]
    pub(super) fail_if: Vec<FailIf>,
}

/// Where the results go; opened before anything is sent.
pub(super) struct Outputs {
    pub(super) results: Option<Results>,
    pub(super) report: Option<PathBuf>,
    pub(super) fail_if: Vec<FailIf>,
}

/// The file of `--results`, a line for each device.
pub(super) struct Results {
    pub(super) path: PathBuf,
    file: BufWriter<File>,
    pub(super) fault: Option<std::io::Error>,
}

impl Outputs {
    pub(super) fn open(arguments: &ResultsArgs) -> Result<Self, Report> {
        let results = match &arguments.results {
            None => None,
            Some(path) => {
                let file =
                    File::create(path).map_err(|error| unwritable("--results", path, &error))?;
                Some(Results { path: path.clone(), file: BufWriter::new(file), fault: None })
            }
        };
        if let Some(path) = &arguments.report {
            // An older report stays until there is a new one.
            let opened = OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(|error| unwritable("--report", path, &error))?;
        }
        let (report, fail_if) = (arguments.report.clone(), arguments.fail_if.clone());
        Ok(Self { results, report, fail_if })
    }
}

/// Whom it could not be written for.
pub(super) fn unwritable(flag: &str, path: &Path, error: &std::io::Error) -> Report {
    Report::usage(format!("{flag}: cannot write {}: {}", path.display(), plain(error)))
        .remedy("check the path, and whether the disk is full")
}

impl Results {
    pub(super) fn add(&mut self, line: &Line<'_>) {
        let write = serde_json::to_string(line).map_err(Into::into).and_then(|json| {
            // The file is read on terminals, too (J-241).
            writeln!(self.file, "{}", inert_json(&json))
        });
        self.note(write);
    }

    pub(super) fn flush(&mut self) {
        let flushed = self.file.flush();
        self.note(flushed);
    }

    /// The first fault is the one that is told.
    fn note(&mut self, result: std::io::Result<()>) {
        self.fault = self.fault.take().or(result.err());
    }
}
