//! A host and a port that a client asks for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host and a port that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
}

/// A host by name or by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case, without the dot that a complete name may end in.
    Name(String),
    Address(IpAddr),
}

/// Longest host name, in ASCII characters, with a dot at its end.
const MAX_NAME: usize = 254;

impl Host {
    /// A name, or an address as text, in brackets or not; none if it is neither.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Some(bare) = bare {
            return bare.parse::<Ipv6Addr>().ok().map(|address| Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = text.strip_suffix('.').unwrap_or(text);
        (!name.is_empty() && text.len() <= MAX_NAME && name.chars().all(is_name))
            .then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

impl Target {
    /// `HOST:PORT`, as CONNECT has it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        // An address of colons needs its brackets, or its end would be the port.
        if host.contains(':') && !host.starts_with('[') {
            return None;
        }
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port > 0)?;
        Some(Self { host: Host::read(host)?, port })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_clients_write_them() {
        for (text, shown) in [
            ("a.net:8883", "a.net:8883"),
            ("A.NET.:443", "a.net:443"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:65535", "[::1]:65535"),
            ("hub_1.azure-devices.net:5671", "hub_1.azure-devices.net:5671"),
        ] {
            assert_eq!(Target::read(text).map(|it| it.to_string()).as_deref(), Some(shown));
        }
        for text in [
            "",
            "a.net",
            ":443",
            ".:443",
            "a.net:",
            "a.net:0",
            "a.net:65536",
            "a.net:+1",
            "::1:443",
            "[::1:443",
            "[a]:443",
            "a b:443",
            "https://a.net:443",
            "é.net:443",
        ] {
            assert_eq!(Target::read(text), None, "{text}");
        }
        assert_eq!(Target::read(&format!("{}:443", "a".repeat(255))), None);
    }
}
