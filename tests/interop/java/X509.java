import com.microsoft.azure.sdk.iot.provisioning.device.internal.exceptions.ProvisioningDeviceClientException;
import com.microsoft.azure.sdk.iot.provisioning.security.SecurityProvider;
import com.microsoft.azure.sdk.iot.provisioning.security.hsm.SecurityProviderX509Cert;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Devices with certificates: see pki.py. The end of a case's name is its transport, mqtt if there is none. */
final class X509 {
    private X509() {}

    public static void main(String[] names) throws Exception {
        Witness.main(names, Map.of(
            "group", () -> assigned("x509-in-group", "x509-group", "mqtt"),
            "individual", () -> assigned("x509-individual", "x509-individual", "mqtt"),
            "stranger", X509::stranger,
            "group-ws", () -> assigned("x509-in-group", "x509-group", "mqtt-ws"),
            "group-amqp", () -> assigned("x509-in-group", "x509-group", "amqp"),
            "group-amqp-ws", () -> assigned("x509-in-group", "x509-group", "amqp-ws"),
            "group-http", () -> assigned("x509-in-group", "x509-group", "http"),
            "individual-http", () -> assigned("x509-individual", "x509-individual", "http")));
    }

    /** A device of that name, with the certificate and the chain that pki.py made for it. */
    static SecurityProvider named(String name) throws Exception {
        Path folder = Path.of(Witness.fact("pki"));
        List<X509Certificate> chain;
        try (var pem = Files.newInputStream(folder.resolve(name + ".pem"))) {
            chain = CertificateFactory.getInstance("X.509").generateCertificates(pem).stream()
                .map(X509Certificate.class::cast)
                .collect(Collectors.toList());
        }
        String key = Files.readString(folder.resolve(name + ".key")).replaceAll("-----[^-]+-----|\\s", "");
        PrivateKey secret =
            KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(key)));
        return new SecurityProviderX509Cert(chain.get(0), secret, chain.subList(1, chain.size()));
    }

    private static String assigned(String name, String enrollment, String transport) throws Exception {
        var result = Device.assigned(transport, named(name), null, enrollment);
        Witness.expect(result.getIothubUri(), Witness.HUB, "hub");
        return Device.said(result);
    }

    private static String stranger() throws Exception {
        var error = Witness.raised(
            ProvisioningDeviceClientException.class, () -> Device.register("mqtt", named("x509-stranger"), null));
        var line = Witness.journal("x509-stranger");
        Witness.expect(line.get("status").getAsString(), "refused", "journal");
        return Device.text(error) + "; the journal has " + line.get("failedCheck").getAsString();
    }
}
