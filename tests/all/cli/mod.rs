//! The binary, as a user runs it.

mod admin;
mod az;
mod connect;
mod diagnose;
mod diagnose_route;
mod enrollments;
mod explain;
mod foreign;
mod gateway;
mod group;
mod import;
mod keys;
mod log;
mod manual;
mod narration;
mod page;
mod pki;
mod quotas;
mod register;
mod register_x509;
mod run;
mod stop;
mod transports;
mod watch;
mod webhook;
mod wrap;
