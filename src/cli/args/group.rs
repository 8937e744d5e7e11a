//! The enrollment group whose key a device of the local service is given.

use clap::Args;
use serde_json::Value;

use crate::api_client::{CallError, Kind, ServiceClient};
use crate::attestation::GroupKey;
use crate::cli::local::Local;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::tutorial;
use crate::wire::RegistrationId;

/// An enrollment group by its name.
#[derive(Debug, Args)]
pub(crate) struct GroupArg {
    /// Enrollment group of the service that --local means: its key is taken from there
    #[arg(long, value_name = "NAME", requires = "local", conflicts_with = "group_key")]
    pub(crate) group: Option<String>,
}

/// A group of the local service, and its key.
#[derive(Debug)]
pub(crate) struct LocalGroup {
    pub(crate) name: String,
    pub(crate) key: GroupKey,
}

impl LocalGroup {
    /// The group that lets a device of the default world in.
    pub(crate) fn of_device(id: &RegistrationId) -> Result<Self, Report> {
        let (name, key) = tutorial::group_of(id.as_str());
        Self::new(name, key)
    }

    /// The group of the default world that lets every device in.
    pub(crate) fn open() -> Result<Self, Report> {
        Self::new(tutorial::SIMULATED_GROUP, tutorial::SIMULATED_KEY)
    }

    /// The group of the tutorial.
    pub(crate) fn tutorials() -> Result<Self, Report> {
        Self::new(tutorial::GROUP, tutorial::GROUP_KEY)
    }

    fn new(name: &str, key: &str) -> Result<Self, Report> {
        let key = key.parse().map_err(Report::internal)?;
        Ok(Self { name: name.to_owned(), key })
    }

    /// The group of that name, whose key the service is asked for.
    pub(crate) fn named(name: &str, local: &Local) -> Result<Self, Report> {
        let key = run_to_end(async {
            let client = local.client("--group")?;
            match client.attestation(Kind::Group, name).await {
                Ok(attestation) => key_of(name, &attestation.value()),
                Err(error) => Err(not_found(name, &error, &client).await),
            }
        })??;
        Ok(Self { name: name.to_owned(), key })
    }
}

fn key_of(name: &str, attestation: &Value) -> Result<GroupKey, Report> {
    let key = attestation["symmetricKey"]["primaryKey"].as_str().unwrap_or_default();
    match attestation["type"].as_str() {
        Some("symmetricKey") => key.parse().map_err(Report::internal),
        kind => Err(Report::usage(format!(
            "--group: {name} proves its devices by {}, not by a key",
            kind.unwrap_or("something else")
        ))
        .remedy("give the device's certificate: --cert PEM")),
    }
}

fn status(error: &CallError) -> Option<u16> {
    match error {
        CallError::Refused(refusal) => Some(refusal.status),
        _ => None,
    }
}

/// Says which groups there are, where the service can be asked.
async fn not_found(name: &str, error: &CallError, client: &ServiceClient) -> Report {
    let names = client.list(Kind::Group).await.map(|groups| {
        let names = groups.iter().map(|group| group.value()["enrollmentGroupId"].clone());
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect::<Vec<_>>()
    });
    match (status(error), names) {
        (Some(404), Ok(names)) => {
            let report = Report::usage(format!("--group: there is no enrollment group {name:?}"));
            match names.is_empty() {
                true => report.cause("the service has no enrollment group at all"),
                false => report.cause(format!("there are {}", names.join(", "))),
            }
            .remedy(
                "make it with `provision-sim enrollment-group create --local --enrollment-id NAME`",
            )
        }
        _ => Report::usage(format!("--group: the key of {name:?} cannot be had: {error}"))
            .remedy("is the service still running? give --group-key to do without it"),
    }
}
