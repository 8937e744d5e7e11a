//! Where the results go besides: the flags, and the files.

use std::fs::{OpenOptions, create_dir_all, write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::input::plain;
use crate::cli::report::Report;
use crate::verdicts::{Results, artifacts, folder, html, junit};

/// Where the results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(super) struct ResultsArgs {
    /// Write the results for CI systems, a testcase for each device or step
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the results as a page, with everything that was said
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write what was said in each case that failed into a folder of its own below this one: the
    /// device, the journal, webhooks, faults, the service's log
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
}

impl ResultsArgs {
    /// Whether they can be written is known before anything is played. Older files stay until there are new
    /// ones.
    pub(super) fn check(&self) -> Result<(), Report> {
        for (flag, path) in [("--junit", &self.junit), ("--report", &self.report)] {
            let Some(path) = path else { continue };
            let opened = OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(|error| unwritable(flag, path, &error))?;
        }
        if let Some(path) = &self.artifacts {
            create_dir_all(path).map_err(|error| unwritable("--artifacts", path, &error))?;
        }
        Ok(())
    }

    /// Writes all that is wanted.
    pub(super) fn write(&self, results: &Results) -> Result<(), Report> {
        let files = [
            ("--junit", &self.junit, junit as fn(&Results) -> String),
            ("--report", &self.report, html),
        ];
        for (flag, path, text) in files {
            let Some(path) = path else { continue };
            write(path, text(results)).map_err(|error| unwritable(flag, path, &error))?;
        }
        match &self.artifacts {
            None => Ok(()),
            Some(path) => write_artifacts(path, results)
                .map_err(|error| unwritable("--artifacts", path, &error)),
        }
    }
}

/// A folder for each case that is bad; nothing where all is well.
fn write_artifacts(below: &Path, results: &Results) -> std::io::Result<()> {
    let cases = results.suites.iter().flat_map(|suite| &suite.cases);
    for (index, case) in cases.enumerate().filter(|(_, case)| case.outcome.is_bad()) {
        let folder = below.join(folder(index + 1, case));
        create_dir_all(&folder)?;
        for file in artifacts(case) {
            write(folder.join(file.name), file.text)?;
        }
    }
    Ok(())
}

fn unwritable(flag: &str, path: &Path, error: &std::io::Error) -> Report {
    Report::usage(format!("{flag}: cannot write {}: {}", path.display(), plain(error)))
        .remedy("check the path, and whether the disk is full")
}
