//! The address of a custom allocation webhook.

use std::fmt;

use thiserror::Error;
use url::Url;

/// The address of a webhook, and its text: a URL has more than one, and the service API gives back
/// the one that it got (K-7). Its query carries the function key, so `Display` and `Debug` mask it as
/// DPS does (G-1, G-2).
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    url: Url,
    /// None if it is that of the URL.
    written: Option<Box<str>>,
}

/// Why a text is no webhook address. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WebhookUrlError {
    /// No URL.
    #[error("it is no URL: {0}")]
    Url(#[from] url::ParseError),
    /// Another scheme.
    #[error("it must begin with https:// or http://")]
    Scheme,
    /// A user name or password.
    #[error(
        "it must not contain a user name or password; function keys go into the query, as ?code=…"
    )]
    UserInfo,
}

impl WebhookUrl {
    /// The whole address with its key. Only for calling it.
    pub fn expose(&self) -> &Url {
        &self.url
    }

    /// The address with its key, letter by letter as it was given. Only for who gave it.
    pub fn as_written(&self) -> &str {
        self.written.as_deref().unwrap_or(self.url.as_str())
    }

    /// The address as it was given with its query masked: `https://host/api/Choose?****` (G-1).
    pub fn masked(&self) -> String {
        masked(self.as_written())
    }

    /// Whether its query was masked before it came here, so that its function key is lost.
    pub fn is_masked(&self) -> bool {
        let query = self.url.query().unwrap_or_default();
        !query.is_empty() && query.bytes().all(|byte| byte == b'*')
    }
}

fn masked(address: &str) -> String {
    match address.split_once('?') {
        Some((address, _)) => format!("{address}?****"),
        None => address.to_owned(),
    }
}

impl std::str::FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, WebhookUrlError> {
        let url: Url = text.parse()?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(WebhookUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::UserInfo);
        }
        let written = (url.as_str() != text).then(|| text.into());
        Ok(Self { url, written })
    }
}

/// In the form of URLs, which has neither blanks nor control characters.
impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.url.as_str()))
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_1_and_g_2_a_webhook_address_never_shows_its_query() {
        let url: WebhookUrl =
            "https://alloc.azurewebsites.net/api/Choose?code=secret&x=1".parse().unwrap();

        assert_eq!(url.to_string(), "https://alloc.azurewebsites.net/api/Choose?****");
        assert!(!format!("{url:?}").contains("secret"));
        assert_eq!(
            url.expose().as_str(),
            "https://alloc.azurewebsites.net/api/Choose?code=secret&x=1"
        );
        let bare: WebhookUrl = "http://localhost:7071/api/Choose".parse().unwrap();
        assert_eq!(bare.masked(), "http://localhost:7071/api/Choose");
    }

    #[test]
    fn k_7_the_text_of_an_address_is_kept_whatever_a_url_makes_of_it() {
        for (text, url) in [
            ("https://www.test.test", "https://www.test.test/"),
            ("https://www.test.test:443/a", "https://www.test.test/a"),
            ("http://h:80/a/../b/./c", "http://h/b/c"),
            (" https://h/a b ", "https://h/a%20b"),
            ("HTTPS://WWW.Test.TEST/A", "https://www.test.test/A"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
            ("https:/h\\a", "https://h/a"),
            ("https://h/a?code=%7e&x=ü", "https://h/a?code=%7e&x=%C3%BC"),
            ("http://127.1/", "http://127.0.0.1/"),
            ("https://h/a\n?b", "https://h/a?b"),
        ] {
            let address: WebhookUrl = text.parse().unwrap();

            assert_eq!((address.as_written(), address.expose().as_str()), (text, url));
            assert!(!address.to_string().contains(['\n', ' ']), "{address}");
            assert_eq!(address.masked().split('?').next(), text.split('?').next());
        }
    }

    /// J-46.
    #[test]
    fn webhook_addresses_are_http_without_credentials() {
        let refused = |text: &str| text.parse::<WebhookUrl>().unwrap_err();

        assert_eq!(refused("ftp://x/y"), WebhookUrlError::Scheme);
        assert_eq!(refused("https://me:pw@host/y"), WebhookUrlError::UserInfo);
        assert!(matches!(refused("choose"), WebhookUrlError::Url(_)));
    }
}
