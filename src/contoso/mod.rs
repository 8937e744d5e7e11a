//! The world of Microsoft's tutorial "Use custom allocation policies with Device Provisioning
//! Service": what `serve` serves when it is told nothing else.
//!
//! All keys in here are printed in public documentation and are no secret.

mod function;

pub use function::{FUNCTION_URL, SampleFunction};

use crate::service::Config;
use crate::wire::RegistrationId;

/// The primary key of the tutorial's enrollment group.
pub const GROUP_KEY: &str =
    "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";

/// The primary key of `simulated-devices`, the group beside the tutorial's that takes every
/// registration ID.
pub const SIMULATED_KEY: &str =
    "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

/// A key that the tutorial prints beside the wrong device (D.3): its code was given other
/// registration IDs in a later revision, its keys were not computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misprint {
    /// The key as printed.
    pub key: &'static str,
    /// The device beside which it is printed.
    pub printed_for: &'static str,
    /// The device whose key it is.
    pub belongs_to: &'static str,
    /// The key that should have been printed.
    pub right_key: &'static str,
}

/// Both misprints of the tutorial.
pub const MISPRINTS: [Misprint; 2] = [
    Misprint {
        key: "JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=",
        printed_for: "contoso-toaster-007",
        belongs_to: "breakroom499-contoso-tstrsd-007",
        right_key: "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=",
    },
    Misprint {
        key: "6uejA9PfkQgmYylj8Zerp3kcbeVrGZ172YLa7VSnJzg=",
        printed_for: "contoso-heatpump-088",
        belongs_to: "mainbuilding167-contoso-hpsd-088",
        right_key: "NI9dUEI2tga168Qi1U/HKuMmFHewrvaqI1MPTEU1A5w=",
    },
];

/// The configuration of the tutorial's world.
pub fn config() -> Config {
    toml::from_str(include_str!("../../fixtures/contoso/world.toml"))
        .unwrap_or_else(|error| unreachable!("a test reads this file: {error}"))
}

/// The devices to whom the misprinted keys belong: theirs are tried when a token does not match.
pub fn suspects() -> Vec<RegistrationId> {
    MISPRINTS.iter().filter_map(|misprint| misprint.belongs_to.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::attestation::GroupKey;

    #[test]
    fn the_default_world_is_valid_once_the_function_has_an_address() {
        let mut config = config();
        assert!(config.names_webhook(FUNCTION_URL));
        let address = "http://127.0.0.1:1/api/HttpTrigger1?code=x".parse().unwrap();
        config.place_webhook(FUNCTION_URL, address);

        let enrollments = config.enrollment_records(UNIX_EPOCH).unwrap();

        let groups: Vec<_> = enrollments.groups().map(|group| group.name().to_owned()).collect();
        assert_eq!(groups, ["contoso-custom-allocated-devices", "simulated-devices"]);
        let world = include_str!("../../fixtures/contoso/world.toml");
        for (group, key) in groups.iter().zip([GROUP_KEY, SIMULATED_KEY]) {
            let (_, section) = world.split_once(group.as_str()).unwrap();
            let (_, first_key) = section.split_once("symmetricKey.primaryKey = \"").unwrap();
            assert!(first_key.starts_with(key), "{group}");
        }
    }

    #[test]
    fn d_3_the_misprinted_keys_belong_to_the_devices_of_an_older_text() {
        let group_key: GroupKey = GROUP_KEY.parse().unwrap();
        let derived = |id: &str| group_key.derive(&id.parse().unwrap()).to_base64();

        for misprint in MISPRINTS {
            assert_eq!(*derived(misprint.belongs_to), misprint.key);
            assert_eq!(*derived(misprint.printed_for), misprint.right_key);
        }
        assert_eq!(suspects().len(), 2);
    }
}
