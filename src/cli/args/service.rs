//! Which service devices register with, as flags, variables and the local service say: its ID scope,
//! its address, and whom to trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::duration::{timeout, token_lifetime};
use super::local::LocalArg;
use crate::attestation::Certificate;
use crate::cli::input::variable;
use crate::cli::local::Local;
use crate::cli::report::Report;
use crate::device::Ports;
use crate::explain::CaFile;
use crate::net::{Endpoint, Trust, client_config};
use crate::text::read_pem;
use crate::wire::{ApiVersion, GLOBAL_ENDPOINT, IdScope};

/// Holds the ID scope, for the SDKs' samples as well.
pub(crate) const ID_SCOPE_VARIABLE: &str = "IOTHUB_DEVICE_DPS_ID_SCOPE";
/// The authorities of a whole system have about 250 KB.
const MAX_CA_FILE: u64 = 16 * 1024 * 1024;

/// The ID scope, apart from the rest: in the help it stands first.
#[derive(Debug, Args)]
pub(crate) struct IdScopeArg {
    /// ID scope of the DPS instance [env: IOTHUB_DEVICE_DPS_ID_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) id_scope: Option<IdScope>,
}

/// The service, and how long it is asked.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The service [env: IOTHUB_DEVICE_DPS_ENDPOINT] [default: global.azure-devices-provisioning.net]
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) host: Option<Endpoint>,
    #[command(flatten)]
    pub(crate) local: LocalArg,
    /// Which shape of replies to ask for [default: 2021-06-01; 2026-11-01 where a
    /// certificate is asked for]
    #[arg(long, value_name = "DATE")]
    pub(crate) api_version: Option<ApiVersion>,
    /// CA certificates to trust in place of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "PEM")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Everything must end within this
    #[arg(long, default_value = "2m", value_parser = timeout, value_name = "DURATION")]
    pub(crate) timeout: Duration,
    /// How long the SAS token is valid
    #[arg(long, default_value = "1h", value_parser = token_lifetime, value_name = "DURATION")]
    pub(crate) ttl: Duration,
}

impl IdScopeArg {
    /// Whether it is known.
    pub(crate) fn is_given(&self, local: Option<&Local>) -> bool {
        self.id_scope.is_some() || local.is_some() || variable(ID_SCOPE_VARIABLE).is_some()
    }

    /// The ID scope: the flag's, the local service's, or the variable's.
    pub(crate) fn resolve(&self, local: Option<&Local>) -> Result<IdScope, Report> {
        let parse = |name: &str, text: &str| {
            text.parse()
                .map_err(|error| Report::usage(format!("{name}: {text:?} is no ID scope: {error}")))
        };
        match (&self.id_scope, local, variable(ID_SCOPE_VARIABLE)) {
            (Some(scope), ..) => Ok(scope.clone()),
            (None, Some(local), _) => parse("--local", &local.ready.id_scope),
            (None, None, Some(text)) => parse(ID_SCOPE_VARIABLE, &text),
            (None, None, None) => Err(Report::usage("no ID scope (--id-scope)")),
        }
    }
}

impl ServiceArgs {
    /// What was said, or what the C SDK says.
    pub(crate) fn api_version(&self) -> ApiVersion {
        self.api_version.clone().unwrap_or(ApiVersion::DEFAULT)
    }

    /// Whether a certificate can be asked for.
    pub(crate) fn check_issues_certificates(&self) -> Result<(), Report> {
        match &self.api_version {
            Some(version) if !version.issues_certificates() => Err(Report::usage(format!(
                "--api-version {version} has no requests for certificates"
            ))
            .remedy(format!("leave it out, or give {} or newer", ApiVersion::OF_CERTIFICATES))),
            _ => Ok(()),
        }
    }

    /// Where it is dialled: by the flag, the local service, the variable, or at Azure.
    pub(crate) fn endpoint(&self, local: Option<&Local>) -> Result<Endpoint, Report> {
        const VARIABLE: &str = "IOTHUB_DEVICE_DPS_ENDPOINT";
        let parse = |name: &str, text: &str| {
            text.parse().map_err(|error| Report::usage(format!("{name}: {text:?}: {error}")))
        };
        match (&self.host, local, variable(VARIABLE)) {
            (Some(host), ..) => Ok(host.clone()),
            // Its ports are filled in beside it, one for each transport.
            (None, Some(local), _) => Ok(local.address()?.without_port()),
            (None, None, Some(text)) => parse(VARIABLE, &text),
            (None, None, None) => parse("--host", GLOBAL_ENDPOINT),
        }
    }

    /// The ports for whom none is given: the local service's, or those of the protocols.
    pub(crate) fn ports(local: Option<&Local>) -> Result<Ports, Report> {
        Ok(local.map(Local::ports).transpose()?.unwrap_or_default())
    }

    /// TLS that trusts the flag's file, the local service's, the variable's, or the system.
    pub(crate) fn tls(&self, local: Option<&Local>) -> Result<Arc<ClientConfig>, Report> {
        client_config(&trust(self.ca_file.as_deref(), local))
            .map_err(|error| Report::usage(format!("--ca-file: {error}")))
    }

    /// The file that says whom to trust, if the user has named one, and whose certificates it holds.
    pub(crate) fn ca_file(&self, local: Option<&Local>) -> Option<CaFile> {
        let (name, path) = match &self.ca_file {
            Some(path) => ("--ca-file", path.clone()),
            None if local.is_some() => return None,
            None => ("SSL_CERT_FILE", variable("SSL_CERT_FILE")?.into()),
        };
        let pem = read_pem(&path, MAX_CA_FILE).ok()?;
        let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        let holds = certificates
            .filter_map(|der| Certificate::from_der(der).ok())
            .map(|certificate| certificate.info().subject_name.clone())
            .collect();
        Some(CaFile { given: format!("{name} {}", path.display()), holds })
    }
}

/// Whom to trust: the flag's file, the local service's, the variable's, or the system's.
pub(crate) fn trust(flag: Option<&Path>, local: Option<&Local>) -> Trust {
    match (flag, local, variable("SSL_CERT_FILE")) {
        (Some(path), ..) => Trust::File(path.to_owned()),
        (None, Some(local), _) => Trust::File(local.ready.ca_file.clone()),
        (None, None, Some(path)) => Trust::File(path.into()),
        (None, None, None) => Trust::System,
    }
}
