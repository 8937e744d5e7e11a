//! Requests of the service API, and of the hubs', whatever carries them.

use super::error::ApiError;
use crate::text::Foreign;
use crate::wire::ApiVersion;

/// Largest body that is read: ten enrollments with their certificates fit in many times over
/// (J-80).
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// A request as an HTTP server has it.
#[derive(Clone)]
pub(crate) struct Request {
    /// Method, in capitals.
    pub(crate) method: String,
    /// Path as it came, with its escapes.
    pub(crate) path: String,
    /// Query parameters, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Body, whole. One longer than [`MAX_BODY`] is refused; it may be cut off behind that.
    pub(crate) body: Vec<u8>,
    /// Value of the `Host` header, with or without port: what tokens have to be for (E.6).
    pub(crate) host: String,
}

/// Headers hold tokens, bodies hold keys.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({self})")
    }
}

/// For the log.
impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", Foreign::short(&self.method), Foreign::short(&self.path))
    }
}

impl Request {
    /// The header of that lower-case name.
    pub(in crate::service) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(key, value)| (key == name).then_some(value.trim()))
    }

    /// Every request names a version (E.5); which one matters little here, so any date will do.
    pub(super) fn api_version(&self) -> Result<ApiVersion, ApiError> {
        let mut parameters = self.query.iter();
        let text = parameters
            .find_map(|(key, value)| key.eq_ignore_ascii_case("api-version").then_some(value))
            .ok_or_else(|| ApiError::bad_request("The query parameter api-version is missing."))?;
        let version: ApiVersion =
            text.parse().map_err(|_| ApiError::bad_request("Unsupported api-version"))?;
        if !version.is_known() {
            tracing::warn!("{self}: api-version {version} is not known; served all the same");
        }
        Ok(version)
    }

    /// The body, if it can be JSON.
    pub(in crate::service) fn json(&self) -> Result<&[u8], ApiError> {
        if self.body.len() > MAX_BODY {
            return Err(ApiError::too_large());
        }
        let is_json = |value: &str| {
            let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
        };
        // Without the header it is taken for JSON, as all that is ever sent here is.
        if self.header("content-type").is_some_and(|value| !value.is_empty() && !is_json(value)) {
            return Err(ApiError::unsupported_media_type());
        }
        if self.body.trim_ascii().is_empty() {
            return Err(ApiError::bad_request("The request body is empty."));
        }
        Ok(&self.body)
    }
}
