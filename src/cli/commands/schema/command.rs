//! The command line of `schema`.

use clap::{Args, ValueEnum};

use super::document::{Root, document};
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;

/// Print what may stand in scenario and configuration files, as a JSON schema for editors
#[derive(Debug, Args)]
#[command(after_help = "\
A JSON schema, draft 7. With it an editor completes members, says what each means, and marks what is
wrong. With Even Better TOML in VS Code, or Taplo, write it beside the files and name it in their
first line:

  #:schema ./scenario.schema.json

Examples:
  provision-sim schema > scenario.schema.json
  provision-sim schema config > config.schema.json")]
pub(crate) struct Schema {
    /// scenario: files of `run`; config: files of `serve --config`
    #[arg(
        value_enum,
        default_value_t = Of::Scenario,
        value_name = "scenario|config",
        hide_possible_values = true
    )]
    of: Of,
}

/// Of which files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    Scenario,
    Config,
}

impl Schema {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let schema = document(match self.of {
            Of::Scenario => Root::Scenario,
            Of::Config => Root::Configuration,
        });
        if printer.format == Output::Text {
            printer.pretty_json(&serde_json::to_string_pretty(&schema).map_err(Report::internal)?);
        } else {
            printer.json(&schema);
        }
        Ok(Exit::Done)
    }
}
