//! Which call a request is (E.5).
//!
//! Paths are matched without regard to case and to a slash at the end (E-2): Node writes
//! `/enrollmentgroups/{id}/attestationmechanism` and `/enrollments/`.

use percent_encoding::percent_decode_str;

use super::error::ApiError;
use super::request::Request;
use crate::service::enrollment::Kind;

/// A call of the service API, with the name it is about as the path has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Bulk(Kind),
    Query(Kind),
    Put(Kind, String),
    Get(Kind, String),
    Delete(Kind, String),
    AttestationMechanism(Kind, String),
    GroupRegistrations(String),
    GetRegistration(String),
    DeleteRegistration(String),
}

impl Route {
    /// The call that a request is: 404 if there is no such path, 405 if it has no such method.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        let path = request.path.strip_prefix('/').unwrap_or(&request.path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments = path.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
        let mut segments = segments.into_iter();
        let family = segments.next().unwrap_or_default().to_ascii_lowercase();
        let (first, second, third) = (segments.next(), segments.next(), segments.next());
        if third.is_some() {
            return Err(ApiError::no_such_path());
        }
        let kind = match family.as_str() {
            "enrollments" => Kind::Individual,
            "enrollmentgroups" => Kind::Group,
            "registrations" => return registrations(request, first, second),
            _ => return Err(ApiError::no_such_path()),
        };
        let method = request.method.as_str();
        match (first, second) {
            (None, _) => only_post(method, Self::Bulk(kind)),
            // An enrollment may have this very name; POST tells the two apart.
            (Some(id), None) if method == "POST" && is(&id, "query") => Ok(Self::Query(kind)),
            (Some(id), None) => match method {
                "PUT" => Ok(Self::Put(kind, id)),
                "GET" => Ok(Self::Get(kind, id)),
                "DELETE" => Ok(Self::Delete(kind, id)),
                _ => Err(ApiError::method_not_allowed("GET, PUT, DELETE")),
            },
            (Some(id), Some(word)) if is(&word, "attestationmechanism") => {
                only_post(method, Self::AttestationMechanism(kind, id))
            }
            (Some(_), Some(_)) => Err(ApiError::no_such_path()),
        }
    }
}

fn registrations(
    request: &Request,
    first: Option<String>,
    second: Option<String>,
) -> Result<Route, ApiError> {
    match (first, second) {
        (Some(id), None) => match request.method.as_str() {
            "GET" => Ok(Route::GetRegistration(id)),
            "DELETE" => Ok(Route::DeleteRegistration(id)),
            _ => Err(ApiError::method_not_allowed("GET, DELETE")),
        },
        (Some(id), Some(word)) if is(&word, "query") => {
            only_post(&request.method, Route::GroupRegistrations(id))
        }
        _ => Err(ApiError::no_such_path()),
    }
}

fn only_post(method: &str, route: Route) -> Result<Route, ApiError> {
    if method == "POST" { Ok(route) } else { Err(ApiError::method_not_allowed("POST")) }
}

fn is(segment: &str, word: &str) -> bool {
    segment.eq_ignore_ascii_case(word)
}

/// Decoded after the path was split: an escaped slash belongs to a name.
fn decoded(segment: &str) -> Result<String, ApiError> {
    let text = percent_decode_str(segment).decode_utf8();
    text.map(Into::into).map_err(|_| ApiError::bad_request("The path is not UTF-8."))
}

#[cfg(test)]
mod tests {
    use super::super::testing::request;
    use super::*;

    fn route(method: &str, path: &str) -> Result<Route, ApiError> {
        Route::of(&request(method, path, &[], ""))
    }

    #[test]
    fn e_2_case_and_a_slash_at_the_end_do_not_matter() {
        use Kind::{Group, Individual};
        for (method, path, expected) in [
            ("POST", "/enrollments/", Route::Bulk(Individual)),
            ("POST", "/ENROLLMENTGROUPS", Route::Bulk(Group)),
            ("POST", "/enrollmentGroups/Query", Route::Query(Group)),
            ("PUT", "/Enrollments/a%3Ab/", Route::Put(Individual, "a:b".into())),
            ("GET", "/enrollments/query", Route::Get(Individual, "query".into())),
            ("DELETE", "/enrollmentGroups/Pumps", Route::Delete(Group, "Pumps".into())),
            (
                "POST",
                "/enrollmentgroups/pumps/attestationMechanism",
                Route::AttestationMechanism(Group, "pumps".into()),
            ),
            ("POST", "/registrations/pumps/query", Route::GroupRegistrations("pumps".into())),
            ("GET", "/Registrations/a/", Route::GetRegistration("a".into())),
            ("DELETE", "/registrations/a", Route::DeleteRegistration("a".into())),
        ] {
            assert_eq!(route(method, path).unwrap(), expected, "{method} {path}");
        }
    }

    #[test]
    fn h_2_other_paths_are_404_and_other_methods_405() {
        let status = |method, path| {
            route(method, path).unwrap_err().into_response(&Default::default()).status
        };

        for path in
            ["/", "", "/devices", "/enrollments/a/b", "/enrollments/a/b/c", "/registrations"]
        {
            assert_eq!(status("GET", path), 404, "{path}");
        }
        assert_eq!(status("GET", "/enrollments"), 405);
        assert_eq!(status("POST", "/enrollments/a"), 405);
        assert_eq!(status("PATCH", "/enrollmentGroups/a"), 405);
        assert_eq!(status("PUT", "/registrations/a"), 405);
        assert_eq!(status("GET", "/registrations/a/query"), 405);
        assert_eq!(status("GET", "/enrollments/%FF"), 400);
    }
}
