"""Starts the service, runs every case against it, and counts.

A case is one process, given its name as argument: SDKs keep threads alive after a failed
registration, or take the whole process down with an uncaught exception. It passes if it exits 0;
the last line of its output says what the SDK got. All of its output is shown if it does not pass.

Java's virtual machine takes long to begin, and its SDK does neither, so all Java cases of a file are
one process: see java.py.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import java  # the five are beside this file
import pki
import relay
import tpm
import webhook

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "target" / "interop"
RUN = WORK / "run"  # made anew for each run

# What a device does, on whatever transport.
DEVICE = ["toaster", "heat-pump", "wrong-key", "any-device"]
# The same, where one file has all transports.
TRANSPORTS = ("mqtt", "mqtt-ws", "http", "amqp", "amqp-ws")
ANY_TRANSPORT = [f"{transport}-{case}" for transport in TRANSPORTS for case in DEVICE]
# How a provisioned device signs in to its hub.
HUB = ["mqtt", "mqtt-ws", "x509-mqtt", "x509-mqtt-ws"]
# The same for the SDKs that speak AMQP.
HUB_AMQP = [*HUB, "amqp", "amqp-ws", "x509-amqp", "x509-amqp-ws"]

SUITE = [
    ("python/mqtt.py", DEVICE),
    ("node/mqtt.js", DEVICE),
    ("python/mqtt_ws.py", DEVICE),
    ("node/mqtt_ws.js", DEVICE),
    ("node/http.js", DEVICE),
    ("node/amqp.js", DEVICE),
    ("node/amqp_ws.js", DEVICE),
    ("node/amqp_shared.js", ["throttled", "throttled-ws"]),
    ("python/x509.py", ["group", "individual", "stranger", "group-ws"]),
    ("node/x509.js", ["group", "individual", "stranger", "group-ws", "group-http", "group-amqp", "group-amqp-ws"]),
    (
        "python/service.py",
        ["enrollment", "group", "enrollment-pages", "group-pages", "enrollment-bulk", "group-bulk", "wrong-key"],
    ),
    (
        "node/service.js",
        ["enrollment", "group", "enrollment-pages", "group-pages", "bulk", "wrong-key"],
    ),
    ("conformance/tpm.py", ["https", "amqp"]),
    ("python/hub.py", HUB),
    ("node/hub.js", HUB_AMQP),
    (
        "node/tpm.js",
        ["http", "amqp", "amqp-ws", "http-own-id"]
        + ["http-other-tpm", "amqp-other-tpm", "http-heat-pump", "amqp-heat-pump"],
    ),
    ("python/hub_service.py", ["device", "made", "twin", "wrong-key"]),
    ("node/hub_service.js", ["device", "made", "twin", "wrong-key"]),
    (
        "python/csr.py",
        ["p256", "p384", "rsa2048", "extensions", "other-name", "rsa1024", "p521", "damaged", "pem", "oversized"]
        + ["own-mqtt", "own-https", "own-amqp", "own-request", "expired", "foreign"],
    ),
    ("python/renewal.py", ["own-mqtt", "own-mqtt-ws", "own-lost", "openssl", "two-at-once"]),
    (
        "python/own_tpm.py",
        ["https-swtpm", "https-simulator", "https-file", "amqp-swtpm", "amqp-ws-simulator", "amqp-file"]
        + ["https-other-tpm", "amqp-other-tpm"],
    ),
    ("python/results.py", ["junit", "schema"]),
    ("reach.py", ["python", "node", "java", "curl"]),
    ("java/Device.java", ANY_TRANSPORT),
    (
        "java/X509.java",
        ["group", "individual", "stranger", "group-ws", "group-http", "individual-http", "group-amqp", "group-amqp-ws"],
    ),
    ("java/Service.java", ["enrollment", "group", "enrollment-pages", "group-pages", "bulk", "wrong-key"]),
    ("java/Hub.java", [*HUB_AMQP, "http", "multiplexed"]),
    ("java/HubService.java", ["device", "made", "twin", "wrong-key"]),
]

# What `explain` must make of a failure's output, as a user would give it: SDK, case, and the entry. Each
# SDK loses something else of what the service said.
EXPLAINED = {
    ("python/mqtt.py", "heat-pump"): "failed",
    ("python/mqtt.py", "wrong-key"): "http-401",
    ("python/mqtt_ws.py", "heat-pump"): "failed",
    ("python/mqtt_ws.py", "wrong-key"): "http-401",
    ("node/mqtt.js", "heat-pump"): "400207",
    ("node/mqtt.js", "wrong-key"): "401000",
    ("node/mqtt_ws.js", "heat-pump"): "400207",
    ("node/mqtt_ws.js", "wrong-key"): "401000",
    ("node/http.js", "heat-pump"): "400207",
    ("node/http.js", "wrong-key"): "401002",
    ("node/amqp.js", "heat-pump"): "400207",
    ("node/amqp.js", "wrong-key"): "401002",
    ("node/tpm.js", "http-other-tpm"): "404201",
    ("node/tpm.js", "http-heat-pump"): "400207",
    ("node/tpm.js", "amqp-heat-pump"): "400207",
    ("node/amqp_ws.js", "heat-pump"): "400207",
    ("node/amqp_ws.js", "wrong-key"): "401002",
    # The SDK for Java tells the text of a failed registration without its code.
    ("java/Device.java", "mqtt-heat-pump"): "400207",
    ("java/Device.java", "mqtt-wrong-key"): "401000",
    ("java/Device.java", "mqtt-ws-heat-pump"): "400207",
    ("java/Device.java", "mqtt-ws-wrong-key"): "401000",
    ("java/Device.java", "http-heat-pump"): "400207",
    ("java/Device.java", "http-wrong-key"): "401002",
    ("java/Device.java", "amqp-heat-pump"): "400207",
    # Of a request that is rejected it says no more than that.
    ("java/Device.java", "amqp-wrong-key"): "http-401",
    ("java/Device.java", "amqp-ws-heat-pump"): "400207",
    ("java/Device.java", "amqp-ws-wrong-key"): "http-401",
}

# Where the packages of a case are that does not take those of all others.
INSTALLED = {"node/amqp_shared.js": "node-shared"}

# Each of their cases has a TPM of its own.
WITH_TPM = {"node/tpm.js", "conformance/tpm.py", "python/own_tpm.py"}

READY_SECONDS = 20
CASE_SECONDS = 60  # a case gives up by itself before that, and says where it hung


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    try:
        service, facts = serve()
    except Exception as error:
        print(f"FAIL serve: {error}\n{indented(read(RUN / 'serve.log'))}")
        return finish(0, sum(len(names) for _, names in SUITE))

    passed = failed = 0
    try:
        for file, names in SUITE:
            results = run_java(file, names, facts) if file.endswith(".java") else (run(file, name, facts) for name in names)
            for result in results:
                passed += result
                failed += not result
    finally:
        if not stop(service):
            failed += 1
    return finish(passed, failed)


def finish(passed, failed):
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def serve():
    """Starts the service; returns its process and what the cases need to know of it."""
    command = [binary(), "serve", "--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "-o", "jsonl"]
    command += ["--gateway-port", "0", "--admin-port", "0", "--retry-after", "1s"]
    facts = {"events": str(RUN / "events.jsonl"), "log": str(RUN / "serve.log")}
    world = ROOT / "fixtures" / "contoso" / "world.toml"
    facts |= {"webhook": webhook.start(RUN / "webhook.jsonl"), "webhookRequests": str(RUN / "webhook.jsonl")}
    command += ["--config", pki.prepare(RUN / "pki", world, facts["webhook"])]
    facts |= {"pki": str(RUN / "pki"), "hubGroupKey": pki.HUB_GROUP_KEY, "initialTwin": webhook.INITIAL_TWIN}
    facts |= {"issuedGroupKey": pki.ISSUED_GROUP_KEY, "briefGroupKey": pki.BRIEF_GROUP_KEY}
    with open(facts["events"], "wb") as events, open(facts["log"], "wb") as log:
        # A state folder of its own: the CA and `local.json` of the person at this machine stay as they are.
        environment = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(RUN / "state")}
        service = subprocess.Popen(command, stdout=events, stderr=log, env=environment)
    deadline = time.monotonic() + READY_SECONDS
    try:
        while not (first := read(RUN / "events.jsonl").partition("\n"))[1]:
            if service.poll() is not None:
                raise RuntimeError(f"it ended with {service.returncode} before it was ready")
            if time.monotonic() > deadline:
                raise RuntimeError(f"it was not ready after {READY_SECONDS} s")
            time.sleep(0.05)
        facts |= json.loads(first[0])
        return service, facts | {"azure": relay.start(facts)}
    except BaseException:
        service.kill()
        raise


def run(file, case, facts):
    """Runs one case in a process of its own; whether it passed."""
    if file not in WITH_TPM:
        return run_with(file, case, facts)
    try:
        with tpm.started(RUN / "tpm" / file / case) as ports:
            return run_with(file, case, facts | {"tpm": ports})
    except OSError as error:
        print(f"FAIL {file} {case}: no TPM: {error}", flush=True)
        return False


def run_with(file, case, facts):
    program = [WORK / "venv" / "bin" / "python"] if file.endswith(".py") else ["node"]
    environment = {  # nothing else: no proxy and no trust of this machine's
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "NODE_PATH": str(WORK / INSTALLED.get(file, "node") / "node_modules"),
        "NODE_EXTRA_CA_CERTS": facts["caFile"],
        "PROVISION_SIM": str(binary()),
        "INTEROP": json.dumps(facts),
    }
    started = time.monotonic()
    result, output, _ = ended([*program, HERE / file, case], environment, subprocess.STDOUT, CASE_SECONDS)
    if result is None and (file, case) in EXPLAINED:
        # The case's own last line is no log.
        log = "\n".join(output.strip().splitlines()[:-1])
        result = unexplained(log, EXPLAINED[file, case])
    took = f"{time.monotonic() - started:.1f} s"
    if result is None:
        said = output.strip().splitlines() or [""]
        print(f"ok   {file} {case} ({took}): {said[-1]}", flush=True)
    else:
        print(f"FAIL {file} {case} ({took}): {result}\n{indented(output)}", flush=True)
    return result is None


def run_java(file, names, facts):
    """Runs all cases of a file in one virtual machine; yields for each whether it passed."""
    command = java.command(WORK / "java", RUN, facts)
    environment = {"PATH": os.environ["PATH"], "INTEROP": json.dumps(facts)}
    command += [pathlib.Path(file).stem, *names]
    result, lines, noise = ended(command, environment, subprocess.PIPE, CASE_SECONDS * len(names))
    # The machine itself may print a warning among them.
    passed = []
    told = {line["case"]: line for line in map(json.loads, (l for l in lines.splitlines() if l.startswith("{")))}
    for name in names:
        line = told.get(name)
        if line is None:
            fault = result or "the process did not come to it"
        elif not line["passed"]:
            fault = line["said"]
        else:
            key = EXPLAINED.get((file, name))
            fault = key and unexplained(line.get("error", ""), key)
        passed.append(not fault)
        if fault:
            print(f"FAIL {file} {name}: {fault}")
        else:
            print(f"ok   {file} {name} ({line['seconds']:.1f} s): {line['said']}")
        yield not fault
    if not all(passed):
        print(indented(noise))
    sys.stdout.flush()


def ended(command, environment, stderr, seconds):
    """Runs a process and all that it starts; returns why it is to blame, its output and its errors."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=seconds)
        return f"exit {process.returncode}" if process.returncode else None, output, errors
    except subprocess.TimeoutExpired:
        end(process)
        output, errors = process.communicate()
        return f"did not end within {seconds} s", output, errors
    finally:
        end(process)


def unexplained(log, key):
    """What is wrong with what `explain` makes of a log, if anything."""
    command = [binary(), "explain", "-", "-o", "json"]
    told = subprocess.run(command, input=log, capture_output=True, text=True, timeout=CASE_SECONDS)
    if told.returncode != 0:
        return f"explain ended with {told.returncode}: {told.stderr.strip()}"
    found = [entry["key"] for finding in json.loads(told.stdout) for entry in finding["entries"]]
    # The SDK for Node prints whole sockets behind its error, with all sorts of numbers in them.
    return None if found[:1] == [key] else f"explain found {found}, not {key} first"


def binary():
    return os.environ.get("PROVISION_SIM") or ROOT / "target" / "debug" / "provision-sim"


def end(process):
    """Ends whatever a case has left: it is the leader of a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(service):
    """Stops the service, which must have lived until now and end cleanly."""
    service.terminate()
    try:
        code = service.wait(timeout=10)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
        code = "no answer to SIGTERM"
    if code != 0:
        print(f"FAIL serve: ended with {code}\n{indented(read(RUN / 'serve.log')[-4000:])}")
    return code == 0


def read(path):
    return path.read_text(errors="replace") if path.exists() else ""


def indented(text):
    return "\n".join(f"     {line}" for line in text.strip().splitlines())


if __name__ == "__main__":
    sys.exit(main())
