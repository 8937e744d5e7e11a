//! `completions`: what a shell needs to complete command lines.

use std::io::Write;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::cli::exit::Exit;
use crate::cli::report::Report;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provision-sim completions bash > ~/.local/share/bash-completion/completions/provision-sim
  provision-sim completions zsh > \"${fpath[1]}/_provision-sim\"
  provision-sim completions fish > ~/.config/fish/completions/provision-sim.fish
  provision-sim completions powershell >> $PROFILE
  provision-sim completions elvish >> ~/.config/elvish/rc.elv")]
pub(crate) struct Completions {
    /// bash, zsh, fish, powershell or elvish
    #[arg(value_enum, value_name = "SHELL", hide_possible_values = true)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut program: Command) -> Result<Exit, Report> {
        // In memory first: clap_complete panics where standard output is closed.
        let mut script = Vec::new();
        let name = program.get_name().to_owned();
        generate(self.shell, &mut program, name, &mut script);
        let _ = std::io::stdout().write_all(&script);
        Ok(Exit::Done)
    }
}
