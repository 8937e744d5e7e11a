//! Symmetric keys as arguments give them, of which a device has one.

use clap::Args;

use crate::attestation::{DeviceKey, GroupKey, KeyError};
use crate::cli::input::{read, variable};
use crate::cli::report::Report;
use crate::explain::GivenKey;

/// The two ways to give a symmetric key.
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// Key of the enrollment group; the device's own key is derived from it [env: PROVISION_SIM_GROUP_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(crate) group_key: Option<String>,
    /// Key of an individual enrollment, or a key already derived [env: IOTHUB_DEVICE_DPS_DEVICE_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(crate) device_key: Option<String>,
}

/// Keys given on the command line must not come out again.
impl std::fmt::Debug for KeyArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyArgs(redacted)")
    }
}

const GROUP_KEY_VARIABLE: &str = "PROVISION_SIM_GROUP_KEY";
const DEVICE_KEY_VARIABLE: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";

impl KeyArgs {
    /// The one key that was given; a flag beats any variable.
    pub(crate) fn resolve(&self) -> Result<Option<GivenKey>, Report> {
        match (&self.group_key, &self.device_key) {
            (Some(_), Some(_)) => Err(Report::usage(
                "--group-key and --device-key are both given; a device has one credential",
            )
            .remedy("give --group-key to have the device's key derived, or --device-key if you have it already")),
            (Some(text), None) => group_key("--group-key", text).map(GivenKey::Group).map(Some),
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
        match (variable(GROUP_KEY_VARIABLE), variable(DEVICE_KEY_VARIABLE)) {
            (Some(_), Some(_)) => Err(Report::usage(format!(
                "{GROUP_KEY_VARIABLE} and {DEVICE_KEY_VARIABLE} are both set; a device has one credential"
            ))
            .remedy("unset one of them, or give --group-key or --device-key")),
            (Some(text), None) => group_key(GROUP_KEY_VARIABLE, &text).map(GivenKey::Group).map(Some),
            (None, Some(text)) => device_key(DEVICE_KEY_VARIABLE, &text).map(GivenKey::Device).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// A group key; one of a length that DPS never has is used, with a warning.
pub(crate) fn group_key(name: &str, argument: &str) -> Result<GroupKey, Report> {
    let key: GroupKey = read(name, argument)?.parse().map_err(|error| bad_key(name, &error))?;
    warn_of_length(name, key.length());
    Ok(key)
}

fn device_key(name: &str, argument: &str) -> Result<DeviceKey, Report> {
    let key: DeviceKey = read(name, argument)?.parse().map_err(|error| bad_key(name, &error))?;
    warn_of_length(name, key.length());
    Ok(key)
}

fn bad_key(name: &str, error: &KeyError) -> Report {
    Report::usage(format!("{name}: {error}"))
        .remedy("copy the key whole, as the portal or `az … show --show-keys` shows it")
}

fn warn_of_length(name: &str, length: usize) {
    if !(16..=64).contains(&length) {
        tracing::warn!(
            "{name}: the key has {length} bytes; DPS takes keys of 16 to 64 (was it copied whole?)"
        );
    }
}
