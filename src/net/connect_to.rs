//! `HOST:PORT:ADDR:PORT`: for one host, dial another, as curl's `--connect-to` has it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Endpoint;

/// Who is dialled in whose place. Only the TCP target changes: the name that is verified, SNI and
/// the `Host` header stay those of the host that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    /// `None` stands for any host.
    host: Option<url::Host<String>>,
    /// `None` stands for any port.
    port: Option<u16>,
    /// `None` leaves the host as it is.
    to_host: Option<url::Host<String>>,
    /// `None` leaves the port as it is.
    to_port: Option<u16>,
}

/// Why a text is no `HOST:PORT:ADDR:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "expected HOST:PORT:ADDR:PORT such as example.net:8883:127.0.0.1:18883, IPv6 addresses in \
     brackets; an empty field stands for any, or for the same: {0}"
)]
pub struct ConnectToError(String);

impl ConnectTo {
    /// Dials `to` in the place of every host; its port, if it has one, in that of every port.
    pub fn anywhere(to: &Endpoint) -> Self {
        let (to_host, to_port) = (Some(to.as_host().clone()), to.port());
        Self { host: None, port: None, to_host, to_port }
    }

    /// Where to go in place of `target`, or `None` if this is not about it.
    pub(super) fn redirect(&self, target: &Endpoint) -> Option<Endpoint> {
        let is_meant = self.host.as_ref().is_none_or(|host| host == target.as_host())
            && self.port.is_none_or(|port| Some(port) == target.port());
        is_meant.then(|| {
            let host = self.to_host.as_ref().unwrap_or(target.as_host());
            Endpoint::new(host.clone(), self.to_port.or(target.port()))
        })
    }
}

impl FromStr for ConnectTo {
    type Err = ConnectToError;

    fn from_str(text: &str) -> Result<Self, ConnectToError> {
        let fields = fields(text);
        let [host, port, to_host, to_port] = fields.as_slice() else {
            return Err(ConnectToError(format!("{text:?} has not four fields")));
        };
        Ok(Self {
            host: parse_host(host)?,
            port: parse_port(port)?,
            to_host: parse_host(to_host)?,
            to_port: parse_port(to_port)?,
        })
    }
}

/// The text between the colons that stand outside of brackets.
fn fields(text: &str) -> Vec<&str> {
    let mut is_inside = false;
    text.split(|c| {
        match c {
            '[' => is_inside = true,
            ']' => is_inside = false,
            _ => {}
        }
        c == ':' && !is_inside
    })
    .collect()
}

fn parse_host(field: &str) -> Result<Option<url::Host<String>>, ConnectToError> {
    if field.is_empty() {
        return Ok(None);
    }
    let host = url::Host::parse(field);
    host.map(Some).map_err(|error| ConnectToError(format!("{field:?} is no host: {error}")))
}

fn parse_port(field: &str) -> Result<Option<u16>, ConnectToError> {
    if field.is_empty() {
        return Ok(None);
    }
    let port = field.parse();
    port.map(Some).map_err(|_| ConnectToError(format!("{field:?} is no port")))
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<url::Host<String>>| {
            host.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        let port = |port: Option<u16>| port.map(|port| port.to_string()).unwrap_or_default();
        let (from, to) = (host(&self.host), host(&self.to_host));
        write!(f, "{from}:{}:{to}:{}", port(self.port), port(self.to_port))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redirected(rule: &str, target: &str) -> Option<String> {
        let rule: ConnectTo = rule.parse().unwrap();
        rule.redirect(&target.parse().unwrap()).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn fields_are_as_curl_has_them() {
        for (rule, target, expected) in [
            ("a.net:8883:127.0.0.1:1", "a.net:8883", Some("127.0.0.1:1")),
            ("A.net:8883:b.net:1", "a.NET:8883", Some("b.net:1")),
            ("a.net:8883:127.0.0.1:1", "a.net:443", None),
            ("a.net:8883:127.0.0.1:1", "b.net:8883", None),
            ("::[::1]:1", "anything:443", Some("[::1]:1")),
            ("a.net::b.net:", "a.net:443", Some("b.net:443")),
            (":443::8443", "a.net:443", Some("a.net:8443")),
            (":::", "a.net:443", Some("a.net:443")),
            ("[::1]:8883:[::2]:1", "[::1]:8883", Some("[::2]:1")),
        ] {
            assert_eq!(redirected(rule, target).as_deref(), expected, "{rule} for {target}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for bad in ["", "a", "a:1:b", "a:1:b:2:3", "::1:1:b:2", "a:x:b:2", "a:1:b:99999", "a b:::"]
        {
            let error = bad.parse::<ConnectTo>().unwrap_err().to_string();
            assert!(error.starts_with("expected HOST:PORT:ADDR:PORT"), "{bad}: {error}");
        }
    }

    fn host() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[a-z]{1,8}(\\.[a-z]{1,5})?",
            any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
            any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
        ]
    }

    fn port() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), any::<u16>().prop_map(|port| port.to_string())]
    }

    #[test]
    fn anywhere_leads_to_one_place_and_keeps_the_port_if_that_has_none() {
        let target = "hub.net:8883".parse().unwrap();
        for (to, expected) in [("127.0.0.1", "127.0.0.1:8883"), ("[::1]:1", "[::1]:1")] {
            let rule = ConnectTo::anywhere(&to.parse().unwrap());
            assert_eq!(rule.redirect(&target).unwrap().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in ".{0,60}") {
            let _ = text.parse::<ConnectTo>();
        }

        #[test]
        fn what_is_shown_is_read_back(fields in (host(), port(), host(), port())) {
            let (host, port, to_host, to_port) = fields;
            let rule: ConnectTo = format!("{host}:{port}:{to_host}:{to_port}").parse().unwrap();
            prop_assert_eq!(rule.to_string().parse::<ConnectTo>().unwrap(), rule);
        }
    }
}
