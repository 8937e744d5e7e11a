//! The flags of `create` and `update`, named as `az iot dps` names them.

use clap::{ArgAction, Args};
use hyper::header::HeaderValue;
use serde_json::Value;

use super::attestation::AttestationArgs;
use super::issuer::IssuerArgs;
use super::query::QueryArg;
use super::target::Target;
use super::words::{ID_ALIASES, words, yes_or_no};
use crate::api_client::Kind;
use crate::cli::report::Report;
use crate::wire::{ApiVersion, RegistrationId};

/// What a record is to be.
#[derive(Debug, Args)]
pub(super) struct Change<S: KindArgs> {
    /// Name of the record; of an enrollment the registration ID of its device
    #[arg(long, value_name = "ID", aliases = ID_ALIASES)]
    pub(super) enrollment_id: RegistrationId,
    #[command(flatten)]
    pub(super) kind_args: S,
    /// Also show symmetric keys
    #[arg(long, alias = "keys", value_name = "BOOL", num_args = 0..=1, action = ArgAction::Set, default_value = "false", default_missing_value = "true", value_parser = yes_or_no(), hide_default_value = true)]
    pub(super) show_keys: bool,
    #[command(flatten)]
    pub(super) query: QueryArg,
    // From here on there are headings, under which all that follows would stand.
    #[command(flatten)]
    pub(super) attestation: AttestationArgs,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) issuer: IssuerArgs,
    #[command(flatten)]
    pub(super) target: Target,
}

/// What both kinds have.
#[derive(Args)]
#[command(next_help_heading = "Allocation and settings")]
pub(super) struct Settings {
    /// How devices get their hub: hashed, geoLatency, static or custom
    #[arg(long, alias = "ap", value_name = "POLICY", ignore_case = true, value_parser = words(&["hashed", "geoLatency", "static", "custom"]), hide_possible_values = true)]
    pub(super) allocation_policy: Option<String>,
    /// Host names of linked hubs to choose from, separated by spaces
    #[arg(long, alias = "ih", value_name = "HUB", num_args = 1..)]
    pub(super) iot_hubs: Option<Vec<String>>,
    /// The one hub of a static policy; what --iot-hubs and --allocation-policy static say together
    #[arg(long, alias = "hn", value_name = "HUB", hide = true, conflicts_with_all = ["iot_hubs", "allocation_policy"])]
    pub(super) iot_hub_host_name: Option<String>,
    /// Address of the webhook that decides, with its function key; for the policy custom. Of the local
    /// service contoso:HttpTrigger1 is the tutorial's function
    #[arg(long, alias = "wh", value_name = "URL")]
    pub(super) webhook_url: Option<String>,
    /// Which shape of requests the webhook gets, such as 2019-03-31
    #[arg(long, aliases = ["api-version", "av"], value_name = "DATE")]
    pub(super) webhook_api_version: Option<ApiVersion>,
    /// Whether devices may register: enabled or disabled
    #[arg(long, alias = "ps", value_name = "STATUS", ignore_case = true, value_parser = words(&["enabled", "disabled"]), hide_possible_values = true)]
    pub(super) provisioning_status: Option<String>,
    /// When a device comes again: reprovisionandmigratedata, reprovisionandresetdata or never
    #[arg(long, alias = "rp", value_name = "POLICY", ignore_case = true, value_parser = words(&["reprovisionandmigratedata", "reprovisionandresetdata", "never"]), hide_possible_values = true)]
    pub(super) reprovision_policy: Option<String>,
    /// Whether devices are IoT Edge devices: true or false
    #[arg(long, alias = "ee", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = yes_or_no(), hide_possible_values = true)]
    pub(super) edge_enabled: Option<bool>,
    /// Tags of the first twin
    #[arg(long, alias = "tags", value_name = "JSON|@FILE|-")]
    pub(super) initial_twin_tags: Option<String>,
    /// Desired properties of the first twin
    #[arg(long, alias = "props", value_name = "JSON|@FILE|-")]
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

    /// What is known of the device besides, as JSON.
    fn device_information(&self) -> Option<&str> {
        None
    }

    /// The key of its TPM.
    fn endorsement_key(&self) -> Option<&str> {
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
    #[arg(long, aliases = ["ca-name", "cn"], value_name = "NAME", conflicts_with_all = ["certificate_path", "secondary_certificate_path"])]
    root_ca_name: Option<String>,
    /// Name of a second one
    #[arg(long, aliases = ["secondary-ca-name", "scn"], value_name = "NAME", conflicts_with_all = ["certificate_path", "secondary_certificate_path"])]
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
    /// What else is known of the device
    #[arg(long, aliases = ["device-info", "info"], value_name = "JSON|@FILE|-")]
    device_information: Option<String>,
    /// Endorsement key of the device's TPM; for the attestation type tpm
    #[arg(long, alias = "ek", value_name = "KEY")]
    endorsement_key: Option<String>,
}

impl KindArgs for EnrollmentOnly {
    const KIND: Kind = Kind::Individual;

    fn device_id(&self) -> Option<&str> {
        self.device_id.as_deref()
    }

    fn device_information(&self) -> Option<&str> {
        self.device_information.as_deref()
    }

    fn endorsement_key(&self) -> Option<&str> {
        self.endorsement_key.as_deref()
    }
}

impl<S: KindArgs> Change<S> {
    /// Standard input can be read once.
    pub(super) fn check_standard_input(&self) -> Result<(), Report> {
        let settings = &self.settings;
        let twin = [&settings.initial_twin_tags, &settings.initial_twin_properties];
        let twin =
            twin.map(Option::as_deref).into_iter().chain([self.kind_args.device_information()]);
        let keys = self.attestation.keys().map(Option::as_deref);
        let readers = twin.chain(keys).filter(|argument| *argument == Some("-"));
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
