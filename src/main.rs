//! The command line; see `provision_sim` for the library.

fn main() {}
