//! Many devices at once: what is planned, measured and reported.

mod command;
mod issued;
mod kill;
mod merge;
mod numbers;
mod plan;
mod throttled;
mod tpms;
