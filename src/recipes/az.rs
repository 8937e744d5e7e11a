//! The Azure CLI: its devices and its back end speak HTTPS by `requests`, which reads proxy and CA in the
//! environment. [azure-iot-cli-extension, `device_registration.py`]

use super::client::{Client, Recipe, Step};
use super::reach::{Reach, port};
use crate::text::shell_word;

pub(super) fn recipe(reach: &Reach<'_>) -> Recipe {
    let ca = shell_word(reach.ca_file());
    let mut text = format!("export REQUESTS_CA_BUNDLE={ca} SSL_CERT_FILE={ca}\n");
    let mut host = String::new();
    match reach.gateway {
        Some(gateway) => {
            text += &format!("export HTTPS_PROXY={}\n", shell_word(&format!("http://{gateway}")));
        }
        None => {
            let address = format!("{}:{}", reach.host, port(reach.https));
            host = format!(" --host {}", shell_word(&address));
        }
    }
    text += &format!(
        "az iot device registration create --id-scope {} --registration-id {} --symmetric-key {}{host}\n",
        shell_word(reach.id_scope),
        shell_word(reach.registration_id),
        shell_word(reach.device_key()),
    );
    Recipe {
        client: Client::Az,
        needs: vec!["The extension: az extension add --name azure-iot.".to_owned()],
        steps: vec![Step::new("sh", text)],
    }
}
