//! The paths that are served (B.1), read without regard to case in their fixed parts, and with or
//! without a slash at the end.

use percent_encoding::percent_decode_str;

/// What paths of the hubs begin with.
const HUB_PATHS: [&str; 5] = ["twins", "devices", "configurations", "jobs", "statistics"];

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// A call of the device API.
    Device(DeviceCall),
    /// Something of the service API (E.5).
    ServiceApi,
    /// Something of the hubs' service API (I).
    HubApi,
    /// A call of the device API with a registration ID that has `/` in it, as none has (D.1).
    SlashInId {
        /// The ID, as it stands in the path.
        registration_id: String,
    },
    /// Nothing.
    Unknown,
}

/// A path of the device API; the names are decoded and not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceCall {
    pub(super) id_scope: String,
    pub(super) registration_id: String,
    pub(super) purpose: Purpose,
}

/// What a device wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Start a registration.
    Register,
    /// Know how an operation stands.
    OperationStatus {
        /// Which.
        operation_id: String,
    },
    /// Know how its registration stands.
    RegistrationState,
}

impl Purpose {
    /// The verb that goes with it (B.1).
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Register => "PUT",
            Self::OperationStatus { .. } => "GET",
            Self::RegistrationState => "POST",
        }
    }
}

impl Route {
    /// The route of a path as it stands in the request.
    pub(super) fn of(path: &str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let parts: Vec<_> = path.split('/').collect();
        let is = |part: &str, word: &str| part.eq_ignore_ascii_case(word);
        if ["enrollments", "enrollmentGroups", "registrations"]
            .iter()
            .any(|word| is(parts[0], word))
        {
            return Self::ServiceApi;
        }
        if HUB_PATHS.iter().any(|word| is(parts[0], word)) {
            return Self::HubApi;
        }
        let [id_scope, registrations, registration_id, rest @ ..] = &parts[..] else {
            return Self::Unknown;
        };
        if !is(registrations, "registrations") {
            return Self::Unknown;
        }
        let purpose = match rest {
            [] => Purpose::RegistrationState,
            [register] if is(register, "register") => Purpose::Register,
            [operations, operation_id] if is(operations, "operations") => {
                Purpose::OperationStatus { operation_id: decoded(operation_id) }
            }
            [.., register] if is(register, "register") => {
                let registration_id = parts[2..parts.len() - 1].join("/");
                return Self::SlashInId { registration_id };
            }
            [.., operations, _] if is(operations, "operations") => {
                let registration_id = parts[2..parts.len() - 2].join("/");
                return Self::SlashInId { registration_id };
            }
            _ => return Self::Unknown,
        };
        Self::Device(DeviceCall {
            id_scope: decoded(id_scope),
            registration_id: decoded(registration_id),
            purpose,
        })
    }
}

/// The C SDK encodes what it puts in paths, Node does not.
fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(purpose: Purpose) -> Route {
        let (id_scope, registration_id) = ("0ne1".to_owned(), "pump:42".to_owned());
        Route::Device(DeviceCall { id_scope, registration_id, purpose })
    }

    #[test]
    fn b_1_the_three_calls_in_the_spellings_of_the_sdks() {
        let poll = || Purpose::OperationStatus { operation_id: "5.4d.0b-1".to_owned() };
        for (path, route) in [
            ("/0ne1/registrations/pump:42/register", call(Purpose::Register)),
            ("/0ne1/registrations/pump%3a42/register/", call(Purpose::Register)),
            ("/0ne1/Registrations/pump:42/REGISTER", call(Purpose::Register)),
            ("/0ne1/registrations/pump:42/operations/5.4d.0b-1", call(poll())),
            ("/0ne1/registrations/pump%3A42/operations/5%2e4d.0b-1/", call(poll())),
            ("/0ne1/registrations/pump:42", call(Purpose::RegistrationState)),
            ("/0ne1/registrations/pump:42/", call(Purpose::RegistrationState)),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn e_5_paths_of_the_service_api_are_known_by_their_first_part() {
        for path in [
            "/enrollments/a",
            "/Enrollments/?x",
            "/enrollmentgroups/g/attestationmechanism",
            "/registrations/pump-0042",
            "/REGISTRATIONS/group/query",
        ] {
            assert_eq!(Route::of(path), Route::ServiceApi, "{path}");
        }
    }

    #[test]
    fn i_paths_of_the_hubs_are_known_by_their_first_part() {
        for path in [
            "/twins/pump-0042",
            "/devices",
            "/Devices/a%2Fb?top=1",
            "/devices/query/",
            "/jobs/v2/query",
            "/statistics/devices",
        ] {
            assert_eq!(Route::of(path), Route::HubApi, "{path}");
        }
    }

    #[test]
    fn d_1_a_slash_in_an_id_is_known_from_a_path_that_is_none() {
        for (path, id) in [
            ("/0ne1/registrations/line/pump/register", "line/pump"),
            ("/0ne1/registrations/a/b/c/REGISTER/", "a/b/c"),
            ("/0ne1/registrations/line/pump/operations/5.4d", "line/pump"),
        ] {
            let route = Route::SlashInId { registration_id: id.to_owned() };
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn everything_else_is_nothing() {
        for path in [
            "",
            "/",
            "*",
            "/0ne1",
            "/0ne1/registrations",
            "/0ne1/registrations/",
            "/0ne1/devices/a/register",
            "/0ne1/registrations/a/unregister",
            "/0ne1/registrations/a/operations",
            "/0ne1/registrations/a/operations/1/2",
            "/enrollmentsx/a",
        ] {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "[/%a-z0-9.]{0,60}") {
            let _ = Route::of(&path);
        }
    }
}
