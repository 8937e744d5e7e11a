//! `http://user:password@host:port`: a proxy that opens tunnels with HTTP CONNECT.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use thiserror::Error;
use zeroize::Zeroizing;

use super::Endpoint;

/// Where curl expects a proxy whose port is not given.
const DEFAULT_PORT: u16 = 1080;

/// An HTTP proxy. `Debug` and `Display` show its address and never its credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    endpoint: Endpoint,
    authorization: Option<Zeroizing<String>>,
}

/// Why a text is no proxy. Never repeats the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The scheme is another one.
    #[error("it is a {0}:// proxy; only http:// proxies are known")]
    Scheme(
        /// The scheme.
        String,
    ),
    /// Host or port cannot be read.
    #[error(
        "expected http://[USER:PASSWORD@]HOST[:PORT]; special characters of user and password \
         must be percent-encoded"
    )]
    Address,
}

impl Proxy {
    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The value of `Proxy-Authorization`. A secret.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_ref().map(|value| value.as_str())
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if is_scheme(scheme) => {
                return Err(ProxyError::Scheme(scheme.to_ascii_lowercase()));
            }
            Some(_) => return Err(ProxyError::Address),
            None => text,
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (user_info, address) = match authority.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info), address),
            None => (None, authority),
        };
        let endpoint: Endpoint = address.parse().map_err(|_| ProxyError::Address)?;
        Ok(Self { endpoint: endpoint.or_port(DEFAULT_PORT), authorization: user_info.map(basic) })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// `Basic …` (RFC 7617) of `user:password`, or of a user alone.
fn basic(user_info: &str) -> Zeroizing<String> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let mut plain = Zeroizing::new(Vec::with_capacity(user_info.len() + 1));
    plain.extend(percent_decode_str(user));
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let encoded = Zeroizing::new(STANDARD.encode(plain.as_slice()));
    Zeroizing::new(format!("Basic {}", encoded.as_str()))
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.endpoint)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = if self.authorization.is_some() { ", credentials redacted" } else { "" };
        write!(f, "Proxy({self}{credentials})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn address_and_credentials_are_as_curl_reads_them() {
        for (text, shown, authorization) in [
            ("http://proxy:3128", "http://proxy:3128", None),
            ("HTTP://proxy:3128/", "http://proxy:3128", None),
            ("proxy:80", "http://proxy:80", None),
            ("proxy", "http://proxy:1080", None),
            ("http://[::1]:3128", "http://[::1]:3128", None),
            ("http://u:p@proxy:1", "http://proxy:1", Some("Basic dTpw")),
            ("http://u@proxy:1", "http://proxy:1", Some("Basic dTo=")),
            ("http://u:p%40%3a@proxy:1", "http://proxy:1", Some("Basic dTpwQDo=")),
            ("http://u:p@x@proxy:1", "http://proxy:1", Some("Basic dTpwQHg=")),
        ] {
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!((proxy.to_string().as_str(), proxy.authorization()), (shown, authorization));
        }
    }

    #[test]
    fn other_kinds_of_proxy_are_named() {
        for (text, scheme) in
            [("socks5://u:secret@proxy:1", "socks5"), ("https://proxy:1", "https")]
        {
            assert_eq!(text.parse::<Proxy>(), Err(ProxyError::Scheme(scheme.to_owned())));
        }
    }

    #[test]
    fn a_password_is_in_no_error_and_no_debug() {
        // The slash must be encoded; as it is, the password looks like a port.
        let error = "http://user:sec/ret@proxy:1".parse::<Proxy>();
        let proxy: Proxy = "http://user:secret@proxy:1".parse().unwrap();

        assert_eq!(error.unwrap().to_string(), "http://proxy:1");
        for bad in ["http://user:secret", "http://:secret@", "http://user:secret@h:x"] {
            let error = bad.parse::<Proxy>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{bad}: {error}");
        }
        assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy:1, credentials redacted)");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in ".{0,60}") {
            let _ = text.parse::<Proxy>();
        }

        #[test]
        fn encoded_credentials_are_sent_as_they_were_meant(
            user in "[^:]{0,12}", password in ".{0,12}", port in any::<u16>(),
        ) {
            use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode as encode};
            let text = format!(
                "http://{}:{}@proxy:{port}",
                encode(&user, NON_ALPHANUMERIC), encode(&password, NON_ALPHANUMERIC)
            );
            let proxy: Proxy = text.parse().unwrap();
            let sent = STANDARD.decode(&proxy.authorization().unwrap()["Basic ".len()..]).unwrap();
            prop_assert_eq!(sent, format!("{user}:{password}").into_bytes());
            prop_assert_eq!(proxy.endpoint().port(), Some(port));
        }
    }
}
