import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubStatusCode;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.MultiplexingClient;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.device.twin.Twin;
import com.microsoft.azure.sdk.iot.device.twin.TwinCollection;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProvider;
import com.microsoft.azure.sdk.iot.service.registry.DeviceConnectionState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * From provisioning to the assigned hub with {@code iot-device-client}: twin, desired update, message.
 *
 * <p>The device asks DPS for its hub, then signs in there by the hub's own name. The back end's side of it is
 * played by {@code iot-service-client}.
 */
final class Hub {
    private static final int PATIENCE_MILLISECONDS = 8000;

    private Hub() {}

    public static void main(String[] names) throws Exception {
        Witness.main(names, Map.of(
            "mqtt", () -> withKey("hub-java-mqtt", "mqtt", IotHubClientProtocol.MQTT),
            "http", () -> overHttp("hub-java-http"),
            "mqtt-ws", () -> withKey("hub-java-mqtt-ws", "mqtt-ws", IotHubClientProtocol.MQTT_WS),
            "x509-mqtt", () -> withCertificate("x509-hub-java-mqtt", "mqtt", IotHubClientProtocol.MQTT),
            "x509-mqtt-ws", () -> withCertificate("x509-hub-java-mqtt-ws", "mqtt-ws", IotHubClientProtocol.MQTT_WS),
            "amqp", () -> withKey("hub-java-amqp", "amqp", IotHubClientProtocol.AMQPS),
            "amqp-ws", () -> withKey("hub-java-amqp-ws", "amqp-ws", IotHubClientProtocol.AMQPS_WS),
            "x509-amqp", () -> withCertificate("x509-hub-java-amqp", "amqp", IotHubClientProtocol.AMQPS),
            "x509-amqp-ws", () -> withCertificate("x509-hub-java-amqp-ws", "amqp-ws", IotHubClientProtocol.AMQPS_WS),
            "multiplexed", Hub::multiplexed));
    }

    private static String withKey(String name, String transport, IotHubClientProtocol protocol) throws Exception {
        byte[] key = Device.derived(Witness.fact("hubGroupKey"), name);
        return provisioned(Device.withKey(name, key), transport, protocol, "hub-devices");
    }

    private static String withCertificate(String name, String transport, IotHubClientProtocol protocol) throws Exception {
        return provisioned(X509.named(name), transport, protocol, "x509-group");
    }

    /** What the SDK's samples do: the same security provider goes on to the hub that DPS chose. */
    private static String provisioned(
        SecurityProvider security, String transport, IotHubClientProtocol protocol, String enrollment) throws Exception {
        var result = Device.assigned(transport, security, null, enrollment);
        Witness.expect(result.getIothubUri(), Witness.HUB, "hub");
        DeviceClient client = new DeviceClient(result.getIothubUri(), result.getDeviceId(), security, protocol);
        client.open(false);
        try {
            return livesAtItsHub(client, result.getDeviceId());
        } finally {
            client.close();
        }
    }

    /** Over HTTPS the SDK sends messages, each in a request of its own; twins need MQTT. */
    private static String overHttp(String name) throws Exception {
        SecurityProvider security = Device.withKey(name, Device.derived(Witness.fact("hubGroupKey"), name));
        var result = Device.assigned("http", security, null, "hub-devices");
        var client = new DeviceClient(result.getIothubUri(), result.getDeviceId(), security, IotHubClientProtocol.HTTPS);
        client.open(false);
        try {
            client.sendEvent(new Message("{\"temperature\": 21.5}"));
            Witness.expect(Witness.messages(name), 1, "messages");
            return name + " at its hub: message";
        } finally {
            client.close();
        }
    }

    /**
     * Asks again if there is no answer: the SDK hands it to a thread that acknowledges it and strikes its request off,
     * and looks only then, with another, for who asked. Whoever comes second finds nobody.
     */
    private static <T> T again(Callable<T> call) throws Exception {
        for (int left = 2;; left--) {
            try {
                return call.call();
            } catch (IotHubClientException error) {
                if (left == 0 || error.getStatusCode() != IotHubStatusCode.DEVICE_OPERATION_TIMED_OUT) {
                    throw error;
                }
            }
        }
    }

    /** Many devices over one connection, each with a session, a token and links of its own. */
    private static String multiplexed() throws Exception {
        var names = List.of("hub-java-multiplexed-1", "hub-java-multiplexed-2", "hub-java-multiplexed-3");
        var clients = new ArrayList<DeviceClient>();
        for (String name : names) {
            SecurityProvider security = Device.withKey(name, Device.derived(Witness.fact("hubGroupKey"), name));
            var result = Device.assigned("amqp", security, null, "hub-devices");
            clients.add(
                new DeviceClient(result.getIothubUri(), result.getDeviceId(), security, IotHubClientProtocol.AMQPS));
        }
        var connection = new MultiplexingClient(Witness.HUB, IotHubClientProtocol.AMQPS);
        connection.registerDeviceClients(clients);
        connection.open(false);
        try {
            for (int nth = 0; nth < names.size(); nth++) {
                livesAtItsHub(clients.get(nth), names.get(nth));
            }
            connection.unregisterDeviceClient(clients.get(0));
            clients.get(1).sendEvent(new Message("{\"temperature\": 22}"));
            Witness.expect(Witness.messages(names.get(1)), 2, "messages of one that stayed");
        } finally {
            connection.close();
        }
        return String.join(", ", names) + " at their hub over one connection";
    }

    private static String livesAtItsHub(DeviceClient client, String deviceId) throws Exception {
        BlockingQueue<Twin> patches = new LinkedBlockingQueue<>();
        client.subscribeToDesiredProperties((twin, context) -> patches.add(twin), null);
        Twin first = again(() -> client.getTwin(PATIENCE_MILLISECONDS));
        Witness.expect(HubService.number(first.getDesiredProperties().get("interval")), 30, "first desired property");
        Witness.expect(first.getDesiredProperties().get("name"), "Küche", "its text");
        Witness.expect(first.getDesiredProperties().getVersion(), 1, "version of the desired");
        Witness.expect(first.getReportedProperties().getVersion(), 1, "version of the reported");

        again(() -> {
            TwinCollection reported = client.getTwin(PATIENCE_MILLISECONDS).getReportedProperties();
            int version = reported.getVersion();
            reported.put("firmware", "12.0.2.5");
            reported.put("slots", Map.of("left", 1));
            int after = client.updateReportedProperties(reported, PATIENCE_MILLISECONDS).getVersion();
            Witness.expect(after, version + 1, "version after the report");
            return after;
        });

        var changed = HubService.change(deviceId, null, 5);
        Witness.expect(changed.getReportedProperties().get("firmware"), "12.0.2.5", "reported, as the back end sees it");
        Witness.expect(changed.getTags().get("site"), "interop", "tag");
        Twin patch = patches.poll(20, TimeUnit.SECONDS);
        Witness.expect(HubService.number(patch.getDesiredProperties().get("interval")), 5, "desired update");
        Witness.expect(patch.getDesiredProperties().getVersion(), 2, "its version");

        client.sendEvent(new Message("{\"temperature\": 21.5}"));
        Witness.expect(Witness.messages(deviceId), 1, "messages");
        var identity = HubService.registry().getDevice(deviceId);
        Witness.expect(identity.getConnectionState(), DeviceConnectionState.Connected, "connection");
        return deviceId + " at its hub: first twin, reported, desired update, message";
    }
}
