//! The commands, a file or a folder for each. No command imports from another.
//!
//! - `serve`: a local Device Provisioning Service.
//! - `register`: one device provisions itself.
//! - `hub`: a provisioned device at its hub.
//! - `status`: how a device's registration stands.
//! - `diagnose`: what keeps a device from registering.
//! - `explain`: what a code, a name, or a line of a log means.
//! - `log`: the registrations that a service has seen.
//! - `healthcheck`: whether a service is up.
//! - `run`: scenarios, played and judged.
//! - `conformance`: a client of somebody else's, put to the test.
//! - `fleet`: many devices at once.
//! - `derive_key`: the device keys of an enrollment group.
//! - `sas_token`: SAS tokens, signed and checked.
//! - `enrollments`: `enrollment-group`, `enrollment`, `registration`, `compute-device-key`, `export` and
//!   `import`.
//! - `webhook`: a custom allocation function, tried without a device.
//! - `pki`: certificates for tests.
//! - `tpm`: the TPM of a device.
//! - `schema`: what may stand in the files that people write.
//! - `completions`: what a shell needs to complete command lines.
//! - `man`: manual pages.

pub(crate) mod completions;
pub(crate) mod conformance;
pub(crate) mod derive_key;
pub(crate) mod diagnose;
pub(crate) mod enrollments;
pub(crate) mod explain;
pub(crate) mod fleet;
pub(crate) mod healthcheck;
pub(crate) mod hub;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod pki;
pub(crate) mod register;
pub(crate) mod run;
pub(crate) mod sas_token;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod tpm;
pub(crate) mod webhook;
