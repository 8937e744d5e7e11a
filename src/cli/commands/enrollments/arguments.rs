//! The flags of `create` and `update`, named as `az iot dps` names them.

use clap::Args;
use hyper::header::HeaderValue;
use serde_json::Value;

use super::attestation::AttestationArgs;
use super::target::Target;
use crate::api_client::Kind;
use crate::cli::report::Report;
use crate::wire::{ApiVersion, RegistrationId};

/// What a record is to be.
#[derive(Debug, Args)]
pub(super) struct Change<S: KindArgs> {
    /// Name of the record; of an enrollment the registration ID of its device
    #[arg(long, value_name = "ID")]
    pub(super) enrollment_id: RegistrationId,
    #[command(flatten)]
    pub(super) kind_args: S,
    /// Also show symmetric keys
    #[arg(long)]
    pub(super) show_keys: bool,
    // From here on there are headings, under which all that follows would stand.
    #[command(flatten)]
    pub(super) attestation: AttestationArgs,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) target: Target,
}

/// What both kinds have.
#[derive(Args)]
#[command(next_help_heading = "Allocation and settings")]
pub(super) struct Settings {
    /// How devices get their hub: hashed, geoLatency, static or custom
    #[arg(long, value_name = "POLICY", value_parser = ["hashed", "geoLatency", "static", "custom"], hide_possible_values = true)]
    pub(super) allocation_policy: Option<String>,
    /// Host names of linked hubs to choose from, separated by spaces
    #[arg(long, value_name = "HUB", num_args = 1..)]
    pub(super) iot_hubs: Option<Vec<String>>,
    /// Address of the webhook that decides, with its function key; for the policy custom
    #[arg(long, value_name = "URL")]
    pub(super) webhook_url: Option<String>,
    /// Which shape of requests the webhook gets, such as 2019-03-31
    #[arg(long, value_name = "DATE")]
    pub(super) api_version: Option<ApiVersion>,
    /// Whether devices may register: enabled or disabled
    #[arg(long, value_name = "STATUS", value_parser = ["enabled", "disabled"], hide_possible_values = true)]
    pub(super) provisioning_status: Option<String>,
    /// When a device comes again: reprovisionandmigratedata, reprovisionandresetdata or never
    #[arg(long, value_name = "POLICY", value_parser = ["reprovisionandmigratedata", "reprovisionandresetdata", "never"], hide_possible_values = true)]
    pub(super) reprovision_policy: Option<String>,
    /// Whether devices are IoT Edge devices: true or false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true)]
    pub(super) edge_enabled: Option<bool>,
    /// Tags of the first twin
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub(super) initial_twin_tags: Option<String>,
    /// Desired properties of the first twin
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub(super) initial_twin_properties: Option<String>,
}

/// A webhook's address has its function key.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings(redacted)")
    }
}

/// What only one kind has.
pub(super) trait KindArgs: Args + std::fmt::Debug {
    /// Which kind.
    const KIND: Kind;

    /// The hub's name of the device.
    fn device_id(&self) -> Option<&str> {
        None
    }

    /// Names of verified CA certificates.
    fn ca_names(&self) -> (Option<&str>, Option<&str>) {
        (None, None)
    }
}

/// What only groups have.
#[derive(Debug, Args)]
pub(super) struct GroupOnly {
    /// Name of a CA certificate of the service that signs the devices' certificates
    #[arg(long, value_name = "NAME", conflicts_with_all = ["certificate_path", "secondary_certificate_path"])]
    root_ca_name: Option<String>,
    /// Name of a second one
    #[arg(long, value_name = "NAME", conflicts_with_all = ["certificate_path", "secondary_certificate_path"])]
    secondary_root_ca_name: Option<String>,
}

impl KindArgs for GroupOnly {
    const KIND: Kind = Kind::Group;

    fn ca_names(&self) -> (Option<&str>, Option<&str>) {
        (self.root_ca_name.as_deref(), self.secondary_root_ca_name.as_deref())
    }
}

/// What only individual enrollments have.
#[derive(Debug, Args)]
pub(super) struct EnrollmentOnly {
    /// Name of the device on its hub [default: the registration ID]
    #[arg(long, value_name = "ID")]
    device_id: Option<String>,
}

impl KindArgs for EnrollmentOnly {
    const KIND: Kind = Kind::Individual;

    fn device_id(&self) -> Option<&str> {
        self.device_id.as_deref()
    }
}

impl<S: KindArgs> Change<S> {
    /// Standard input can be read once.
    pub(super) fn check_standard_input(&self) -> Result<(), Report> {
        let settings = &self.settings;
        let twin = [&settings.initial_twin_tags, &settings.initial_twin_properties];
        let twin = twin.map(Option::as_deref);
        let keys = self.attestation.keys().map(Option::as_deref);
        let readers = twin.into_iter().chain(keys).filter(|argument| *argument == Some("-"));
        let readers = readers.count();
        if readers + usize::from(self.target.reads_standard_input()) > 1 {
            return Err(Report::usage("only one argument can be read from standard input"));
        }
        Ok(())
    }
}

/// Which version is meant.
#[derive(Debug, Args)]
pub(super) struct Etag {
    /// Only if the record still has this etag
    #[arg(long, value_name = "ETAG")]
    etag: Option<String>,
}

impl Etag {
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, Report> {
        let Some(text) = &self.etag else { return Ok(None) };
        let value = HeaderValue::from_str(text).ok().filter(|_| !text.trim().is_empty());
        value.map(Some).ok_or_else(|| {
            Report::usage("--etag: it is empty, or has characters that no etag has")
                .remedy("give it as `show -o json` shows it")
        })
    }
}

/// The etag of a record as it was read. A record without one is replaced whatever its version.
pub(super) fn etag_of(record: &Value) -> Result<HeaderValue, Report> {
    let text = record["etag"].as_str().filter(|text| !text.is_empty()).unwrap_or("*");
    HeaderValue::from_str(text).map_err(|_| Report::internal("the record's etag cannot be sent"))
}
