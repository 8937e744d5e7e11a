//! Addresses of this machine to connect from: `127.0.0.2` or `127.0.0.2-127.0.0.9`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::str::FromStr;

use crate::cli::input::plain;
use crate::cli::report::Report;

/// More are a mistake.
const MOST: u128 = 4096;

/// An address, or a row of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sources {
    first: IpAddr,
    count: u128,
}

impl FromStr for Sources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let address = |text: &str| {
            text.trim().parse::<IpAddr>().map_err(|_| {
                format!("{text:?} is no address; expected ADDR or ADDR-ADDR, such as 127.0.0.2-127.0.0.9")
            })
        };
        let (first, last) = (address(first)?, address(last)?);
        if first.is_ipv4() != last.is_ipv4() {
            return Err("its two addresses are of two families".to_owned());
        }
        let count = number(last)
            .checked_sub(number(first))
            .ok_or("its last address comes before its first")?
            .saturating_add(1);
        if count > MOST {
            return Err(format!("it has more than {MOST} addresses"));
        }
        Ok(Self { first, count })
    }
}

impl Sources {
    fn addresses(self) -> impl Iterator<Item = IpAddr> {
        (0..self.count).map(move |nth| match self.first {
            // No overflow: the last address of the row is an address.
            IpAddr::V4(first) => {
                let nth = u32::try_from(nth).unwrap_or_default();
                Ipv4Addr::from_bits(first.to_bits().saturating_add(nth)).into()
            }
            IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits().saturating_add(nth)).into(),
        })
    }
}

/// All addresses; each must be one of this machine's.
pub(super) fn all(sources: &[Sources]) -> Result<Vec<IpAddr>, Report> {
    let addresses: Vec<_> = sources.iter().flat_map(|sources| sources.addresses()).collect();
    for address in &addresses {
        UdpSocket::bind((*address, 0)).map_err(|error| {
            let reason = plain(&error);
            Report::usage(format!("--source: cannot connect from {address}: {reason}"))
                .remedy("give addresses of this machine, as `ip addr` lists them (macOS: `ifconfig`, Windows: `ipconfig`); on Linux all of 127.0.0.0/8 are")
        })?;
    }
    Ok(addresses)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let sources: Sources = text.parse()?;
        Ok(sources.addresses().map(|address| address.to_string()).collect())
    }

    #[test]
    fn a_row_has_its_first_its_last_and_all_between() {
        assert_eq!(read("127.0.0.2").unwrap(), ["127.0.0.2"]);
        assert_eq!(read("10.0.0.254-10.0.1.1").unwrap().len(), 4);
        assert_eq!(read("10.0.0.254-10.0.1.1").unwrap()[3], "10.0.1.1");
        assert_eq!(read("::1-::3").unwrap(), ["::1", "::2", "::3"]);
        assert_eq!(read("255.255.255.255").unwrap(), ["255.255.255.255"]);
    }

    #[test]
    fn what_is_no_row_says_why() {
        for (text, said) in [
            ("localhost", "\"localhost\" is no address"),
            ("127.0.0.9-127.0.0.2", "its last address comes before"),
            ("127.0.0.1-::1", "of two families"),
            ("10.0.0.0-10.1.0.0", "more than 4096"),
            ("::-ffff::", "more than 4096"),
            ("-", "\"\" is no address"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        let error = all(&["192.0.2.1".parse().unwrap()]).unwrap_err();

        assert!(error.message.contains("cannot connect from 192.0.2.1"), "{}", error.message);
    }
}
