//! `azure-iot-device`: no port can be given, but a proxy of either kind.

use super::client::{Client, Recipe, Step, fixed_ports};
use super::literal::literal;
use super::reach::{Reach, host_and_port};

pub(super) fn recipe(reach: &Reach<'_>) -> Recipe {
    let (mut import, mut made, mut given) = ("ProvisioningDeviceClient", String::new(), "");
    if let Some(gateway) = reach.gateway {
        let (host, port) = host_and_port(gateway);
        import = "IoTHubDeviceClient, ProvisioningDeviceClient, ProxyOptions";
        made = format!("proxy = ProxyOptions(\"HTTP\", {}, {port})\n", literal(host));
        given = "    proxy_options=proxy,\n";
    }
    let text = format!(
        "\
from azure.iot.device import {import}

with open({ca}) as file:
    ca = file.read()
{made}key = {key}
result = ProvisioningDeviceClient.create_from_symmetric_key(
    provisioning_host={host},
    registration_id={id},
    id_scope={scope},
    symmetric_key=key,
    server_verification_cert=ca,
{given}).register()
print(result.status, result.registration_state.assigned_hub)
{hub}",
        ca = literal(reach.ca_file()),
        key = literal(reach.device_key()),
        host = literal(reach.host),
        id = literal(reach.registration_id),
        scope = literal(reach.id_scope),
        hub = if reach.gateway.is_some() { hub(given) } else { String::new() },
    );
    Recipe {
        client: Client::Python,
        needs: fixed_ports(reach).into_iter().collect(),
        steps: vec![Step::new("sh", "pip install azure-iot-device\n"), Step::new("python", text)],
    }
}

/// Its hub's name leads nowhere but through the gateway.
fn hub(given: &str) -> String {
    format!(
        "
hub = IoTHubDeviceClient.create_from_symmetric_key(
    hostname=result.registration_state.assigned_hub,
    device_id=result.registration_state.device_id,
    symmetric_key=key,
    server_verification_cert=ca,
{given})
hub.connect()
print(hub.get_twin())
hub.shutdown()
"
    )
}
