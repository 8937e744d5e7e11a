//! curl: a registration over HTTPS by hand.

use super::client::{Client, Recipe, Step};
use super::reach::{Reach, port};
use crate::text::shell_word;

pub(super) fn recipe(reach: &Reach<'_>) -> Recipe {
    let (id, scope) = (reach.registration_id, reach.id_scope);
    let (authority, proxy) = match reach.gateway {
        Some(gateway) => (
            reach.host.to_owned(),
            format!(" --proxy {}", shell_word(&format!("http://{gateway}"))),
        ),
        None => (format!("{}:{}", reach.host, port(reach.https)), String::new()),
    };
    let url =
        format!("https://{authority}/{scope}/registrations/{id}/register?api-version=2021-06-01");
    let text = format!(
        "curl --fail-with-body --cacert {ca}{proxy} -X PUT {url} -H \"Authorization: $(provision-sim sas-token --id-scope {scope} --reg-id {id} --device-key {key})\" -H 'Content-Type: application/json' -d {body}\n",
        scope = shell_word(scope),
        id = shell_word(id),
        key = shell_word(reach.device_key()),
        ca = shell_word(reach.ca_file()),
        url = shell_word(&url),
        body = shell_word(&format!("{{\"registrationId\":\"{id}\"}}")),
    );
    Recipe { client: Client::Curl, needs: Vec::new(), steps: vec![Step::new("sh", text)] }
}
