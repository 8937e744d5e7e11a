//! What is printed and logged, and how.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `wrap`: long texts in lines that fit the terminal.
//! - `status_line`: one line on the terminal that changes in place.
//! - `logging`: logs, to standard error; and kept for who asks for them.
//! - `kept`: what was printed, to be printed later.
//! - `printer`: results and failures, for people or for programs.
//! - `failure`: a device's failure as a report.
//! - `call_failure`: the same of a call of the service API.
//! - `progress`: the status line that says what a device waits for.
//! - `sample`: the lines of the Azure IoT C SDK's sample.
//! - `transcript`: a registration as that sample prints it.
//! - `narration`: a registration told step by step, for people who learn the protocol.

pub(crate) mod call_failure;
pub(crate) mod failure;
#[cfg(test)]
mod first_lines;
pub(crate) mod kept;
pub(crate) mod logging;
pub(crate) mod narration;
pub(crate) mod printer;
pub(crate) mod progress;
#[cfg(test)]
mod reach_page;
pub(crate) mod sample;
pub(crate) mod status_line;
pub(crate) mod transcript;
pub(crate) mod wrap;
