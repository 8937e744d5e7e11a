//! The tutorial's world as a configuration.

use super::function::FUNCTION_URL;
use crate::service::Config;
use crate::tutorial::MISPRINTS;
use crate::wire::RegistrationId;

/// The configuration of the tutorial's world.
pub fn config() -> Config {
    Config::from_toml(include_str!("../../fixtures/contoso/world.toml"), &[FUNCTION_URL])
        .unwrap_or_else(|error| unreachable!("a test reads this file: {error}"))
}

/// The devices to whom the misprinted keys belong: theirs are tried when a token does not match.
pub fn suspects() -> Vec<RegistrationId> {
    MISPRINTS.iter().filter_map(|misprint| misprint.belongs_to.parse().ok()).collect()
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::tutorial::{GROUP, GROUP_KEY, HUB, ID_SCOPE, SIMULATED_GROUP, SIMULATED_KEY};

    #[test]
    fn the_default_world_is_valid_once_the_function_has_an_address() {
        let mut config = config();
        assert!(config.names_webhook(FUNCTION_URL));
        let address = "http://127.0.0.1:1/api/HttpTrigger1?code=x".parse().unwrap();
        config.place_webhook(FUNCTION_URL, address);

        let enrollments = config.enrollment_records(&Default::default()).unwrap();

        let groups: Vec<_> = enrollments.groups().map(|group| group.name().to_owned()).collect();
        assert_eq!(groups, ["contoso-custom-allocated-devices", "simulated-devices"]);
        assert_eq!(suspects().len(), MISPRINTS.len());
    }

    #[test]
    fn the_default_world_has_the_names_and_keys_of_the_tutorial_module() {
        let world: toml::Table = include_str!("../../fixtures/contoso/world.toml").parse().unwrap();
        let groups = world["enrollmentGroups"].as_array().unwrap();
        let expected = [(GROUP, GROUP_KEY), (SIMULATED_GROUP, SIMULATED_KEY)];

        assert_eq!(world["idScope"].as_str(), Some(ID_SCOPE));
        assert_eq!(world["linkedHubs"][0].as_str(), Some(HUB));
        assert_eq!(groups.len(), expected.len());
        for (group, (name, key)) in groups.iter().zip(expected) {
            let key_of_group = &group["attestation"]["symmetricKey"]["primaryKey"];
            assert_eq!(group["enrollmentGroupId"].as_str(), Some(name));
            assert_eq!(key_of_group.as_str(), Some(key), "{name}");
        }
    }
}
