//! The binary `provision-sim`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    provision_sim::cli::main(std::env::args_os()).into()
}
