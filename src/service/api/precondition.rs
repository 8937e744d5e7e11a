//! `If-Match`: which version of a record a change is meant for (E.4).

use super::error::ApiError;
use super::request::Request;
use crate::wire::Etag;

/// What a request demands of the record it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) enum IfMatch {
    /// Nothing was said.
    Absent,
    /// That it is there: `*`.
    Any,
    /// That it is of this version, in the Base64 form of REST bodies.
    Version(String),
}

impl IfMatch {
    /// What the header says. Etags come bare or in quotes (E-1).
    ///
    /// # Errors
    ///
    /// 400 if it says an empty one (E.5).
    pub(in crate::service) fn of(request: &Request) -> Result<Self, ApiError> {
        request.header("if-match").map_or(Ok(Self::Absent), Self::read)
    }

    /// Reads an etag as clients write it.
    ///
    /// # Errors
    ///
    /// 400 if there is nothing in it (E.5).
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        let text = text.trim();
        let unquoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match unquoted.unwrap_or(text).trim() {
            "" => Err(ApiError::invalid_etag()),
            "*" => Ok(Self::Any),
            version => Ok(Self::Version(version.to_owned())),
        }
    }

    /// Whether a record of this version may be changed.
    ///
    /// # Errors
    ///
    /// 412 if not (J-7).
    pub(super) fn check(&self, etag: &Etag) -> Result<(), ApiError> {
        if self.allows(etag) { Ok(()) } else { Err(ApiError::precondition_failed()) }
    }

    /// The same as an answer of yes or no.
    pub(in crate::service) fn allows(&self, etag: &Etag) -> bool {
        match self {
            Self::Version(version) => *version == etag.encoded(),
            Self::Absent | Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn e_1_bare_quoted_and_star_are_all_read() {
        let etag = Etag::new(UNIX_EPOCH, 7);
        let bare = etag.encoded();
        let other = Etag::new(UNIX_EPOCH, 8).encoded();
        let check = |text: &str| IfMatch::read(text).unwrap().check(&etag);

        for good in [bare.clone(), format!("\"{bare}\""), "*".into(), "\"*\"".into()] {
            assert_eq!(check(&good), Ok(()), "{good}");
        }
        for bad in [other.clone(), format!("\"{other}\""), "AAA=".into(), "\"".into()] {
            assert_eq!(check(&bad), Err(ApiError::precondition_failed()), "{bad}");
        }
        for empty in ["", " ", "\"\""] {
            assert_eq!(IfMatch::read(empty), Err(ApiError::invalid_etag()), "{empty:?}");
        }
    }
}
