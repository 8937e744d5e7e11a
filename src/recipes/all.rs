//! All recipes.

use super::client::Recipe;
use super::reach::Reach;
use super::{az, c, curl, dotnet, java, node, python};

/// How each client reaches the service.
pub fn recipes(reach: &Reach<'_>) -> Vec<Recipe> {
    let each = [
        c::recipe,
        python::recipe,
        node::recipe,
        dotnet::recipe,
        java::recipe,
        az::recipe,
        curl::recipe,
    ];
    each.map(|recipe| recipe(reach)).into()
}

#[cfg(test)]
mod tests {
    use super::super::client::Client;
    use super::*;
    use crate::wire::GLOBAL_ENDPOINT;

    const DIRECT: Reach<'_> = Reach {
        id_scope: "0ne00002193",
        host: "localhost",
        hubs: &["hub-1.azure-devices.net"],
        ca_file: Some("/ca/my ca.pem"),
        mqtt: "127.0.0.1:18883",
        https: "127.0.0.1:18443",
        amqp: "127.0.0.1:15671",
        gateway: None,
        registration_id: "dev:ice_1",
        device_key: Some("a2V5"),
    };

    fn whole(recipe: &Recipe) -> String {
        recipe.needs.iter().chain(recipe.steps.iter().map(|step| &step.text)).fold(
            String::new(),
            |mut all, text| {
                all.push_str(text);
                all.push('\n');
                all
            },
        )
    }

    #[test]
    fn every_recipe_names_the_scope_the_device_its_key_and_the_way() {
        let through = Reach { host: GLOBAL_ENDPOINT, gateway: Some("127.0.0.1:1080"), ..DIRECT };
        for recipe in recipes(&through) {
            let text = whole(&recipe);
            let steps: String = recipe.steps.iter().map(|step| &*step.text).collect();
            assert!(!steps.contains("localhost:"), "{:?}: {text}", recipe.client);
            for wanted in ["0ne00002193", "dev:ice_1", "a2V5", "1080", "my ca.pem"] {
                assert!(text.contains(wanted), "{wanted} for {:?}: {text}", recipe.client);
            }
            assert!(recipe.steps.iter().all(|step| step.text.ends_with('\n')), "{recipe:?}");
        }
    }

    #[test]
    fn without_a_gateway_each_has_the_port_or_is_told_that_it_needs_one() {
        for recipe in recipes(&DIRECT) {
            let text = whole(&recipe);
            let is_told = text.contains("--gateway-port 0");
            assert!(
                is_told || text.contains("localhost:18") || text.contains("Port = 18883"),
                "neither for {:?}: {text}",
                recipe.client
            );
            let shown: String = recipe.steps.iter().map(|step| step.text.to_lowercase()).collect();
            assert!(!shown.contains("proxy"), "{:?}: {text}", recipe.client);
        }
        let standard = Reach {
            mqtt: "127.0.0.1:8883",
            https: "127.0.0.1:443",
            amqp: "127.0.0.1:5671",
            ..DIRECT
        };
        for recipe in recipes(&standard) {
            let text = whole(&recipe);
            assert!(!text.contains("--gateway-port") && !text.contains("start it on"), "{text}");
        }
    }

    #[test]
    fn every_sdk_that_speaks_amqp_is_told_how_it_gets_there() {
        let through = Reach { host: GLOBAL_ENDPOINT, gateway: Some("127.0.0.1:1080"), ..DIRECT };
        for (reach, port) in [(through, None), (DIRECT, Some("15671"))] {
            for recipe in recipes(&reach) {
                let told = recipe.needs.iter().filter(|need| need.starts_with("Over AMQP"));
                let told: Vec<_> = told.collect();
                let speaks = matches!(
                    recipe.client,
                    Client::C | Client::Node | Client::DotNet | Client::Java
                );
                assert_eq!(told.len(), usize::from(speaks), "{recipe:?}");
                assert!(
                    told.iter().all(|told| port.is_none_or(|port| told.contains(port))),
                    "{told:?}"
                );
            }
        }
    }

    #[test]
    fn a_key_that_is_not_to_be_shown_is_a_placeholder() {
        for recipe in recipes(&Reach { device_key: None, ..DIRECT }) {
            assert!(whole(&recipe).contains("<device key>"), "{recipe:?}");
        }
    }
}
