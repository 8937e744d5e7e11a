//! What the flags of `serve` can be given.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;

use crate::service::{Port, ResetOnSameHub};

/// What a reset means on the hub that a device has already (J-3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum SameHub {
    #[default]
    Reset,
    Keep,
}

impl From<SameHub> for ResetOnSameHub {
    fn from(choice: SameHub) -> Self {
        match choice {
            SameHub::Reset => Self::Reset,
            SameHub::Keep => Self::Keep,
        }
    }
}

/// When a webhook is asked again (G.5, J-4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum WebhookRetry {
    #[default]
    Quick,
    Azure,
    None,
}

/// A port that was asked for, or one that was not.
pub(super) fn port(asked: Option<u16>) -> Port {
    asked.map_or(Port::OwnIfPossible, Port::Exactly)
}

/// A port, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AdminPort {
    Port(u16),
    None,
}

impl FromStr for AdminPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            _ => text
                .parse()
                .map(Self::Port)
                .map_err(|_| "expected a port, 0 to 65535, or none".to_owned()),
        }
    }
}

/// A file that can be written where its folder is there: found now rather than when all is ready.
pub(super) fn ca_out(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err("its folder is not there".to_owned());
    }
    match path.metadata() {
        Ok(found) if !found.is_file() => Err("it is there and no regular file".to_owned()),
        _ => Ok(path),
    }
}

/// A name or an address that a certificate can be made for.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    match rustls::pki_types::ServerName::try_from(text) {
        Ok(_) => Ok(text.to_ascii_lowercase()),
        Err(_) => Err("expected a DNS name such as `dps` or `dps.example.com`, without a port, or an IP address".to_owned()),
    }
}

/// It becomes part of a file's name.
pub(super) fn service_name(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match (1..=64).contains(&text.len()) && text.chars().all(is_name) {
        true => Ok(text.to_owned()),
        false => Err("expected 1 to 64 letters, digits and - _ .".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_208_a_host_name_is_a_name_or_an_address_and_nothing_more() {
        for (text, name) in
            [("DPS.test", "dps.test"), ("dps", "dps"), ("172.17.0.2", "172.17.0.2"), ("::1", "::1")]
        {
            assert_eq!(host_name(text).as_deref(), Ok(name));
        }
        for text in ["", "dps:8883", "https://dps", "*.test", "a b"] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }
}
