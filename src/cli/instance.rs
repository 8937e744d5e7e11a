//! Which service devices register with, as flags, variables and the local service say: its ID scope,
//! its address, and whom to trust.

use std::path::Path;

use super::Report;
use super::input::variable;
use super::local::Local;
use crate::net::{Endpoint, Trust};
use crate::wire::{GLOBAL_ENDPOINT, IdScope};

/// The ID scope: the flag's, the local service's, or the variable's.
pub(super) fn id_scope(flag: Option<&IdScope>, local: Option<&Local>) -> Result<IdScope, Report> {
    const VARIABLE: &str = "IOTHUB_DEVICE_DPS_ID_SCOPE";
    let parse = |name: &str, text: &str| {
        text.parse()
            .map_err(|error| Report::usage(format!("{name}: {text:?} is no ID scope: {error}")))
    };
    match (flag, local, variable(VARIABLE)) {
        (Some(scope), ..) => Ok(scope.clone()),
        (None, Some(local), _) => parse("--local", &local.ready.id_scope),
        (None, None, Some(text)) => parse(VARIABLE, &text),
        (None, None, None) => Err(Report::usage(format!("no ID scope: give --id-scope, or set {VARIABLE}"))
            .remedy("it stands on the overview page of the DPS instance; `--local` fills it in for `provision-sim serve`")),
    }
}

/// Where it is dialled: by the flag, the local service, the variable, or at Azure.
pub(super) fn endpoint(flag: Option<&Endpoint>, local: Option<&Local>) -> Result<Endpoint, Report> {
    const VARIABLE: &str = "IOTHUB_DEVICE_DPS_ENDPOINT";
    let parse = |name: &str, text: &str| {
        text.parse().map_err(|error| Report::usage(format!("{name}: {text:?}: {error}")))
    };
    match (flag, local, variable(VARIABLE)) {
        (Some(host), ..) => Ok(host.clone()),
        // Its ports are filled in beside it, one for each transport.
        (None, Some(local), _) => Ok(local.address()?.without_port()),
        (None, None, Some(text)) => parse(VARIABLE, &text),
        (None, None, None) => parse("--host", GLOBAL_ENDPOINT),
    }
}

/// Whom to trust: the flag's file, the local service's, the variable's, or the system.
pub(super) fn trust(flag: Option<&Path>, local: Option<&Local>) -> Trust {
    match (flag, local, variable("SSL_CERT_FILE")) {
        (Some(path), ..) => Trust::File(path.to_owned()),
        (None, Some(local), _) => Trust::File(local.ready.ca_file.clone()),
        (None, None, Some(path)) => Trust::File(path.into()),
        (None, None, None) => Trust::System,
    }
}
