//! What one types daily, with nothing but cargo: `cargo xtask help`.
//!
//! Each task is a few commands that `.ci/run` and the workflows call too, so that they stand in one
//! place.

mod tasks;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

  lint                  format, clippy, and documentation, each without a warning
  test [ARGUMENTS…]     the tests; arguments go to `cargo test`
  features              each cargo feature builds alone, and none of them too
  deny [CHECKS…]        licences, bans and sources of dependencies; `advisories` needs the network
  fuzz TARGET [SECONDS] one fuzz target, for a minute unless told otherwise
  fuzz --list           the targets";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["lint"] => tasks::lint(),
        ["test", rest @ ..] => tasks::test(rest),
        ["features"] => tasks::features(),
        ["deny", checks @ ..] => tasks::deny(checks),
        ["fuzz", "--list"] => tasks::fuzz_list(),
        ["fuzz", target] => tasks::fuzz(target, "60"),
        ["fuzz", target, seconds] => tasks::fuzz(target, seconds),
        ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
