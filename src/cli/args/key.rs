//! Symmetric keys as arguments give them, of which a device has one.

use clap::Args;

use crate::attestation::{DeviceKey, GroupKey, KeyError};
use crate::cli::input::{read, wrong_value};
use crate::cli::report::Report;
use crate::cli::secret::{Secret, secret_variable};
use crate::explain::GivenKey;
use crate::text::key_text;

/// Keeps an enrollment group's key out of the command line.
pub(crate) const GROUP_KEY_VARIABLE: &str = "PROVISION_SIM_GROUP_KEY";
const DEVICE_KEY_VARIABLE: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";

/// The two ways to give a symmetric key.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Key of the enrollment group; the device's own key is derived from it [env: PROVISION_SIM_GROUP_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(crate) group_key: Option<Secret>,
    /// Key of an individual enrollment, or a key already derived [env: IOTHUB_DEVICE_DPS_DEVICE_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(crate) device_key: Option<Secret>,
}

impl KeyArgs {
    /// The one key that was given; a flag beats any variable.
    pub(crate) fn resolve(&self) -> Result<Option<GivenKey>, Report> {
        match (&self.group_key, &self.device_key) {
            (Some(_), Some(_)) => Err(Report::usage(
                "--group-key and --device-key are both given; a device has one credential",
            )
            .remedy("give --group-key to have the device's key derived, or --device-key if you have it already")),
            (Some(text), None) => group_key_from("--group-key", text).map(GivenKey::Group).map(Some),
            (None, Some(text)) => device_key("--device-key", text).map(GivenKey::Device).map(Some),
            (None, None) => Self::from_environment(),
        }
    }

    /// As [`resolve`](Self::resolve), but there must be one.
    pub(crate) fn require(&self) -> Result<GivenKey, Report> {
        self.resolve()?.ok_or_else(|| {
            Report::usage("no credential: give --group-key or --device-key").remedy(format!(
                "set {GROUP_KEY_VARIABLE} or {DEVICE_KEY_VARIABLE} to keep the key out of the command line"
            ))
        })
    }

    fn from_environment() -> Result<Option<GivenKey>, Report> {
        match (secret_variable(GROUP_KEY_VARIABLE), secret_variable(DEVICE_KEY_VARIABLE)) {
            (Some(_), Some(_)) => Err(Report::usage(format!(
                "{GROUP_KEY_VARIABLE} and {DEVICE_KEY_VARIABLE} are both set; a device has one credential"
            ))
            .remedy("unset one of them, or give --group-key or --device-key")),
            (Some(text), None) => group_key_from(GROUP_KEY_VARIABLE, &text).map(GivenKey::Group).map(Some),
            (None, Some(text)) => device_key(DEVICE_KEY_VARIABLE, &text).map(GivenKey::Device).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The key of an enrollment group, by the flag or the variable; the flag beats it.
pub(crate) fn group_key(flag: Option<&Secret>) -> Result<Option<GroupKey>, Report> {
    match (flag, secret_variable(GROUP_KEY_VARIABLE)) {
        (Some(argument), _) => group_key_from("--group-key", argument).map(Some),
        (None, Some(text)) => group_key_from(GROUP_KEY_VARIABLE, &text).map(Some),
        (None, None) => Ok(None),
    }
}

/// A group key; one of a length that DPS never has is used, with a warning.
fn group_key_from(name: &str, argument: &str) -> Result<GroupKey, Report> {
    let text = key_text(&read(name, argument)?);
    let key: GroupKey = text.parse().map_err(|error| bad_key(name, argument, &error))?;
    warn_of_length(name, key.length());
    Ok(key)
}

fn device_key(name: &str, argument: &str) -> Result<DeviceKey, Report> {
    let text = key_text(&read(name, argument)?);
    let key: DeviceKey = text.parse().map_err(|error| bad_key(name, argument, &error))?;
    warn_of_length(name, key.length());
    Ok(key)
}

fn bad_key(name: &str, argument: &str, error: &KeyError) -> Report {
    let report = Report::usage(format!("{name}: {error}"));
    wrong_value(argument, report)
        .remedy("copy the key whole, as the portal or `az … show --show-keys` shows it")
}

fn warn_of_length(name: &str, length: usize) {
    if !(16..=64).contains(&length) {
        tracing::warn!(
            "{name}: the key has {length} bytes; DPS takes keys of 16 to 64 (was it copied whole?)"
        );
    }
}
