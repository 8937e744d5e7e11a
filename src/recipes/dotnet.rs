//! The Azure IoT SDK for .NET: over WebSocket and HTTP it takes a proxy, over plain MQTT it does not, but a
//! port. [azure-iot-sdk-csharp, `ProvisioningTransportHandler.cs`]

use super::client::{Client, Recipe, Step};
use super::literal::literal;
use super::reach::{Reach, port};
use crate::text::shell_word;

pub(super) fn recipe(reach: &Reach<'_>) -> Recipe {
    let trust = format!(
        "Trust: on Linux SSL_CERT_FILE={} in the program's environment; on Windows and macOS add the file to the trusted roots.",
        shell_word(reach.ca_file())
    );
    let (mut using, mut proxy, mut fallback, mut hub) = ("", String::new(), "TcpOnly", "");
    let mut given = format!("Port = {}", port(reach.mqtt));
    if let Some(gateway) = reach.gateway {
        using = "using System.Net;\nusing Microsoft.Azure.Devices.Client;\n";
        proxy = format!("var proxy = new WebProxy({});\n", literal(&format!("http://{gateway}")));
        fallback = "WebSocketOnly";
        given = "Proxy = proxy".to_owned();
        hub = "
using var hub = DeviceClient.Create(
    result.AssignedHub,
    new DeviceAuthenticationWithRegistrySymmetricKey(result.DeviceId, security.GetPrimaryKey()),
    new ITransportSettings[] { new MqttTransportSettings(TransportType.Mqtt_WebSocket_Only) { Proxy = proxy } });
await hub.OpenAsync();
Console.WriteLine((await hub.GetTwinAsync()).ToJson());
";
    }
    let text = format!(
        "\
{using}using Microsoft.Azure.Devices.Provisioning.Client;
using Microsoft.Azure.Devices.Provisioning.Client.Transport;
using Microsoft.Azure.Devices.Shared;

{proxy}using var security = new SecurityProviderSymmetricKey({id}, {key}, null);
using var transport = new ProvisioningTransportHandlerMqtt(TransportFallbackType.{fallback}) {{ {given} }};
var device = ProvisioningDeviceClient.Create({host}, {scope}, security, transport);
DeviceRegistrationResult result = await device.RegisterAsync();
Console.WriteLine($\"{{result.Status}} {{result.AssignedHub}}\");
{hub}",
        id = literal(reach.registration_id),
        key = literal(reach.device_key()),
        host = literal(reach.host),
        scope = literal(reach.id_scope),
    );
    let over_amqp = match reach.gateway {
        Some(_) => "Over AMQP: ProvisioningTransportHandlerAmqp(TransportFallbackType.WebSocketOnly), of Microsoft.Azure.Devices.Provisioning.Transport.Amqp, and AmqpTransportSettings(TransportType.Amqp_WebSocket_Only) for the hub, each with the same Proxy.".to_owned(),
        None => format!(
            "Over AMQP: ProvisioningTransportHandlerAmqp(TransportFallbackType.TcpOnly) {{ Port = {} }}, of Microsoft.Azure.Devices.Provisioning.Transport.Amqp.",
            port(reach.amqp)
        ),
    };
    let install = "\
dotnet add package Microsoft.Azure.Devices.Client
dotnet add package Microsoft.Azure.Devices.Provisioning.Client
dotnet add package Microsoft.Azure.Devices.Provisioning.Transport.Mqtt
";
    Recipe {
        client: Client::DotNet,
        needs: vec![trust, over_amqp],
        steps: vec![Step::new("sh", install), Step::new("csharp", text)],
    }
}
