//! The reports that are written: JUnit for CI systems, HTML for people.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::input::plain;
use crate::cli::report::Report;
use crate::verdicts::{Results, html, junit};

/// Which reports are wanted.
#[derive(Debug, Args)]
pub(super) struct Files {
    /// Write the verdicts here as JUnit XML, which CI systems read
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a report for people here, with every conversation: one HTML file
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

impl Files {
    /// Finds out before anything is played whether they can be written.
    pub(super) fn check(&self) -> Result<(), Report> {
        for path in self.junit.iter().chain(&self.report) {
            write(path, "")?;
        }
        Ok(())
    }

    /// Writes them.
    pub(super) fn write(&self, results: &Results) -> Result<(), Report> {
        if let Some(path) = &self.junit {
            write(path, &junit(results))?;
        }
        if let Some(path) = &self.report {
            write(path, &html(results))?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<(), Report> {
    std::fs::write(path, text).map_err(|error| {
        Report::usage(format!("cannot write {}: {}", path.display(), plain(&error)))
    })
}
