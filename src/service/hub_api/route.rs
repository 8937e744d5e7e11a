//! Which call of a hub a request is. Paths are matched without regard to case and to a slash at the
//! end, device IDs with it.

use percent_encoding::percent_decode_str;

use super::error::HubApiError;
use super::nothing::Nothing;
use crate::service::hub::TwinVerb;

/// A call, with the device that it is about as the path has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    ListDevices,
    QueryDevices,
    RegenerateKeys,
    GetDevice(String),
    PutDevice(String),
    DeleteDevice(String),
    GetTwin(String),
    ChangeTwin(TwinVerb, String),
    CallMethod(String),
    /// A device sends a message.
    SendEvent(String),
    /// A back end sends one to a device.
    SendToDevice(String),
    /// A back end takes back what waits for a device.
    PurgeMessages(String),
    /// The modules of a device, of which there are none.
    ListModules(String),
    /// A list that is always empty: configurations, jobs.
    ListNothing,
    /// One of what is never there.
    GetNothing(Nothing),
    DeviceStatistics,
    ServiceStatistics,
}

impl Route {
    /// The call that a request is: 404 if there is no such path, 405 if it has no such method.
    pub(super) fn of(method: &str, path: &str) -> Result<Self, HubApiError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments = path.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
        let words: Vec<_> = segments.iter().map(|it| it.to_ascii_lowercase()).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let id = segments.get(1).cloned().unwrap_or_default();
        // A device may have this very name; POST tells the two apart.
        if method == "POST" && words == ["devices", "query"] {
            return Ok(Self::QueryDevices);
        }
        let calls = calls(&words, id);
        if calls.is_empty() {
            return Err(HubApiError::no_such_path());
        }
        let found = calls.iter().find(|(verb, _)| *verb == method).map(|(_, route)| route.clone());
        found.ok_or_else(|| {
            let verbs: Vec<_> = calls.iter().map(|(verb, _)| *verb).collect();
            HubApiError::method_not_allowed(&verbs.join(", "))
        })
    }
}

/// The calls at a path, in lower case, by their methods.
fn calls(path: &[&str], id: String) -> Vec<(&'static str, Route)> {
    match path {
        ["devices"] => vec![("GET", Route::ListDevices)],
        ["devices" | "twins", "", ..] => Vec::new(),
        ["devices", _] => vec![
            ("GET", Route::GetDevice(id.clone())),
            ("PUT", Route::PutDevice(id.clone())),
            ("DELETE", Route::DeleteDevice(id)),
        ],
        ["devices", "keys", "regenerate"] => vec![("POST", Route::RegenerateKeys)],
        ["devices", _, "modules"] => vec![("GET", Route::ListModules(id))],
        ["devices" | "twins", _, "modules", _] => {
            vec![("GET", Route::GetNothing(Nothing::Module))]
        }
        ["devices", _, "commands"] => vec![("DELETE", Route::PurgeMessages(id))],
        ["devices", _, "messages", "events"] => vec![("POST", Route::SendEvent(id))],
        ["devices", _, "messages", "devicebound"] => vec![("POST", Route::SendToDevice(id))],
        ["twins", _] => vec![
            ("GET", Route::GetTwin(id.clone())),
            ("PATCH", Route::ChangeTwin(TwinVerb::Patch, id.clone())),
            ("PUT", Route::ChangeTwin(TwinVerb::Replace, id)),
        ],
        ["twins", _, "methods"] => vec![("POST", Route::CallMethod(id))],
        ["configurations"] | ["jobs"] | ["jobs", "v2", "query"] => {
            vec![("GET", Route::ListNothing)]
        }
        ["configurations", _] => vec![("GET", Route::GetNothing(Nothing::Configuration))],
        ["jobs", _] | ["jobs", "v2", _] => vec![("GET", Route::GetNothing(Nothing::Job))],
        ["statistics", "devices"] => vec![("GET", Route::DeviceStatistics)],
        ["statistics", "service"] => vec![("GET", Route::ServiceStatistics)],
        _ => Vec::new(),
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
            ("POST", "/devices/keys/regenerate", Route::RegenerateKeys),
            ("GET", "/Devices/Pump%3A42/", Route::GetDevice("Pump:42".into())),
            ("PUT", "/devices/a%2Fb", Route::PutDevice("a/b".into())),
            ("DELETE", "/devices/a", Route::DeleteDevice("a".into())),
            ("GET", "/devices/a/modules", Route::ListModules("a".into())),
            ("GET", "/devices/a/modules/m", Route::GetNothing(Nothing::Module)),
            ("GET", "/twins/a/modules/m", Route::GetNothing(Nothing::Module)),
            ("POST", "/devices/A/messages/events", Route::SendEvent("A".into())),
            ("POST", "/devices/a/messages/deviceBound", Route::SendToDevice("a".into())),
            ("DELETE", "/devices/a/commands", Route::PurgeMessages("a".into())),
            ("GET", "/twins/a", Route::GetTwin("a".into())),
            ("PATCH", "/TWINS/A", Route::ChangeTwin(TwinVerb::Patch, "A".into())),
            ("PUT", "/twins/a", Route::ChangeTwin(TwinVerb::Replace, "a".into())),
            ("POST", "/twins/a/methods", Route::CallMethod("a".into())),
            ("GET", "/statistics/devices", Route::DeviceStatistics),
            ("GET", "/statistics/service", Route::ServiceStatistics),
            ("GET", "/configurations", Route::ListNothing),
            ("GET", "/configurations/c", Route::GetNothing(Nothing::Configuration)),
            ("GET", "/jobs/v2/query", Route::ListNothing),
            ("GET", "/jobs/v2/j", Route::GetNothing(Nothing::Job)),
        ] {
            assert_eq!(Route::of(method, path), Ok(route), "{method} {path}");
        }
    }

    #[test]
    fn other_paths_are_404_and_other_methods_405() {
        let status = |method, path| {
            Route::of(method, path).unwrap_err().into_response(&Default::default()).status
        };

        for path in ["", "/", "/twins", "/twins//", "/devices//modules", "/twins/a/b", "/jobs/a/b"]
        {
            assert_eq!(status("GET", path), 404, "{path}");
        }
        for (method, path) in [
            ("POST", "/devices"),
            ("DELETE", "/twins/a"),
            ("PATCH", "/devices/a"),
            ("PUT", "/jobs"),
        ] {
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
