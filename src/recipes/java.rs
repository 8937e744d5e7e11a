//! The Azure IoT SDK for Java: its provisioning client has neither port nor proxy, but the virtual
//! machine has a SOCKS proxy for all that is dialled. Names are looked up before the proxy is asked, so
//! they come from a hosts file of the machine's own.

use super::client::{Client, Recipe, Step, fixed_ports};
use super::literal::literal;
use super::reach::{Reach, host_and_port, port};
use super::trust::{JAVA_PASSWORD, JAVA_STORE};
use crate::text::shell_word;

const HOSTS: &str = "java-hosts";

pub(super) fn recipe(reach: &Reach<'_>) -> Recipe {
    let mut needs: Vec<String> = fixed_ports(reach).into_iter().collect();
    let mut shell = format!(
        "keytool -importcert -noprompt -storepass {JAVA_PASSWORD} -file {} -keystore {JAVA_STORE} -alias provision-sim\n",
        shell_word(reach.ca_file())
    );
    let mut options = String::new();
    if let Some(gateway) = reach.gateway {
        needs.push(format!(
            "Java 9 or newer. No other name is known to the program: add what it needs to {HOSTS}."
        ));
        let names = ["localhost", reach.host].into_iter().chain(reach.hubs.iter().copied());
        let names: Vec<_> = names.map(shell_word).collect();
        shell += &format!("printf '127.0.0.1 %s\\n' {} > {HOSTS}\n", names.join(" "));
        let (host, port) = host_and_port(gateway);
        options = format!(
            " -DsocksProxyHost={host} -DsocksProxyPort={port} -Djdk.net.hosts.file={HOSTS}"
        );
    }
    needs.push(over_amqp(reach));
    shell += &format!(
        "java -Djavax.net.ssl.trustStore={JAVA_STORE} -Djavax.net.ssl.trustStorePassword={JAVA_PASSWORD}{options} -jar device.jar\n"
    );
    let text = format!(
        "\
var security = new SecurityProviderSymmetricKey({key}.getBytes(), {id});
var device = ProvisioningDeviceClient.create(
    {host}, {scope}, ProvisioningDeviceClientTransportProtocol.MQTT, security);
var result = device.registerDeviceSync();
System.out.println(result.getIothubUri());
{hub}",
        key = literal(reach.device_key()),
        id = literal(reach.registration_id),
        host = literal(reach.host),
        scope = literal(reach.id_scope),
        hub = if reach.gateway.is_some() { HUB } else { "" },
    );
    Recipe {
        client: Client::Java,
        needs,
        steps: vec![Step::new("java", text), Step::new("sh", shell)],
    }
}

/// Its reactor opens sockets that no SOCKS setting reaches. [azure-iot-sdk-java, `AmqpsConnection.java`]
fn over_amqp(reach: &Reach<'_>) -> String {
    let both = "Over AMQP (AMQPS, AMQPS_WS) this SDK takes neither a port nor the proxy of the machine: it dials 5671 and 443 of the address that the names lead to.";
    match (port(reach.amqp), port(reach.https)) != ("5671", "443") {
        true => format!(
            "{both} The service has {} and {}: start it on those.",
            port(reach.amqp),
            port(reach.https)
        ),
        false => both.to_owned(),
    }
}

/// Its hub's name leads nowhere but through the gateway.
const HUB: &str = "
var hub = new DeviceClient(result.getIothubUri(), result.getDeviceId(), security, IotHubClientProtocol.MQTT);
hub.open(false);
hub.subscribeToDesiredProperties((changed, context) -> System.out.println(changed), null);
System.out.println(hub.getTwin());
hub.close();
";
