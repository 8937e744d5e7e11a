//! What holds for the project itself, whatever the program does: its layers, and that its documents
//! say what its code does.

#[cfg(unix)]
mod commands;
mod conformance;
mod document;
mod examples;
mod faults;
// Its files are named as Unix names them.
#[cfg(unix)]
mod layers;
mod links;
mod rule_id;
mod rules;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod typed;
mod version;
#[cfg(unix)]
mod workflows;
