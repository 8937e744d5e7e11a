//! `NO_PROXY`: which targets are reached without the proxy.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::Endpoint;

/// Targets that are reached without a proxy: what the variable `NO_PROXY` lists, read as curl reads
/// it. Entries that mean nothing match nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    pattern: Pattern,
    /// `None` stands for any port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `*`.
    All,
    /// A name and what is below it.
    Domain(String),
    /// Addresses whose first bits are these.
    Network { address: IpAddr, prefix: u8 },
}

impl NoProxy {
    /// Reads a list that is separated by commas or blanks: `*`, hosts (with all that is below
    /// them, a leading dot or not), IP addresses and networks (`10.0.0.0/8`), each with an optional
    /// port.
    pub fn new(list: &str) -> Self {
        let words = list.split(|c: char| c == ',' || c.is_whitespace());
        Self { entries: words.filter_map(Entry::read).collect() }
    }

    /// Whether `target`, whose port is given, is reached without the proxy.
    pub fn covers(&self, target: &Endpoint) -> bool {
        self.entries.iter().any(|entry| entry.matches(target))
    }
}

impl Entry {
    fn read(word: &str) -> Option<Self> {
        let (pattern, port) = match word.rsplit_once(':') {
            // `fe80::1` is an address, `[fe80::1]:443` one with a port.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().ok()?))
            }
            _ => (word, None),
        };
        Some(Self { pattern: pattern.parse().ok()?, port })
    }

    fn matches(&self, target: &Endpoint) -> bool {
        if self.port.is_some() && self.port != target.port() {
            return false;
        }
        let host = target.host();
        match (&self.pattern, host.parse::<IpAddr>()) {
            (Pattern::All, _) => true,
            (Pattern::Network { address, prefix }, Ok(ip)) => is_within(ip, *address, *prefix),
            (Pattern::Domain(domain), Err(_)) => {
                let host = host.strip_suffix('.').unwrap_or(&host).to_ascii_lowercase();
                let below = host.strip_suffix(domain.as_str());
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            _ => false,
        }
    }
}

impl FromStr for Pattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "*" {
            return Ok(Self::All);
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| ())?)),
            None => (text, None),
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match (bare.unwrap_or(address).parse::<IpAddr>(), prefix) {
            (Ok(address), prefix) => {
                let longest = if address.is_ipv4() { 32 } else { 128 };
                let prefix = prefix.unwrap_or(longest);
                if prefix > longest { Err(()) } else { Ok(Self::Network { address, prefix }) }
            }
            (Err(_), None) => {
                let domain = address.strip_prefix('.').unwrap_or(address);
                let domain = domain.strip_suffix('.').unwrap_or(domain);
                if domain.is_empty() {
                    Err(())
                } else {
                    Ok(Self::Domain(domain.to_ascii_lowercase()))
                }
            }
            (Err(_), Some(_)) => Err(()),
        }
    }
}

/// Whether `ip` lies in the network; an IPv4 address is never in an IPv6 network.
fn is_within(ip: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    ip.is_ipv4() == network.is_ipv4() && (bits(ip) ^ bits(network)) & mask == 0
}

/// Whether `target` is this machine, which no proxy stands in front of.
pub(super) fn is_loopback(target: &Endpoint) -> bool {
    let host = target.host();
    let name = host.strip_suffix('.').unwrap_or(&host);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => {
            address == Ipv6Addr::LOCALHOST
                || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
        }
        Ok(address) => address.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covers(list: &str, target: &str) -> bool {
        NoProxy::new(list).covers(&target.parse().unwrap())
    }

    #[test]
    fn entries_are_as_curl_reads_them() {
        for (list, target, expected) in [
            ("", "a.net:443", false),
            ("*", "a.net:443", true),
            ("a.net", "a.net:443", true),
            ("A.NET", "a.net:443", true),
            ("a.net", "x.a.net:443", true),
            (".a.net", "x.a.net:443", true),
            (".a.net", "a.net:443", true),
            ("a.net", "xa.net:443", false),
            ("x.a.net", "a.net:443", false),
            ("b.net, a.net", "a.net:443", true),
            ("b.net a.net.", "a.net:443", true),
            ("a.net:8883", "a.net:443", false),
            ("a.net:8883", "a.net:8883", true),
            ("*:443", "a.net:443", true),
            ("10.1.2.3", "10.1.2.3:443", true),
            ("10.0.0.0/8", "10.9.9.9:443", true),
            ("10.0.0.0/8", "11.0.0.1:443", false),
            ("0.0.0.0/0", "11.0.0.1:443", true),
            ("0.0.0.0/0", "[::1]:443", false),
            ("10.0.0.0/33", "10.0.0.0:443", false),
            ("::/0", "[fe80::1]:443", true),
            ("fe80::/10", "[fe80::1]:443", true),
            ("fe80::1", "[fe80::1]:443", true),
            ("[fe80::1]:443", "[fe80::1]:443", true),
            ("[fe80::1]:443", "[fe80::1]:444", false),
            ("a.net/8", "a.net:443", false),
            ("1.net", "1.1.1.1:443", false),
        ] {
            assert_eq!(covers(list, target), expected, "{list:?} for {target}");
        }
    }

    #[test]
    fn loopback_has_many_names() {
        for (target, expected) in [
            ("localhost:1", true),
            ("LOCALHOST:1", true),
            ("my.localhost:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost.net:1", false),
            ("10.0.0.1:1", false),
            ("[::2]:1", false),
        ] {
            assert_eq!(is_loopback(&target.parse().unwrap()), expected, "{target}");
        }
    }

    proptest! {
        #[test]
        fn any_list_is_read(list in ".{0,80}") {
            let _ = covers(&list, "a.net:443");
        }

        #[test]
        fn a_network_covers_what_shares_its_first_bits(
            address in any::<u32>(), other in any::<u32>(), prefix in 0_u32..=32,
        ) {
            let (ip, network) = (std::net::Ipv4Addr::from(other), std::net::Ipv4Addr::from(address));
            let shared = (address ^ other).leading_zeros().min(32);
            prop_assert_eq!(
                covers(&format!("{network}/{prefix}"), &format!("{ip}:443")),
                shared >= prefix
            );
        }
    }
}
