//! Symmetric keys as arguments give them, of which a device has one.

use clap::Args;

use super::group::{GroupArg, LocalGroup};
use crate::attestation::{DeviceKey, GroupKey, KeyError};
use crate::cli::input::{read, wrong_value};
use crate::cli::local::Local;
use crate::cli::report::Report;
use crate::cli::secret::{Secret, secret_variable};
use crate::explain::GivenKey;
use crate::text::key_text;
use crate::wire::RegistrationId;

/// Keeps an enrollment group's key out of the command line.
pub(crate) const GROUP_KEY_VARIABLE: &str = "PROVISION_SIM_GROUP_KEY";
pub(crate) const DEVICE_KEY_VARIABLE: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";

/// A key, and the group of the local service that has it.
#[derive(Debug)]
pub(crate) struct FoundKey {
    pub(crate) key: GivenKey,
    pub(crate) group: Option<String>,
}

impl From<LocalGroup> for FoundKey {
    fn from(LocalGroup { name, key }: LocalGroup) -> Self {
        Self { key: GivenKey::Group(key), group: Some(name) }
    }
}

/// The ways to give a symmetric key.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Key of the enrollment group; the device's own key is derived from it [env: PROVISION_SIM_GROUP_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(crate) group_key: Option<Secret>,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    /// Key of an individual enrollment, or a key already derived [env: IOTHUB_DEVICE_DPS_DEVICE_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(crate) device_key: Option<Secret>,
}

impl KeyArgs {
    /// The one key that was given, or that the local service has for the device; a flag beats any
    /// variable, and a variable what `--local` assumes.
    pub(crate) fn resolve(
        &self,
        local: Option<&Local>,
        id: &RegistrationId,
    ) -> Result<Option<FoundKey>, Report> {
        let one_of = |first: &str, second: &str| {
            Err(Report::usage(format!(
                "{first} and {second} are both given; a device has one credential"
            ))
            .remedy("give --group-key to have the device's key derived, or --device-key if you have it already"))
        };
        let key = match (&self.group_key, &self.device_key, &self.group.group) {
            (Some(_), Some(_), _) => return one_of("--group-key", "--device-key"),
            (_, Some(_), Some(_)) => return one_of("--group", "--device-key"),
            (Some(text), ..) => group_key_from("--group-key", text).map(GivenKey::Group)?,
            (_, Some(text), _) => device_key("--device-key", text).map(GivenKey::Device)?,
            (.., Some(name)) => match local {
                Some(local) => return LocalGroup::named(name, local).map(FoundKey::from).map(Some),
                None => return Err(Report::usage("--group: give --local too")),
            },
            (None, None, None) => match (Self::from_environment()?, local) {
                (Some(key), _) => key,
                (None, Some(local)) if local.is_default_world => {
                    return LocalGroup::of_device(id).map(FoundKey::from).map(Some);
                }
                (None, _) => return Ok(None),
            },
        };
        Ok(Some(FoundKey { key, group: None }))
    }

    /// Whether there is one, or will be one with the local service.
    pub(crate) fn is_given(&self) -> bool {
        self.group_key.is_some()
            || self.device_key.is_some()
            || self.group.group.is_some()
            || [GROUP_KEY_VARIABLE, DEVICE_KEY_VARIABLE]
                .iter()
                .any(|name| secret_variable(name).is_some())
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

/// The key of an enrollment group, by a flag or the variable; a flag beats it.
pub(crate) fn group_key(
    flag: Option<&Secret>,
    group: Option<&str>,
    local: Option<&Local>,
) -> Result<Option<GroupKey>, Report> {
    match (flag, group, local, secret_variable(GROUP_KEY_VARIABLE)) {
        (Some(argument), ..) => group_key_from("--group-key", argument).map(Some),
        (_, Some(name), Some(local), _) => Ok(Some(LocalGroup::named(name, local)?.key)),
        (.., Some(text)) => group_key_from(GROUP_KEY_VARIABLE, &text).map(Some),
        _ => Ok(None),
    }
}

/// A group key; one of a length that DPS never has is used, with a warning.
fn group_key_from(name: &str, argument: &str) -> Result<GroupKey, Report> {
    let text = key_text(&read(name, argument)?);
    let key: GroupKey = text.parse().map_err(|error| bad_key(name, argument, &text, &error))?;
    warn_of_form(name, &text, key.length());
    Ok(key)
}

fn device_key(name: &str, argument: &str) -> Result<DeviceKey, Report> {
    let text = key_text(&read(name, argument)?);
    let key: DeviceKey = text.parse().map_err(|error| bad_key(name, argument, &text, &error))?;
    warn_of_form(name, &text, key.length());
    Ok(key)
}

fn bad_key(name: &str, argument: &str, text: &str, error: &KeyError) -> Report {
    let report = wrong_value(argument, Report::usage(format!("{name}: {error}")));
    match hexadecimal(text) {
        Some(remark) => report.cause(remark),
        None => {
            report.remedy("copy the key whole, as the portal or `az … show --show-keys` shows it")
        }
    }
}

/// What to say of a key that seems to be written in hexadecimal digits (J-223). All of them are
/// characters of Base64 too, so that it may be meant so.
pub(crate) fn hexadecimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hexadecimal = digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal.then(|| {
        format!(
            "it has {} hexadecimal digits and nothing else; keys are read as Base64, here and by DPS. If the digits stand for bytes, convert them: `xxd -r -p | base64 -w 0`",
            digits.len()
        )
    })
}

fn warn_of_form(name: &str, text: &str, length: usize) {
    if let Some(remark) = hexadecimal(text) {
        tracing::warn!("{name}: {remark}");
    } else if !(16..=64).contains(&length) {
        tracing::warn!(
            "{name}: the key has {length} bytes; DPS takes keys of 16 to 64 (was it copied whole?)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_223_hexadecimal_digits_get_a_word() {
        let told = |text: &str| hexadecimal(text).is_some();

        assert!(told(&"0123456789abcdef".repeat(4)) && told(&"AB".repeat(16)));
        assert!(told(&format!("0x{}", "f".repeat(64))));
        assert!(!told("abcd") && !told(&"AAAAAAAAAAAAAAAAAAAAAA==".repeat(2)));
        let report =
            bad_key("--device-key", "x", &"f".repeat(66), &KeyError::Length { length: 66 });
        assert!(report.causes[0].starts_with("it has 66 hexadecimal digits"), "{report:?}");
    }
}
