//! `HOST[:PORT]`, as users and files give it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A host and, where one was given, a port: `HOST[:PORT]`, IPv6 addresses in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: url::Host<String>,
    port: Option<u16>,
}

impl Endpoint {
    /// A host, with a port or not.
    pub(super) fn new(host: url::Host<String>, port: Option<u16>) -> Self {
        Self { host, port }
    }

    pub(super) fn as_host(&self) -> &url::Host<String> {
        &self.host
    }

    /// The host as a client verifies it: a name, or an address without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            url::Host::Domain(name) => name.clone(),
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The port, if one was given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same host without a port.
    #[must_use]
    pub fn without_port(&self) -> Self {
        Self { host: self.host.clone(), port: None }
    }

    /// The same host, with `port` unless one was given.
    #[must_use]
    pub fn or_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port: Some(self.port.unwrap_or(port)) }
    }
}

/// Why a text is no `HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected HOST[:PORT] such as localhost:8883 or [::1]:8883, without a scheme or path: {0}")]
pub struct EndpointError(String);

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.contains("://") {
            return Err(EndpointError(format!("{text:?} has a scheme")));
        }
        let (host, port) = match text.rsplit_once(':') {
            // The last colon of a bracketed IPv6 address stands inside the brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port
            .map(|port| port.parse().map_err(|_| EndpointError(format!("{port:?} is no port"))))
            .transpose()?;
        let host = url::Host::parse(host).map_err(|error| EndpointError(error.to_string()))?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_host_and_optional_port() {
        let parse = |text: &str| text.parse::<Endpoint>();

        for (text, host, port) in [
            (
                "global.azure-devices-provisioning.net",
                "global.azure-devices-provisioning.net",
                None,
            ),
            ("localhost:18883", "localhost", Some(18883)),
            ("127.0.0.1:0", "127.0.0.1", Some(0)),
            ("[::1]:8883", "::1", Some(8883)),
            ("[::1]", "::1", None),
        ] {
            let endpoint = parse(text).unwrap();
            assert_eq!((endpoint.host().as_str(), endpoint.port()), (host, port), "{text}");
            assert_eq!(endpoint.to_string(), text);
        }
        for bad in
            ["", ":8883", "host:", "host:port", "host:99999", "https://host", "a b", "host/path"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
