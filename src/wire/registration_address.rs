//! How a device is named over AMQP: by the address of a link, and by the user name of SASL.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::link_address::split_host;
use super::{IdError, IdScope, RegistrationId};

/// `{idScope}/registrations/{registrationId}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationAddress {
    /// The instance that the device wants.
    pub id_scope: IdScope,
    /// The device.
    pub registration_id: RegistrationId,
}

/// Why a text names no device.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistrationAddressError {
    /// The parts between the slashes are not as they must be.
    #[error("expected <idScope>/registrations/<registrationId>")]
    Shape,
    /// There is something behind the registration ID, as in a user name of MQTT.
    #[error(
        "nothing stands behind the registration ID over AMQP; the API version is a property of the links"
    )]
    Query,
    /// The first part is no ID scope.
    #[error("bad ID scope: {0}")]
    IdScope(IdError),
    /// The third part is no registration ID.
    #[error("bad registration ID: {0}")]
    RegistrationId(IdError),
}

impl RegistrationAddress {
    /// Whether this and `other` name the same device of the same instance, whatever their case.
    pub fn names_same_device(&self, other: &Self) -> bool {
        self.id_scope.matches(other.id_scope.as_str())
            && self.registration_id.names_same_device(other.registration_id.as_str())
    }
}

impl FromStr for RegistrationAddress {
    type Err = RegistrationAddressError;

    /// Takes the forms of all SDKs: C writes `amqps://HOST` in front, Java a slash.
    fn from_str(text: &str) -> Result<Self, RegistrationAddressError> {
        let (_, path) = split_host(text);
        let mut parts = path.trim_start_matches('/').splitn(4, '/');
        let mut next = || parts.next().ok_or(RegistrationAddressError::Shape);
        let (id_scope, kind, registration_id) = (next()?, next()?, next()?);
        if !kind.eq_ignore_ascii_case("registrations") {
            return Err(RegistrationAddressError::Shape);
        }
        if parts.next().is_some() {
            return Err(RegistrationAddressError::Query);
        }
        Ok(Self {
            id_scope: id_scope.parse().map_err(RegistrationAddressError::IdScope)?,
            registration_id: registration_id
                .parse()
                .map_err(RegistrationAddressError::RegistrationId)?,
        })
    }
}

impl fmt::Display for RegistrationAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/registrations/{}", self.id_scope, self.registration_id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn c_2_addresses_of_all_sdks_name_the_same_device() {
        let plain: RegistrationAddress = "0ne1/registrations/pump-0042".parse().unwrap();

        for text in [
            "/0ne1/registrations/pump-0042",
            "amqps://global.azure-devices-provisioning.net/0ne1/registrations/pump-0042",
            "AMQPS://localhost:5671//0ne1/Registrations/pump-0042",
        ] {
            assert_eq!(text.parse::<RegistrationAddress>().unwrap(), plain, "{text}");
        }
        assert_eq!(plain.to_string(), "0ne1/registrations/pump-0042");
        assert!(plain.names_same_device(&"0NE1/registrations/PUMP-0042".parse().unwrap()));
        assert!(!plain.names_same_device(&"0ne1/registrations/pump-0043".parse().unwrap()));
        assert!(!plain.names_same_device(&"0ne2/registrations/pump-0042".parse().unwrap()));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_told() {
        let refused = |text: &str| text.parse::<RegistrationAddress>().unwrap_err();

        for text in ["", "$cbs", "/devices/pump-0042/twin", "0ne1/registrations", "amqps://host"] {
            assert_eq!(refused(text), RegistrationAddressError::Shape, "{text}");
        }
        let with_version = "0ne1/registrations/pump-0042/api-version=2019-03-31";
        assert_eq!(refused(with_version), RegistrationAddressError::Query);
        assert!(matches!(refused("0 1/registrations/a"), RegistrationAddressError::IdScope(_)));
        let bad_id = refused("0ne1/registrations/a b");
        assert!(matches!(bad_id, RegistrationAddressError::RegistrationId(_)));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_it_reads_it_writes(
            text in "\\PC{0,60}",
            id in "[a-z0-9]{1,20}",
        ) {
            let _ = text.parse::<RegistrationAddress>();
            let written = format!("scope/registrations/{id}");
            prop_assert_eq!(written.parse::<RegistrationAddress>().unwrap().to_string(), written);
        }
    }
}
