//! The address of a custom allocation webhook.

use std::fmt;

use thiserror::Error;
use url::Url;

/// The address of a webhook. Its query carries the function key, so `Display` and `Debug` mask it
/// as DPS does (G-1, G-2).
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

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
        &self.0
    }

    /// The address with its query masked: `https://host/api/Choose?****` (G-1).
    pub fn masked(&self) -> String {
        match self.0.as_str().split_once('?') {
            Some((address, _)) => format!("{address}?****"),
            None => self.0.to_string(),
        }
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
        Ok(Self(url))
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({})", self.masked())
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

    /// J-46.
    #[test]
    fn webhook_addresses_are_http_without_credentials() {
        let refused = |text: &str| text.parse::<WebhookUrl>().unwrap_err();

        assert_eq!(refused("ftp://x/y"), WebhookUrlError::Scheme);
        assert_eq!(refused("https://me:pw@host/y"), WebhookUrlError::UserInfo);
        assert!(matches!(refused("choose"), WebhookUrlError::Url(_)));
    }
}
