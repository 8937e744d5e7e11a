//! Which call of a hub a request is. Paths are matched without regard to case and to a slash at the
//! end, device IDs with it.

use percent_encoding::percent_decode_str;

use super::error::HubApiError;
use crate::service::hub::TwinVerb;

/// A call, with the device that it is about as the path has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    ListDevices,
    QueryDevices,
    GetDevice(String),
    PutDevice(String),
    DeleteDevice(String),
    GetTwin(String),
    ChangeTwin(TwinVerb, String),
}

impl Route {
    /// The call that a request is: 404 if there is no such path, 405 if it has no such method.
    pub(super) fn of(method: &str, path: &str) -> Result<Self, HubApiError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments = path.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
        let mut segments = segments.into_iter();
        let family = segments.next().unwrap_or_default();
        let (id, rest) = (segments.next(), segments.next());
        let is_twins = family.eq_ignore_ascii_case("twins");
        if rest.is_some() || !(is_twins || family.eq_ignore_ascii_case("devices")) {
            return Err(HubApiError::no_such_path());
        }
        match (id, method) {
            (None, _) if is_twins => Err(HubApiError::no_such_path()),
            (None, "GET") => Ok(Self::ListDevices),
            (None, _) => Err(HubApiError::method_not_allowed("GET")),
            (Some(id), _) if id.is_empty() => Err(HubApiError::no_such_path()),
            (Some(id), "GET") if is_twins => Ok(Self::GetTwin(id)),
            (Some(id), "PATCH") if is_twins => Ok(Self::ChangeTwin(TwinVerb::Patch, id)),
            (Some(id), "PUT") if is_twins => Ok(Self::ChangeTwin(TwinVerb::Replace, id)),
            (Some(_), _) if is_twins => Err(HubApiError::method_not_allowed("GET, PATCH, PUT")),
            (Some(id), "GET") => Ok(Self::GetDevice(id)),
            (Some(id), "PUT") => Ok(Self::PutDevice(id)),
            (Some(id), "DELETE") => Ok(Self::DeleteDevice(id)),
            // A device may have this very name; POST tells the two apart.
            (Some(id), "POST") if id.eq_ignore_ascii_case("query") => Ok(Self::QueryDevices),
            (Some(_), _) => Err(HubApiError::method_not_allowed("GET, PUT, DELETE")),
        }
    }
}

/// Decoded after the path was split: an escaped slash belongs to a name.
fn decoded(segment: &str) -> Result<String, HubApiError> {
    let text = percent_decode_str(segment).decode_utf8();
    text.map(Into::into).map_err(|_| HubApiError::bad_request("the path is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// I.2.
    #[test]
    fn i_the_calls_of_the_sdks() {
        for (method, path, route) in [
            ("GET", "/devices", Route::ListDevices),
            ("POST", "/devices/query", Route::QueryDevices),
            ("GET", "/devices/query", Route::GetDevice("query".into())),
            ("GET", "/Devices/Pump%3A42/", Route::GetDevice("Pump:42".into())),
            ("PUT", "/devices/a%2Fb", Route::PutDevice("a/b".into())),
            ("DELETE", "/devices/a", Route::DeleteDevice("a".into())),
            ("GET", "/twins/a", Route::GetTwin("a".into())),
            ("PATCH", "/TWINS/A", Route::ChangeTwin(TwinVerb::Patch, "A".into())),
            ("PUT", "/twins/a", Route::ChangeTwin(TwinVerb::Replace, "a".into())),
        ] {
            assert_eq!(Route::of(method, path), Ok(route), "{method} {path}");
        }
    }

    #[test]
    fn other_paths_are_404_and_other_methods_405() {
        let status = |method, path| Route::of(method, path).unwrap_err().into_response().status;

        for path in ["", "/", "/twins", "/twins//", "/twins/a/modules", "/devices/a/b", "/jobs/a"] {
            assert_eq!(status("GET", path), 404, "{path}");
        }
        for (method, path) in
            [("POST", "/devices"), ("DELETE", "/twins/a"), ("PATCH", "/devices/a")]
        {
            assert_eq!(status(method, path), 405, "{method} {path}");
        }
        assert_eq!(status("GET", "/devices/%FF"), 400);
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(/(twins|devices))?[/%a-z0-9.]{0,40}") {
            let _ = Route::of("GET", &path);
        }
    }
}
