//! The section of the documents that says how each SDK goes through the gateway.
//!
//! Made from the recipes themselves. What is written there works as it stands with the service that the page
//! starts; the interop suite runs what it can of it.

use std::fmt::Write;

use crate::attestation::GroupKey;
use crate::cli::documents::has_section;
use crate::recipes::{Client, Reach, Recipe, recipes};
use crate::tutorial::{HUB, ID_SCOPE, SIMULATED_KEY};
use crate::wire::GLOBAL_ENDPOINT;

/// Why the shell's lines of a recipe cannot be run by the tests of the documents.
fn not_run(client: Client) -> Option<&'static str> {
    match client {
        Client::Curl => None,
        Client::C => Some("it is no command"),
        Client::Python | Client::Node => Some("it installs packages"),
        Client::DotNet => Some("it wants the .NET SDK"),
        Client::Java => Some("it wants a program in Java"),
        Client::Az => Some("it wants the Azure CLI"),
    }
}

fn section(recipe: &Recipe) -> String {
    let mut text = format!("### {}\n\n", recipe.client.title());
    for need in &recipe.needs {
        let _ = writeln!(text, "{need}\n");
    }
    for step in &recipe.steps {
        if let ("sh", Some(reason)) = (step.language, not_run(recipe.client)) {
            let _ = writeln!(text, "<!-- not run: {reason} -->");
        }
        let _ = writeln!(text, "```{}\n{}```\n", step.language, step.text);
    }
    text
}

fn sections() -> String {
    let group: GroupKey = SIMULATED_KEY.parse().unwrap();
    let key = group.derive(&"my-device".parse().unwrap()).to_base64().to_string();
    let reach = Reach {
        id_scope: ID_SCOPE,
        host: GLOBAL_ENDPOINT,
        hubs: &[HUB],
        ca_file: Some("ca/ca.pem"),
        mqtt: "127.0.0.1:8883",
        https: "127.0.0.1:443",
        amqp: "127.0.0.1:5671",
        gateway: Some("127.0.0.1:1080"),
        registration_id: "my-device",
        device_key: Some(&key),
    };
    let sections = recipes(&reach).iter().map(section).collect::<String>();
    format!("\n{sections}")
}

#[test]
fn the_documents_have_the_way_of_each_sdk() {
    has_section("docs/reach.md", "recipes", &sections(), "src/recipes");
}
