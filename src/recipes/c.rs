//! The Azure IoT C SDK. Its ports are constants, but over an HTTP proxy it dials them by name; over plain
//! MQTT its hub client ignores the proxy, over WebSocket it does not. [azure-iot-sdk-c,
//! `iothubtransportmqtt.c`]

use super::client::{Client, Recipe, Step, fixed_amqp_port, fixed_ports};
use super::literal::literal;
use super::reach::{Reach, host_and_port};
use crate::text::shell_word;

pub(super) fn recipe(reach: &Reach<'_>) -> Recipe {
    let mut needs = vec![format!(
        "Trust, where the SDK uses OpenSSL: SSL_CERT_FILE={} in the program's environment. Elsewhere give the file's text as OPTION_TRUSTED_CERT.",
        shell_word(reach.ca_file())
    )];
    needs.extend(fixed_ports(reach));
    let mut proxy = String::new();
    if let Some(gateway) = reach.gateway {
        needs.push("For the hub set the same option, and take MQTT_WebSocket_Protocol: over MQTT_Protocol this SDK ignores it.".to_owned());
        let (host, port) = host_and_port(gateway);
        proxy = format!(
            "HTTP_PROXY_OPTIONS proxy = {{ .host_address = {}, .port = {port} }};\n\
             Prov_Device_SetOption(device, OPTION_HTTP_PROXY, &proxy);\n",
            literal(host)
        );
    }
    needs.push(over_amqp(reach));
    let text = format!(
        "\
#include \"azure_c_shared_utility/shared_util_options.h\"
#include \"azure_prov_client/prov_device_client.h\"
#include \"azure_prov_client/prov_security_factory.h\"
#include \"azure_prov_client/prov_transport_mqtt_client.h\"

prov_dev_security_init(SECURE_DEVICE_TYPE_SYMMETRIC_KEY);
prov_dev_set_symmetric_key_info({id}, {key});
PROV_DEVICE_HANDLE device = Prov_Device_Create({host}, {scope}, Prov_Device_MQTT_Protocol);
{proxy}Prov_Device_Register_Device(device, on_registered, NULL, NULL, NULL);
",
        id = literal(reach.registration_id),
        key = literal(reach.device_key()),
        host = literal(reach.host),
        scope = literal(reach.id_scope),
    );
    Recipe { client: Client::C, needs, steps: vec![Step::new("c", text)] }
}

/// Over AMQP it asks the proxy for 5671, at DPS; its hub client does not. [azure-iot-sdk-c,
/// `prov_transport_amqp_client.c`, `iothubtransportamqp.c`]
fn over_amqp(reach: &Reach<'_>) -> String {
    let dps = "Over AMQP: Prov_Device_AMQP_Protocol, of prov_transport_amqp_client.h.";
    match reach.gateway {
        Some(_) => format!(
            "{dps} It takes the same proxy; for the hub take AMQP_Protocol_over_WebSocketsTls, since AMQP_Protocol ignores it."
        ),
        None => [Some(dps.to_owned()), fixed_amqp_port(reach)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    }
}
