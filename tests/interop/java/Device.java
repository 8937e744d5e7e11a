import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonPrimitive;
import com.microsoft.azure.sdk.iot.provisioning.device.AdditionalData;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClient;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientRegistrationResult;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientStatus;
import com.microsoft.azure.sdk.iot.provisioning.device.ProvisioningDeviceClientTransportProtocol;
import com.microsoft.azure.sdk.iot.provisioning.device.internal.exceptions.ProvisioningDeviceClientException;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProvider;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProviderSymmetricKey;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;

/** Devices with symmetric keys. A case's name begins with its transport. */
final class Device {
    static final String DPS = "global.azure-devices-provisioning.net";
    static final Map<String, ProvisioningDeviceClientTransportProtocol> TRANSPORTS = Map.of(
        "mqtt", ProvisioningDeviceClientTransportProtocol.MQTT,
        "mqtt-ws", ProvisioningDeviceClientTransportProtocol.MQTT_WS,
        "http", ProvisioningDeviceClientTransportProtocol.HTTPS,
        "amqp", ProvisioningDeviceClientTransportProtocol.AMQPS,
        "amqp-ws", ProvisioningDeviceClientTransportProtocol.AMQPS_WS);

    // The keys of the world that `serve` has without a configuration; they are published.
    private static final String CONTOSO =
        "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";
    private static final String SIMULATED =
        "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

    private Device() {}

    public static void main(String[] names) throws Exception {
        Map<String, Callable<String>> cases = new HashMap<>();
        for (String transport : TRANSPORTS.keySet()) {
            cases.put(transport + "-toaster", () -> toaster(transport));
            cases.put(transport + "-heat-pump", () -> heatPump(transport));
            cases.put(transport + "-wrong-key", () -> wrongKey(transport));
            cases.put(transport + "-any-device", () -> anyDevice(transport));
        }
        Witness.main(names, cases);
    }

    static byte[] derived(String groupKey, String registrationId) throws Exception {
        return SecurityProviderSymmetricKey.ComputeDerivedSymmetricKey(groupKey.getBytes(UTF_8), registrationId);
    }

    static SecurityProvider withKey(String registrationId, byte[] key) {
        return new SecurityProviderSymmetricKey(key, registrationId);
    }

    static ProvisioningDeviceClientRegistrationResult register(String transport, SecurityProvider security, AdditionalData data)
        throws Exception {
        ProvisioningDeviceClient client =
            ProvisioningDeviceClient.create(DPS, Witness.fact("idScope"), TRANSPORTS.get(transport), security);
        try {
            return client.registerDeviceSync(data);
        } finally {
            client.close();
        }
    }

    /** Registers, and must be assigned under its own name. */
    static ProvisioningDeviceClientRegistrationResult assigned(
        String transport, SecurityProvider security, AdditionalData data, String enrollment) throws Exception {
        String name = security.getRegistrationId();
        ProvisioningDeviceClientRegistrationResult result = register(transport, security, data);
        Witness.expect(
            result.getProvisioningDeviceClientStatus(),
            ProvisioningDeviceClientStatus.PROVISIONING_DEVICE_STATUS_ASSIGNED,
            "status");
        Witness.expect(result.getDeviceId(), name, "device ID");
        Witness.expect(Witness.journal(name).get("enrollment").getAsString(), enrollment, "enrollment");
        return result;
    }

    static String said(ProvisioningDeviceClientRegistrationResult result) {
        return result.getDeviceId() + " assigned to " + result.getIothubUri();
    }

    /** An error without the packages, and with the cause of which the SDK says nothing itself. */
    static String text(Throwable error) {
        String said = error.getClass().getSimpleName() + ": " + error.getMessage();
        return error.getCause() == null ? said : said + " from " + error.getCause();
    }

    private static String toaster(String transport) throws Exception {
        String name = "contoso-toaster-007";
        String payload = "{\"MyDeviceFirmwareVersion\":\"12.0.2.5\",\"room\":\"Küche\",\"slots\":[1,2.5,null]}";
        AdditionalData data = new AdditionalData();
        data.setProvisioningPayload(payload);
        var result = assigned(transport, withKey(name, derived(CONTOSO, name)), data, "contoso-custom-allocated-devices");
        Witness.expect(result.getIothubUri(), Witness.HUB, "hub");
        // This SDK takes text and sends a JSON string, whatever stands in the text.
        Witness.expect(Witness.payloadAtWebhook(name), new JsonPrimitive(payload), "payload");
        return said(result);
    }

    private static String heatPump(String transport) throws Exception {
        String name = "contoso-heatpump-088";
        var error = Witness.raised(
            ProvisioningDeviceClientException.class,
            () -> register(transport, withKey(name, derived(CONTOSO, name)), null));
        int code = Witness.journal(name).get("errorCode").getAsInt();
        Witness.expect(code, 400207, "error code in the journal");
        return text(error) + "; the journal has " + code;
    }

    private static String wrongKey(String transport) throws Exception {
        String name = "contoso-toaster-007";
        var error = Witness.raised(
            ProvisioningDeviceClientException.class,
            () -> register(transport, withKey(name, derived(CONTOSO, "contoso-toaster-008")), null));
        var line = Witness.journal(name);
        // Each transport has its own code.
        Witness.expect(line.get("errorCode").getAsInt(), transport.startsWith("mqtt") ? 401000 : 401002, "error code");
        Witness.expect(line.get("failedCheck").getAsString(), "signature", "failed check");
        return text(error) + "; the journal has " + line.get("failedCheck").getAsString();
    }

    private static String anyDevice(String transport) throws Exception {
        String name = "Java:sim_ulated.device-1:" + transport;
        return said(assigned(transport, withKey(name, derived(SIMULATED, name)), null, "simulated-devices"));
    }
}
