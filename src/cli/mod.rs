//! The command line.
//!
//! The only module that reads argv, the environment and files that people name, and the only one
//! that prints. Results go to standard output, everything else to standard error.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `exit`: the exit codes.
//! - `timings`: how long each part of a registration took.
//! - `report`: what a user is told when something goes wrong.
//! - `common`: the options that every command has.
//! - `secret`: secrets, wiped when dropped.
//! - `input`: values as arguments give them: `VALUE`, `@FILE`, or `-` for standard input.
//! - `private_file`: files that only their owner may read.
//! - `state_folder`: where the program keeps what it makes for itself.
//! - `local`: how commands find the services that `serve` runs.
//! - `management`: asks the management listener of a service.
//! - `randomness`: whether the system gives random numbers.
//! - `runtime`: what runs the commands that wait for the network.
//! - `stop`: the signals, or the end of the input, that end what goes on by itself.
//! - `output`: what is printed and logged, and how.
//! - `args`: flags that several commands have.
//! - `tidy`: leaves a service as it was, whatever ends what is played there.
//! - `commands`: the commands, a file or a folder for each.
//! - `program`: the program's own command line, and running the command that it names.

mod args;
mod commands;
mod common;
#[cfg(test)]
mod documents;
mod exit;
mod input;
mod local;
mod management;
mod output;
mod private_file;
mod program;
mod randomness;
mod report;
mod runtime;
mod secret;
mod state_folder;
mod stop;
mod tidy;
mod timings;

pub use exit::Exit;
pub use program::main;
