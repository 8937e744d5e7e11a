import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * What the Java cases share: the service's facts, its journal, and how cases begin and end.
 *
 * <p>A Java process takes a second to begin, so one runs several cases. Each ends as a line of JSON on standard
 * output; whatever else is printed, by the SDKs too, is on standard error.
 */
final class Witness {
    static final JsonObject FACTS = JsonParser.parseString(System.getenv("INTEROP")).getAsJsonObject();
    static final String HUB = "contoso-toasters-hub-1098.azure-devices.net";
    static final int CASE_SECONDS = 45; // less than the SDK's longest wait, 60 s, after which it would hide what it waited for

    private static final PrintStream RESULTS = System.out;

    // The journal and the log go on from case to case; what was there before is not this case's.
    private static long eventsBefore;
    private static long logBefore;
    // What the SDK raised last, as a program would print it: `explain` is given that.
    private static String raised;

    private Witness() {}

    static String fact(String name) {
        return FACTS.get(name).getAsString();
    }

    /** Runs the named cases, and leaves without waiting for the SDK's threads. */
    static void main(String[] names, Map<String, Callable<String>> cases) throws Exception {
        System.setOut(System.err);
        for (String name : names) {
            eventsBefore = Files.size(Path.of(fact("events")));
            logBefore = Files.size(Path.of(fact("log")));
            long started = System.nanoTime();
            raised = null;
            JsonObject line = new JsonObject();
            line.addProperty("case", name);
            try {
                line.addProperty("said", within(name, cases.get(name)));
                line.addProperty("passed", true);
                if (raised != null) {
                    line.addProperty("error", raised);
                }
            } catch (Throwable error) {
                error.printStackTrace();
                line.addProperty("said", error.toString());
                line.addProperty("passed", false);
            }
            line.addProperty("seconds", (System.nanoTime() - started) / 1e9);
            RESULTS.println(line);
            RESULTS.flush();
        }
        System.err.flush();
        Runtime.getRuntime().halt(0);
    }

    private static String within(String name, Callable<String> body) throws Throwable {
        CompletableFuture<String> end = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                end.complete(body.call());
            } catch (Throwable error) {
                end.completeExceptionally(error);
            }
        }, name);
        thread.setDaemon(true);
        thread.start();
        try {
            return end.get(CASE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException hangs) {
            Throwable where = new AssertionError("hangs, given up after " + CASE_SECONDS + " s");
            where.setStackTrace(thread.getStackTrace());
            throw where;
        } catch (ExecutionException failed) {
            throw failed.getCause();
        }
    }

    static void expect(Object actual, Object expected, String what) {
        if (!Objects.equals(actual, expected)) {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual);
        }
    }

    /** The first cause of type {@code kind} of what {@code call} must end with: the SDK wraps its errors. */
    static <E extends Throwable> E raised(Class<E> kind, Callable<?> call) {
        Object result;
        try {
            result = call.call();
        } catch (Throwable error) {
            E found = null;
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                found = kind.isInstance(cause) ? kind.cast(cause) : found;
            }
            if (found != null) {
                StringWriter printed = new StringWriter();
                error.printStackTrace(new PrintWriter(printed));
                raised = printed.toString();
                return found;
            }
            throw new AssertionError("expected " + kind.getSimpleName(), error);
        }
        throw new AssertionError("expected " + kind.getSimpleName() + ", got " + result);
    }

    /** The service's own line about this registration: the SDK loses the codes of failures. */
    static JsonObject journal(String registrationId) throws Exception {
        JsonObject last = null;
        for (String text : fresh("events", eventsBefore, whole -> whole.contains(registrationId))) {
            JsonObject line = JsonParser.parseString(text).getAsJsonObject();
            JsonElement of = line.get("registrationId");
            if (of != null && of.getAsString().equals(registrationId)) {
                last = line;
            }
        }
        return last;
    }

    /** The payload that arrived at the allocation function, which logs what it was sent. */
    static JsonElement payloadAtWebhook(String registrationId) throws Exception {
        for (String line : fresh("log", logBefore, whole -> whole.contains("deviceRuntimeContext"))) {
            if (line.contains("deviceRuntimeContext")) {
                JsonObject request = JsonParser.parseString(line.substring(line.indexOf('{')))
                    .getAsJsonObject().getAsJsonObject("deviceRuntimeContext");
                if (request.get("registrationId").getAsString().equals(registrationId)) {
                    return request.get("payload");
                }
            }
        }
        throw new AssertionError("the allocation function was not asked about " + registrationId);
    }

    /** How many messages of the device its hub has counted. */
    static int messages(String deviceId) throws Exception {
        URI address = URI.create("http://" + fact("admin") + "/twins?deviceId=" + deviceId);
        try (var answer = address.toURL().openConnection(Proxy.NO_PROXY).getInputStream()) {
            JsonArray twins = JsonParser.parseString(new String(answer.readAllBytes(), StandardCharsets.UTF_8)).getAsJsonArray();
            return twins.get(0).getAsJsonObject().get("messages").getAsInt();
        }
    }

    private static List<String> fresh(String name, long before, Predicate<String> wanted) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5); // the answer may be faster than the line about it
        while (true) {
            byte[] bytes = Files.readAllBytes(Path.of(fact(name)));
            String text = new String(bytes, (int) before, bytes.length - (int) before, StandardCharsets.UTF_8);
            String whole = text.substring(0, text.lastIndexOf('\n') + 1);
            if (wanted.test(whole)) {
                return whole.lines().collect(Collectors.toList());
            }
            if (System.nanoTime() > deadline) {
                throw new AssertionError("nothing about it in " + name + ":\n" + text);
            }
            Thread.sleep(20);
        }
    }
}
