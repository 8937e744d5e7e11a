//! Scheme, host and port: what connections can be shared for (RFC 6454).

use std::fmt;

use url::Url;

use crate::net::Endpoint;

const HTTP_PORT: u16 = 80;
pub(super) const HTTPS_PORT: u16 = 443;

/// An HTTP server, over TLS or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    is_secure: bool,
    /// Its port is given.
    endpoint: Endpoint,
}

impl Origin {
    /// A server over TLS, on port 443 unless another is given.
    pub fn https(endpoint: &Endpoint) -> Self {
        Self { is_secure: true, endpoint: endpoint.or_port(HTTPS_PORT) }
    }

    /// A server without TLS, on port 80 unless another is given.
    pub fn http(endpoint: &Endpoint) -> Self {
        Self { is_secure: false, endpoint: endpoint.or_port(HTTP_PORT) }
    }

    /// The server of an address; `None` where that is neither `https` nor `http`.
    pub fn of(url: &Url) -> Option<Self> {
        let endpoint = Endpoint::new(url.host()?.to_owned(), url.port());
        match url.scheme() {
            "https" => Some(Self::https(&endpoint)),
            "http" => Some(Self::http(&endpoint)),
            _ => None,
        }
    }

    /// Whether it is spoken to over TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Host and port.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// As a `Host` header names it: without a port that goes without saying.
    pub(super) fn authority(&self) -> Endpoint {
        let usual = if self.is_secure { HTTPS_PORT } else { HTTP_PORT };
        let is_usual = self.endpoint.port() == Some(usual);
        if is_usual { self.endpoint.without_port() } else { self.endpoint.clone() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_an_address_is_scheme_host_and_port() {
        for (url, shown, endpoint) in [
            ("https://A.net/x?code=1", "https://a.net", "a.net:443"),
            ("https://a.net:443/", "https://a.net", "a.net:443"),
            ("https://a.net:80/", "https://a.net:80", "a.net:80"),
            ("http://a.net", "http://a.net", "a.net:80"),
            ("http://[::1]:7071/api", "http://[::1]:7071", "[::1]:7071"),
        ] {
            let origin = Origin::of(&url.parse().unwrap()).unwrap();

            assert_eq!(origin.to_string(), shown, "{url}");
            assert_eq!(origin.endpoint().to_string(), endpoint, "{url}");
        }
        assert_eq!(Origin::of(&"ftp://a.net/".parse().unwrap()), None);
    }
}
