//! How the service gets to functions of this machine.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::Url;

/// What stands in a [`FunctionUrl`] for the port.
const PORT: &str = "{port}";

/// Where the service reaches functions that this machine serves: an address in which `{port}` stands
/// for the port that a function has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionUrl(Box<str>);

/// A text that is no such address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "expected http:// or https:// and a host, with {PORT} where the function's port is to stand, such as http://127.0.0.1:{PORT}"
)]
pub struct FunctionUrlError;

impl FunctionUrl {
    /// The address for the service of a function that is at `local` here.
    pub fn of(&self, local: &Url) -> Option<String> {
        let port = local.port_or_known_default()?.to_string();
        let mut url: Url = self.0.replace(PORT, &port).parse().ok()?;
        let before = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{before}{}", local.path()));
        url.set_query(local.query());
        Some(url.into())
    }
}

impl fmt::Display for FunctionUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FunctionUrl {
    type Err = FunctionUrlError;

    fn from_str(text: &str) -> Result<Self, FunctionUrlError> {
        let url: Url = text.replace(PORT, "1").parse().map_err(|_| FunctionUrlError)?;
        let is_one = matches!(url.scheme(), "http" | "https") && url.has_host();
        let is_plain = url.query().is_none() && url.fragment().is_none();
        if is_one && is_plain && text.contains(PORT) {
            Ok(Self(text.into()))
        } else {
            Err(FunctionUrlError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_293_a_function_has_its_port_path_and_key_behind_the_address_that_is_told() {
        let local: Url = "http://127.0.0.1:7071/api/HttpTrigger1?code=k".parse().unwrap();
        for (told, there) in [
            ("http://127.0.0.1:{port}", "http://127.0.0.1:7071/api/HttpTrigger1?code=k"),
            ("https://x-{port}.example/a/", "https://x-7071.example/a/api/HttpTrigger1?code=k"),
        ] {
            let told: FunctionUrl = told.parse().unwrap();
            assert_eq!(told.of(&local).as_deref(), Some(there));
        }
        for wrong in
            ["", "127.0.0.1:{port}", "http://a.example", "ftp://a:{port}", "http://a:{port}/?b"]
        {
            assert_eq!(wrong.parse::<FunctionUrl>(), Err(FunctionUrlError), "{wrong:?}");
        }
    }
}
