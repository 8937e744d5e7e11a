//! Enrolls the devices of a fleet that have TPMs, at the service of this machine or that of a connection string.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::tpms::Endorsed;
use crate::api_client::{Kind, MAX_BULK, Patience, ServiceClient};
use crate::cli::args::connection::{VARIABLE, given};
use crate::cli::args::route::RouteArgs;
use crate::cli::args::service::ServiceArgs;
use crate::cli::local::Local;
use crate::cli::output::call_failure::explained;
use crate::cli::report::Report;
use crate::cli::runtime::small_runtime;
use crate::cli::secret::Secret;
use crate::fleet::report::grouped;
use crate::wire::HTTPS_PORT;

const FLAG: &str = "--enroll";
/// For each call: a service that is busy is waited for.
const DEADLINE: Duration = Duration::from_secs(30);
const PATIENCE: Patience = Patience { limit: Duration::from_secs(120) };

/// Whether devices are enrolled first.
#[derive(Debug, Args)]
pub(super) struct EnrollArgs {
    /// Enroll each device with its TPM first, unless it is, at the service of --local or
    /// --connection-string
    #[arg(long, requires = "tpm_state")]
    enroll: bool,
    /// Connection string of a shared access policy, for --enroll [env: PROVISION_SIM_CONNECTION_STRING]
    #[arg(long, requires = "enroll", value_name = "STRING|@FILE|-")]
    pub(super) connection_string: Option<Secret>,
}

impl EnrollArgs {
    /// A client of the service at which devices are enrolled; none if they are not.
    pub(super) fn client(
        &self,
        local: Option<&Local>,
        service: &ServiceArgs,
        route: &RouteArgs,
    ) -> Result<Option<ServiceClient>, Report> {
        if !self.enroll {
            return Ok(None);
        }
        let client = match (given(self.connection_string.as_ref())?, local) {
            (Some(_), Some(_)) if self.connection_string.is_some() => {
                return Err(Report::usage("--local and --connection-string are two services")
                    .remedy("leave one of them out"));
            }
            (_, Some(local)) => local.client(FLAG)?,
            (Some(connection), None) => {
                let ports = ServiceArgs::ports(None)?;
                let (host, tls) = (connection.endpoint().or_port(HTTPS_PORT), service.tls(None)?);
                let way = route.route(&host, ports, false)?;
                ServiceClient::by_route(connection, &tls, way, DEADLINE)
            }
            (None, None) => {
                return Err(Report::usage(format!("{FLAG}: it is not known at which service"))
                    .remedy(format!("give --local, or --connection-string, or set {VARIABLE}")));
            }
        };
        Ok(Some(client.with_patience(PATIENCE)))
    }
}

/// Enrolls them all, and says how many are new. What is there stays as it is (J-493).
pub(super) fn enroll(client: &ServiceClient, devices: &[Endorsed]) -> Result<String, Report> {
    // A list may name a device twice, and each round has all.
    let mut seen = HashSet::new();
    let devices: Vec<_> = devices
        .iter()
        .filter(|device| seen.insert(device.id.as_str().to_ascii_lowercase()))
        .collect();
    let runtime = small_runtime()?;
    let result = runtime.block_on(async {
        let mut made = 0_u64;
        for devices in devices.chunks(MAX_BULK) {
            made += ten(client, devices).await?;
        }
        Ok(made)
    });
    // A name lookup that hangs cannot be called off; it must not hold up the end.
    runtime.shutdown_background();
    let (made, all) = (grouped(result?), grouped(devices.len() as u64));
    Ok(format!("{made} of {all} devices were enrolled; the others had been before"))
}

/// How many of them were made.
async fn ten(client: &ServiceClient, devices: &[&Endorsed]) -> Result<u64, Report> {
    let records: Vec<_> = devices.iter().map(|device| record(device)).collect();
    let left = client.create_all(Kind::Individual, &records).await;
    let left = left.map_err(|error| explained(&error, None))?;
    for one in &left {
        let same_name = |device: &&&Endorsed| device.id.as_str().eq_ignore_ascii_case(&one.id);
        match devices.iter().find(same_name) {
            Some(device) if one.is_there() => check(client, device).await?,
            _ => return Err(Report::usage(format!("{FLAG}: {one}"))),
        }
    }
    Ok(devices.len().saturating_sub(left.len()) as u64)
}

fn record(device: &Endorsed) -> Value {
    json!({
        "registrationId": device.id.as_str(),
        "attestation": { "type": "tpm", "tpm": { "endorsementKey": device.key } },
    })
}

/// An enrollment of somebody's own may say more than ours would, so it is only read.
async fn check(client: &ServiceClient, Endorsed { id, key }: &Endorsed) -> Result<(), Report> {
    let about = Some((Kind::Individual, id.as_str()));
    let record = client.get(Kind::Individual, id.as_str()).await;
    let record = record.map_err(|error| explained(&error, about))?.value();
    match record["attestation"]["tpm"]["endorsementKey"].as_str() {
        Some(enrolled) if enrolled == key => Ok(()),
        other => {
            let what =
                if other.is_some() { "with another TPM" } else { "otherwise than with a TPM" };
            Err(Report::usage(format!("{FLAG}: {id} is enrolled already, {what}"))
                .remedy(format!(
                    "delete that: provision-sim enrollment delete --enrollment-id {id} …"
                ))
                .remedy("or name the devices otherwise: --reg-id-pattern"))
        }
    }
}
