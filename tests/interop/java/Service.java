import com.microsoft.azure.sdk.iot.provisioning.service.ProvisioningServiceClient;
import com.microsoft.azure.sdk.iot.provisioning.service.Query;
import com.microsoft.azure.sdk.iot.provisioning.service.configs.AllocationPolicy;
import com.microsoft.azure.sdk.iot.provisioning.service.configs.BulkOperationMode;
import com.microsoft.azure.sdk.iot.provisioning.service.configs.EnrollmentGroup;
import com.microsoft.azure.sdk.iot.provisioning.service.configs.IndividualEnrollment;
import com.microsoft.azure.sdk.iot.provisioning.service.configs.ProvisioningStatus;
import com.microsoft.azure.sdk.iot.provisioning.service.configs.QuerySpecification;
import com.microsoft.azure.sdk.iot.provisioning.service.configs.SymmetricKeyAttestation;
import com.microsoft.azure.sdk.iot.provisioning.service.exceptions.ProvisioningServiceClientNotFoundException;
import com.microsoft.azure.sdk.iot.provisioning.service.exceptions.ProvisioningServiceClientPreconditionFailedException;
import com.microsoft.azure.sdk.iot.provisioning.service.exceptions.ProvisioningServiceClientUnathorizedException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Enrollments through {@code provisioning-service-client}. */
final class Service {
    private Service() {}

    public static void main(String[] names) throws Exception {
        Witness.main(names, Map.of(
            "enrollment", Service::enrollment,
            "group", Service::group,
            "enrollment-pages", Service::enrollmentPages,
            "group-pages", Service::groupPages,
            "bulk", Service::bulk,
            "wrong-key", Service::wrongKey));
    }

    private static ProvisioningServiceClient client() {
        return new ProvisioningServiceClient(connectionString());
    }

    /** The service's, without the port, of which this SDK has no notion: see the README. */
    static String connectionString() {
        return Witness.fact("serviceConnectionString").replaceFirst("HostName=[^;]+", "HostName=" + Device.DPS);
    }

    static String withWrongKey(String connectionString) {
        return connectionString.replaceFirst("SharedAccessKey=[^;]+", "SharedAccessKey=d3Jvbmc=");
    }

    // This SDK wants keys in the record: it does not let the service make them.
    private static SymmetricKeyAttestation keys() {
        return new SymmetricKeyAttestation(Witness.fact("hubGroupKey"), Witness.fact("hubGroupKey"));
    }

    /** Create, read, update by ETag, delete. */
    private static String enrollment() throws Exception {
        String name = "java:device_1.a";
        ProvisioningServiceClient service = client();
        var made = service.createOrUpdateIndividualEnrollment(new IndividualEnrollment(name, keys()));
        Witness.expect(made.getRegistrationId(), name, "registration ID");
        Witness.expect(made.getProvisioningStatus(), ProvisioningStatus.ENABLED, "status");

        var read = service.getIndividualEnrollment(name);
        Witness.expect(read.getEtag(), made.getEtag(), "ETag");

        // The SDK sends the ETag of the object as If-Match.
        read.setAllocationPolicy(AllocationPolicy.STATIC);
        read.setIotHubs(List.of(Witness.HUB));
        var changed = service.createOrUpdateIndividualEnrollment(read);
        Witness.expect(changed.getAllocationPolicy(), AllocationPolicy.STATIC, "allocation policy");

        // The first ETag is now stale, for changes and for deletion.
        var stale = ProvisioningServiceClientPreconditionFailedException.class;
        Witness.raised(stale, () -> service.createOrUpdateIndividualEnrollment(read));
        Witness.raised(stale, () -> {
            service.deleteIndividualEnrollment(name, made.getEtag());
            return null;
        });

        var secret = (SymmetricKeyAttestation) service.getIndividualEnrollmentAttestationMechanism(name).getAttestation();
        Witness.expect(secret.getPrimaryKey(), keys().getPrimaryKey(), "primary key");

        service.deleteIndividualEnrollment(changed);
        Witness.raised(ProvisioningServiceClientNotFoundException.class, () -> service.getIndividualEnrollment(name));
        return name + " created, read, changed and deleted";
    }

    private static String group() throws Exception {
        String name = "java-group";
        ProvisioningServiceClient service = client();
        var made = service.createOrUpdateEnrollmentGroup(new EnrollmentGroup(name, keys()));
        Witness.expect(made.getEnrollmentGroupId(), name, "name");

        var read = service.getEnrollmentGroup(name);
        read.setProvisioningStatus(ProvisioningStatus.DISABLED);
        var changed = service.createOrUpdateEnrollmentGroup(read);
        Witness.expect(changed.getProvisioningStatus(), ProvisioningStatus.DISABLED, "status");

        var stale = ProvisioningServiceClientPreconditionFailedException.class;
        Witness.raised(stale, () -> service.createOrUpdateEnrollmentGroup(read));

        var secret = (SymmetricKeyAttestation) service.getEnrollmentGroupAttestationMechanism(name).getAttestation();
        Witness.expect(secret.getSecondaryKey(), keys().getSecondaryKey(), "secondary key");

        service.deleteEnrollmentGroup(changed);
        Witness.raised(ProvisioningServiceClientNotFoundException.class, () -> service.getEnrollmentGroup(name));
        return name + " created, read, changed and deleted";
    }

    private static List<String> five(String what) {
        List<String> names = new ArrayList<>();
        for (int n = 0; n < 5; n++) {
            names.add("java-" + what + "-" + n);
        }
        return names;
    }

    private static String enrollmentPages() throws Exception {
        ProvisioningServiceClient service = client();
        List<String> names = five("page");
        for (String name : names) {
            service.createOrUpdateIndividualEnrollment(new IndividualEnrollment(name, keys()));
        }
        Query query = service.createIndividualEnrollmentQuery(new QuerySpecification("SELECT * FROM enrollments"), 2);
        String said = paged(query, names, record -> ((IndividualEnrollment) record).getRegistrationId());
        for (String name : names) {
            service.deleteIndividualEnrollment(name);
        }
        return said;
    }

    private static String groupPages() throws Exception {
        ProvisioningServiceClient service = client();
        List<String> names = five("page");
        for (String name : names) {
            service.createOrUpdateEnrollmentGroup(new EnrollmentGroup(name, keys()));
        }
        Query query = service.createEnrollmentGroupQuery(new QuerySpecification("SELECT * FROM enrollmentGroups"), 2);
        String said = paged(query, names, record -> ((EnrollmentGroup) record).getEnrollmentGroupId());
        for (String name : names) {
            service.deleteEnrollmentGroup(name);
        }
        return said;
    }

    private static String paged(Query query, List<String> names, Function<Object, String> id) {
        List<String> found = new ArrayList<>();
        int pages = 0;
        while (query.hasNext()) {
            Object[] items = query.next().getItems();
            if (items.length > 2) {
                throw new AssertionError("a page of " + items.length + ", though 2 were asked for");
            }
            for (Object item : items) {
                if (names.contains(id.apply(item))) {
                    found.add(id.apply(item));
                }
            }
            pages += 1;
        }
        Witness.expect(found.stream().sorted().collect(Collectors.toList()), names, "all of them, once each");
        return found.size() + " found on " + pages + " pages";
    }

    private static String bulk() throws Exception {
        ProvisioningServiceClient service = client();
        List<IndividualEnrollment> list = new ArrayList<>();
        for (String name : five("bulk")) {
            list.add(new IndividualEnrollment(name, keys()));
        }
        Witness.expect(service.runBulkEnrollmentOperation(BulkOperationMode.CREATE, list).getSuccessful(), true, "creation");
        // Creating one again is that one's error and nobody else's.
        var again = service.runBulkEnrollmentOperation(BulkOperationMode.CREATE, list.subList(0, 1));
        Witness.expect(again.getSuccessful(), false, "second creation");
        Witness.expect(again.getErrors().get(0).getRegistrationId(), list.get(0).getRegistrationId(), "whose error");
        Witness.expect(service.runBulkEnrollmentOperation(BulkOperationMode.DELETE, list).getSuccessful(), true, "deletion");
        var gone = ProvisioningServiceClientNotFoundException.class;
        Witness.raised(gone, () -> service.getIndividualEnrollment(list.get(0).getRegistrationId()));
        return list.size() + " created and deleted; again: " + again.getErrors().get(0).getErrorStatus();
    }

    private static String wrongKey() throws Exception {
        var service = new ProvisioningServiceClient(withWrongKey(connectionString()));
        var error = Witness.raised(
            ProvisioningServiceClientUnathorizedException.class, () -> service.getIndividualEnrollment("java-device"));
        return error.getClass().getSimpleName();
    }
}
