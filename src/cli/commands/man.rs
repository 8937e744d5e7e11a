//! `man`: manual pages, made from the same texts as `--help`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::cli::exit::Exit;
use crate::cli::input::plain;
use crate::cli::report::Report;

/// Print the manual page, or write one for each command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provision-sim man | man -l -
  provision-sim man --out ~/.local/share/man/man1
      provision-sim.1, provision-sim-register.1, …: then `man provision-sim-register`")]
pub(crate) struct Man {
    /// Write a page for every command into this folder, made if it is not there
    /// [default: the main page to standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, program: Command) -> Result<Exit, Report> {
        match &self.out {
            None => {
                let _ = std::io::stdout().write_all(&render(program)?);
            }
            Some(folder) => write_all(program, folder)?,
        }
        Ok(Exit::Done)
    }
}

fn render(command: Command) -> Result<Vec<u8>, Report> {
    let mut page = Vec::new();
    let source = concat!("provision-sim ", env!("CARGO_PKG_VERSION"));
    Page::new(command).source(source).render(&mut page).map_err(Report::internal)?;
    Ok(page)
}

fn write_all(mut command: Command, folder: &Path) -> Result<(), Report> {
    let failed = |path: &Path, error: std::io::Error| {
        Report::usage(format!("--out: cannot write {}: {}", path.display(), plain(&error)))
            .remedy("give a folder that you may write to")
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    // What clap would do only when it parses: global options reach the subcommands.
    command.build();
    let mut pages = vec![(command.get_name().to_owned(), command)];
    while let Some((name, command)) = pages.pop() {
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        pages.extend(below.map(|below| (format!("{name}-{}", below.get_name()), below.clone())));
        let path = folder.join(format!("{name}.1"));
        let titled = command.clone().display_name(name);
        std::fs::write(&path, render(titled)?).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
