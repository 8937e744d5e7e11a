//! The Azure IoT SDK for Node.js. Its provisioning client takes no agent: over HTTPS it dials with
//! the process' own, `https.globalAgent`. Its hub client takes one for WebSocket. Plain MQTT goes
//! through no proxy, but may be given a port. [azure-iot-sdk-node, `mqtt_base`, `http`]

use super::client::{Client, Recipe, Step};
use super::literal::literal;
use super::reach::{Reach, port};
use crate::text::shell_word;

pub(super) fn recipe(reach: &Reach<'_>) -> Recipe {
    let trust = format!(
        "Trust: NODE_EXTRA_CA_CERTS={} in the environment before the process starts; later it is not read.",
        shell_word(reach.ca_file())
    );
    let amqp = format!("{}:{}", localhost(reach), port(reach.amqp));
    let over_amqp = match reach.gateway {
        Some(_) => format!(
            "Over AMQP: AmqpWs of azure-iot-provisioning-device-amqp after setTransportOptions({{ webSocketAgent: agent }}), and AmqpWs of azure-iot-device-amqp with {{ amqp: {{ webSocketAgent: agent }} }}. Amqp takes no proxy, but a port: {} as the host.",
            literal(&amqp)
        ),
        None => format!(
            "Over AMQP: Amqp of azure-iot-provisioning-device-amqp, with the host {}.",
            literal(&amqp)
        ),
    };
    let (install, text) = match reach.gateway {
        Some(gateway) => (
            "npm install azure-iot-provisioning-device azure-iot-provisioning-device-http azure-iot-security-symmetric-key azure-iot-device azure-iot-device-mqtt https-proxy-agent@7\n",
            through(reach, gateway),
        ),
        None => (
            "npm install azure-iot-provisioning-device azure-iot-provisioning-device-mqtt azure-iot-security-symmetric-key\n",
            direct(reach),
        ),
    };
    Recipe {
        client: Client::Node,
        needs: vec![trust, over_amqp],
        steps: vec![Step::new("sh", install), Step::new("js", text)],
    }
}

/// The host under which the service is dialled without a gateway.
fn localhost<'a>(reach: &Reach<'a>) -> &'a str {
    if reach.gateway.is_some() { "localhost" } else { reach.host }
}

fn through(reach: &Reach<'_>, gateway: &str) -> String {
    format!(
        "\
const https = require('https');
const {{ HttpsProxyAgent }} = require('https-proxy-agent');
const {{ Client }} = require('azure-iot-device');
const {{ MqttWs }} = require('azure-iot-device-mqtt');
const {{ ProvisioningDeviceClient }} = require('azure-iot-provisioning-device');
const {{ Http }} = require('azure-iot-provisioning-device-http');
const {{ SymmetricKeySecurityClient }} = require('azure-iot-security-symmetric-key');

const agent = new HttpsProxyAgent({url});
https.globalAgent = agent; // the provisioning client has no option for it
const key = {key};

async function main() {{
  const security = new SymmetricKeySecurityClient({id}, key);
  const {{ assignedHub, deviceId }} = await ProvisioningDeviceClient.create(
    {host}, {scope}, new Http(), security).register();
  console.log(assignedHub);
  const hub = Client.fromConnectionString(
    `HostName=${{assignedHub}};DeviceId=${{deviceId}};SharedAccessKey=${{key}}`, MqttWs);
  await hub.setOptions({{ mqtt: {{ webSocketAgent: agent }} }});
  await hub.open();
  console.log(JSON.stringify((await hub.getTwin()).properties));
  await hub.close();
}}
main();
",
        url = literal(&format!("http://{gateway}")),
        key = literal(reach.device_key()),
        id = literal(reach.registration_id),
        host = literal(reach.host),
        scope = literal(reach.id_scope),
    )
}

fn direct(reach: &Reach<'_>) -> String {
    format!(
        "\
const {{ ProvisioningDeviceClient }} = require('azure-iot-provisioning-device');
const {{ Mqtt }} = require('azure-iot-provisioning-device-mqtt');
const {{ SymmetricKeySecurityClient }} = require('azure-iot-security-symmetric-key');

const security = new SymmetricKeySecurityClient({id}, {key});
ProvisioningDeviceClient.create({host}, {scope}, new Mqtt(), security)
  .register()
  .then(({{ assignedHub }}) => console.log(assignedHub));
",
        id = literal(reach.registration_id),
        key = literal(reach.device_key()),
        host = literal(&format!("{}:{}", reach.host, port(reach.mqtt))),
        scope = literal(reach.id_scope),
    )
}
