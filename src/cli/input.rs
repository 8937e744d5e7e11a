//! Values as arguments give them: `VALUE`, `@FILE`, or `-` for standard input; durations; and
//! credentials, of which there must be one.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use zeroize::Zeroizing;

use super::Report;
use crate::attestation::{DeviceKey, GroupKey, KeyError};
pub(super) use crate::explain::GivenKey;
pub(super) use crate::net::plain;

/// Larger input is a mistake: the largest thing that can be sent has 96 KB (H.3).
pub(super) const MAX_INPUT: u64 = 1024 * 1024;

/// Reads what an argument stands for. `flag` names it in errors; the value itself is never shown.
pub(super) fn read(flag: &str, argument: &str) -> Result<String, Report> {
    if argument == "-" {
        return read_all(flag, "standard input", std::io::stdin());
    }
    let Some(path) = argument.strip_prefix('@') else { return Ok(argument.to_owned()) };
    let path = PathBuf::from(path);
    let shown = path.display().to_string();
    match std::fs::File::open(&path) {
        Ok(file) => read_all(flag, &shown, file),
        Err(error) => Err(Report::usage(format!("{flag}: cannot open {shown}: {}", plain(&error)))),
    }
}

fn read_all(flag: &str, shown: &str, source: impl Read) -> Result<String, Report> {
    let mut text = String::new();
    let read = source.take(MAX_INPUT + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 > MAX_INPUT => {
            Err(Report::usage(format!("{flag}: {shown} is longer than {MAX_INPUT} bytes")))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(Report::usage(format!("{flag}: cannot read {shown}: {}", plain(&error)))),
    }
}

/// Reads a file that may hold a key; wiped when dropped.
///
/// # Errors
///
/// If it cannot be read, and with `FileTooLarge` if it is longer than [`MAX_INPUT`].
pub(super) fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::new());
    let length = std::fs::File::open(path)?.take(MAX_INPUT + 1).read_to_end(&mut content)?;
    if length as u64 > MAX_INPUT {
        let reason = format!("it is longer than {MAX_INPUT} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(content)
}

/// An environment variable; empty counts as not set.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Parses `30s`, `2m`, `1h 30m`, from more than nothing to at most `max`.
pub(super) fn duration(text: &str, max: Duration) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a duration such as 30s, 2m or 1h 30m"))?;
    if duration.is_zero() {
        return Err("must be more than nothing".to_owned());
    }
    if duration > max {
        return Err(format!("must be at most {}", humantime::format_duration(max)));
    }
    Ok(duration)
}

/// For `--timeout`.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    duration(text, DAY)
}

/// For `--ttl`.
pub(super) fn token_lifetime(text: &str) -> Result<Duration, String> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    duration(text, YEAR)
}

/// The two ways to give a symmetric key.
#[derive(Args)]
pub(super) struct KeyArgs {
    /// Key of the enrollment group; the device's own key is derived from it [env: PROVISION_SIM_GROUP_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(super) group_key: Option<String>,
    /// Key of an individual enrollment, or a key already derived [env: IOTHUB_DEVICE_DPS_DEVICE_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(super) device_key: Option<String>,
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
    pub(super) fn resolve(&self) -> Result<Option<GivenKey>, Report> {
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
    pub(super) fn require(&self) -> Result<GivenKey, Report> {
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
pub(super) fn group_key(name: &str, argument: &str) -> Result<GroupKey, Report> {
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
