//! TPMs that a device uses: in a file, or at an address.
//!
//! They are used through [`Tpm`](crate::attestation::Tpm), by which the rest of the device knows them.
//!
//! - `file`: a TPM in a file.
//! - `code`: what the response codes of a TPM mean.
//! - `command`: the commands that are sent to it, as bytes.
//! - `answer`: its answers, taken apart.
//! - `fault`: why it did not do what it was asked.
//! - `link`: a connection to it.
//! - `operation`: what is done with it, command by command.
//! - `remote`: a TPM at an address.

mod answer;
mod code;
mod command;
mod fault;
mod file;
mod link;
mod operation;
mod remote;

pub use file::TpmFile;
pub use remote::RemoteTpm;
