//! `run`: play scenarios and judge them.
//!
//! - `scenarios`: the files, read, and what of them is wanted.
//! - `played`: what came of a file.
//! - `lines`: the results for programs.
//! - `show`: what happens, as it happens.
//! - `file`: a file is played.
//! - `jobs`: several are, some at once, and shown one after another.
//! - `results`: where the results go besides.
//! - `command`: the command line.

mod command;
mod file;
mod jobs;
mod lines;
mod played;
mod results;
mod scenarios;
mod show;

pub(crate) use command::Run;
