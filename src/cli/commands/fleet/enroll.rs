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
use crate::cli::runtime::run_to_end;
use crate::cli::secret::Secret;
use crate::device::Transport;
use crate::fleet::report::grouped;
use crate::wire::{HTTPS_PORT, RegistrationId};

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

/// The service at which devices are enrolled.
pub(super) struct Enroller {
    client: ServiceClient,
    /// How other commands are led to it.
    flag: &'static str,
}

impl EnrollArgs {
    /// Where devices are enrolled; nothing if they are not.
    pub(super) fn enroller(
        &self,
        local: Option<&Local>,
        service: &ServiceArgs,
        route: &RouteArgs,
    ) -> Result<Option<Enroller>, Report> {
        if !self.enroll {
            return Ok(None);
        }
        if let (Some(_), Some(_)) = (&self.connection_string, local) {
            return Err(Report::usage("--local and --connection-string are two services")
                .remedy("leave one of them out"));
        }
        let (client, flag) = match (local, given(self.connection_string.as_ref())?) {
            (Some(local), _) => (local.client(FLAG)?, "--local"),
            (None, Some(connection)) => {
                let ports = ServiceArgs::ports(None)?;
                let (host, tls) = (connection.endpoint().or_port(HTTPS_PORT), service.tls(None)?);
                let way = route.route(&host, Transport::Https, ports, false)?;
                let client = ServiceClient::by_route(connection, &tls, way, DEADLINE);
                (client, "--connection-string STRING")
            }
            (None, None) => {
                return Err(Report::usage(format!("{FLAG}: it is not known at which service"))
                    .remedy(format!("give --local, or --connection-string, or set {VARIABLE}")));
            }
        };
        Ok(Some(Enroller { client: client.with_patience(PATIENCE), flag }))
    }
}

impl Enroller {
    /// Enrolls them all, and says how many are new. What is there stays as it is (J-493).
    pub(super) fn enroll(&self, devices: &[Endorsed]) -> Result<String, Report> {
        // A list may name a device twice, and each round has all.
        let mut seen = HashSet::new();
        let mut is_first = |id: &RegistrationId| seen.insert(id.as_str().to_ascii_lowercase());
        let devices: Vec<_> = devices.iter().filter(|device| is_first(&device.id)).collect();
        let made = run_to_end(async {
            let mut made = 0_u64;
            for devices in devices.chunks(MAX_BULK) {
                made += self.some(devices).await?;
            }
            Ok::<_, Report>(made)
        })??;
        Ok(note(made, devices.len() as u64))
    }

    /// How many of them were made.
    async fn some(&self, devices: &[&Endorsed]) -> Result<u64, Report> {
        let records: Vec<_> = devices.iter().map(|device| record(device)).collect();
        let left = self.client.create_all(Kind::Individual, &records).await;
        let left = left.map_err(|error| explained(&error, None))?;
        for one in &left {
            let same_name = |device: &&&Endorsed| device.id.as_str().eq_ignore_ascii_case(&one.id);
            match devices.iter().find(same_name) {
                Some(device) if one.is_there() => self.check(device).await?,
                _ => return Err(Report::usage(format!("{FLAG}: {one}"))),
            }
        }
        Ok(devices.len().saturating_sub(left.len()) as u64)
    }

    /// An enrollment of somebody's own may say more than ours would, so it is only read.
    async fn check(&self, Endorsed { id, key }: &Endorsed) -> Result<(), Report> {
        let about = Some((Kind::Individual, id.as_str()));
        let record = self.client.get(Kind::Individual, id.as_str()).await;
        let record = record.map_err(|error| explained(&error, about))?.value();
        let what = match record["attestation"]["tpm"]["endorsementKey"].as_str() {
            Some(enrolled) if enrolled == key => return Ok(()),
            Some(_) => "with another TPM",
            None => "otherwise than with a TPM",
        };
        let flag = self.flag;
        Err(Report::usage(format!("{FLAG}: {id} is enrolled already, {what}"))
            .remedy(format!(
                "delete that: provision-sim enrollment delete {flag} --enrollment-id {id}"
            ))
            .remedy("or name the devices otherwise: --reg-id-pattern"))
    }
}

fn record(device: &Endorsed) -> Value {
    json!({
        "registrationId": device.id.as_str(),
        "attestation": { "type": "tpm", "tpm": { "endorsementKey": device.key } },
    })
}

fn note(made: u64, all: u64) -> String {
    match all.saturating_sub(made) {
        0 => format!("enrollments made: {}", grouped(made)),
        before => format!("enrollments made: {}; there before: {}", grouped(made), grouped(before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_how_many_are_new() {
        assert_eq!(note(1000, 1000), "enrollments made: 1,000");
        assert_eq!(note(1, 1001), "enrollments made: 1; there before: 1,000");
    }
}
