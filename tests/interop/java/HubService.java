import com.microsoft.azure.sdk.iot.service.auth.AuthenticationType;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubConflictException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubPreconditionFailedException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubUnauthorizedException;
import com.microsoft.azure.sdk.iot.service.registry.DeviceStatus;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import java.util.Map;

/** The hub's back end through {@code iot-service-client}: identities and twins. */
final class HubService {
    private HubService() {}

    public static void main(String[] names) throws Exception {
        Witness.main(names, Map.of(
            "device", HubService::device,
            "made", HubService::made,
            "twin", HubService::twin,
            "wrong-key", HubService::wrongKey));
    }

    /** The policy of the service, at the hub's own name: see the README. */
    static String connectionString() {
        return Witness.fact("serviceConnectionString").replaceFirst("HostName=[^;]+", "HostName=" + Witness.HUB);
    }

    static RegistryClient registry() {
        return new RegistryClient(connectionString());
    }

    static TwinClient twins() {
        return new TwinClient(connectionString());
    }

    /** Lets a device of that name register, so that its hub knows it. */
    private static String registered(String name) throws Exception {
        Device.register("http", Device.withKey(name, Device.derived(Witness.fact("hubGroupKey"), name)), null);
        return name;
    }

    private static String device() throws Exception {
        String name = registered("hub-java-identity");
        var found = registry().getDevice(name);
        Witness.expect(found.getDeviceId(), name, "device ID");
        Witness.expect(found.getStatus(), DeviceStatus.Enabled, "status");
        Witness.expect(found.getAuthenticationType(), AuthenticationType.SAS, "kind of credential");
        Witness.raised(IotHubNotFoundException.class, () -> registry().getDevice("nobody"));
        registry().removeDevice(name);
        Witness.raised(IotHubNotFoundException.class, () -> twins().get(name));
        return name + " read and deleted";
    }

    /** The cases of devices have a class of that name, too. */
    private static com.microsoft.azure.sdk.iot.service.registry.Device identity(String name) {
        return new com.microsoft.azure.sdk.iot.service.registry.Device(name);
    }

    private static String made() throws Exception {
        String name = "hub-java-made";
        var made = registry().addDevice(identity(name));
        Witness.expect(made.getStatus(), DeviceStatus.Enabled, "status");
        Witness.expect(made.getAuthenticationType(), AuthenticationType.SAS, "kind of credential");
        Witness.raised(IotHubConflictException.class, () -> registry().addDevice(identity(name)));
        made.setStatus(DeviceStatus.Disabled);
        Witness.expect(registry().updateDevice(made).getStatus(), DeviceStatus.Disabled, "status after it");
        registry().removeDevice(name);
        Witness.raised(IotHubNotFoundException.class, () -> registry().getDevice(name));
        return name + " made, not made again, changed and deleted";
    }

    private static String twin() throws Exception {
        String name = registered("hub-java-twin");
        Twin first = twins().get(name);
        Witness.expect(first.getTags().get("site"), "interop", "tag");
        Witness.expect(number(first.getDesiredProperties().get("interval")), 30, "first desired property");
        Twin changed = change(name, first.getETag(), 5);
        Witness.expect(number(changed.getDesiredProperties().get("interval")), 5, "desired property");
        Witness.expect(changed.getDesiredProperties().getVersion(), 2, "version");
        Witness.raised(IotHubPreconditionFailedException.class, () -> change(name, first.getETag(), 6));
        Witness.expect(number(twins().get(name).getDesiredProperties().get("interval")), 5, "desired property after it");
        return name + ": twin read, changed, and not changed by a stale ETag";
    }

    /** Changes the twin, if it has this ETag; whatever it has, if there is none. */
    static Twin change(String deviceId, String etag, int interval) throws Exception {
        Twin patch = new Twin(deviceId);
        patch.getDesiredProperties().put("interval", interval);
        return twins().patch(patch, etag);
    }

    /** This SDK reads every number as a double. */
    static int number(Object value) {
        return ((Number) value).intValue();
    }

    private static String wrongKey() throws Exception {
        TwinClient twins = new TwinClient(Service.withWrongKey(connectionString()));
        var error = Witness.raised(IotHubUnauthorizedException.class, () -> twins.get("nobody"));
        return error.getClass().getSimpleName();
    }
}
