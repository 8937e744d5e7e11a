//! The MQTT user name of a device (A.2).

use std::fmt;

use thiserror::Error;

use super::{ApiVersion, ApiVersionError, IdError, IdScope, RegistrationId};

/// What a device says of itself at CONNECT:
/// `{idScope}/registrations/{registrationId}/api-version={v}[&ClientVersion={product}]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName {
    /// The instance that the device wants.
    pub id_scope: IdScope,
    /// The device.
    pub registration_id: RegistrationId,
    /// Which shape of replies it understands.
    pub api_version: ApiVersion,
    /// Product name, as sent (URL-encoded by some SDKs, raw by others).
    pub client_version: Option<String>,
}

/// Why a text is not the user name of a device.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UserNameError {
    /// The parts between the slashes are not as they must be.
    #[error("expected <idScope>/registrations/<registrationId>/api-version=<version>")]
    Shape,
    /// The first part is no ID scope.
    #[error("bad ID scope: {0}")]
    IdScope(IdError),
    /// The third part is no registration ID.
    #[error("bad registration ID: {0}")]
    RegistrationId(IdError),
    /// There is one part too many before the query.
    #[error("a registration ID has no `/`, and nothing stands between it and api-version")]
    Slash,
    /// The query has no `api-version`.
    #[error(
        "api-version is missing; expected <idScope>/registrations/<registrationId>/api-version=<version>"
    )]
    NoApiVersion,
    /// The value of `api-version` is none.
    #[error("bad api-version: {0}")]
    ApiVersion(#[from] ApiVersionError),
}

impl std::str::FromStr for UserName {
    type Err = UserNameError;

    /// Unknown query keys are skipped, and a `?` before the query is allowed, as IoT Hub user
    /// names have it.
    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let mut parts = text.splitn(4, '/');
        let mut next = || parts.next().ok_or(UserNameError::Shape);
        let (id_scope, kind, registration_id, query) = (next()?, next()?, next()?, next()?);
        if !kind.eq_ignore_ascii_case("registrations") {
            return Err(UserNameError::Shape);
        }
        let query = query.strip_prefix('?').unwrap_or(query);
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
        };
        if value("api-version").is_none() && query.contains("/api-version=") {
            return Err(UserNameError::Slash);
        }
        Ok(Self {
            id_scope: id_scope.parse().map_err(UserNameError::IdScope)?,
            registration_id: registration_id.parse().map_err(UserNameError::RegistrationId)?,
            api_version: value("api-version").ok_or(UserNameError::NoApiVersion)?.parse()?,
            client_version: value("ClientVersion").map(str::to_owned),
        })
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id_scope, registration_id, api_version, client_version } = self;
        write!(f, "{id_scope}/registrations/{registration_id}/api-version={api_version}")?;
        match client_version {
            Some(product) => write!(f, "&ClientVersion={product}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_2_user_names_of_the_sdks() {
        let python = "0ne0012AB34/registrations/pump-0042/api-version=2019-03-31&ClientVersion=azure-iot-device-provisioning-py%2F2.14.0%283.11.7%3BLinux%29";
        let c = "0ne0012AB34/registrations/pump-0042/api-version=2021-06-01&ClientVersion=1.15.0";

        for text in [python, c] {
            let name: UserName = text.parse().unwrap();
            assert_eq!(name.id_scope.as_str(), "0ne0012AB34");
            assert_eq!(name.registration_id.as_str(), "pump-0042");
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn a_4_a_leading_question_mark_and_unknown_keys_are_tolerated() {
        let name: UserName = "s/registrations/a/?x=1&api-version=2019-03-31&y".parse().unwrap();

        assert_eq!(name.api_version.to_string(), "2019-03-31");
        assert_eq!(name.client_version, None);
    }

    #[test]
    fn j_10_malformed_user_names_say_what_is_wrong() {
        let refused = |text: &str| text.parse::<UserName>().unwrap_err();

        assert_eq!(refused(""), UserNameError::Shape);
        assert_eq!(refused("s/devices/a/api-version=2019-03-31"), UserNameError::Shape);
        assert_eq!(refused("s/registrations/a"), UserNameError::Shape);
        assert_eq!(refused("s/registrations/a/"), UserNameError::NoApiVersion);
        assert_eq!(
            refused("s/registrations/line/pump/api-version=2019-03-31"),
            UserNameError::Slash
        );
        assert_eq!(
            refused("s/registrations/a/api-version=1"),
            UserNameError::ApiVersion(ApiVersionError)
        );
        assert!(matches!(
            refused("/registrations/a/api-version=2019-03-31"),
            UserNameError::IdScope(_)
        ));
        assert!(matches!(
            refused("s/registrations/a b/api-version=2019-03-31"),
            UserNameError::RegistrationId(_)
        ));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_it_reads_it_writes(text in "\\PC{0,60}", id in "[a-z0-9]{1,20}") {
            let _ = text.parse::<UserName>();
            let written = format!("scope/registrations/{id}/api-version=2021-06-01");
            prop_assert_eq!(written.parse::<UserName>().unwrap().to_string(), written);
        }
    }
}
