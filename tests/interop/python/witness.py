"""What the Python cases share: the service's facts, its journal, and how a case begins and ends."""

import json
import os
import sys
import threading
import time
import traceback
import urllib.request

FACTS = json.loads(os.environ["INTEROP"])
HUB = "contoso-toasters-hub-1098.azure-devices.net"
DPS = "global.azure-devices-provisioning.net"
CASE_SECONDS = 45  # more than the SDK's own longest wait for an answer, 30 s

# The journal and the log go on from case to case; what was there before is not this case's.
_before = {name: os.path.getsize(FACTS[name]) for name in ("events", "log")}


def main(cases):
    """Runs the case that the command line names, and leaves without waiting for the SDK's threads."""
    watch = threading.Timer(CASE_SECONDS, give_up)
    watch.daemon = True
    watch.start()
    try:
        print(cases[sys.argv[1]]())
    except BaseException:
        traceback.print_exc()
        leave(1)
    leave(0)


def give_up():
    print(f"hangs, given up after {CASE_SECONDS} s; the case is in", file=sys.stderr)
    traceback.print_stack(sys._current_frames()[threading.main_thread().ident])
    leave(1)


def leave(code):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def proxy():
    """The service's gateway, which leads the names of Azure to it: host and port."""
    host, _, port = FACTS["gateway"].rpartition(":")
    return host, int(port)


def by_environment():
    """Leads all that `requests` dials through the gateway, as an operator would, and gives it the CA."""
    os.environ["HTTPS_PROXY"] = f"http://{FACTS['gateway']}"
    os.environ["REQUESTS_CA_BUNDLE"] = FACTS["caFile"]


def connection_string(host):
    """That of the service, or of a hub, under the name that it has on Azure."""
    parts = [part for part in FACTS["serviceConnectionString"].split(";") if part]
    return ";".join(f"HostName={host}" if part.startswith("HostName=") else part for part in parts)


def expect(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def raised(kind, call):
    """The error of type `kind` that `call` must end with."""
    try:
        result = call()
    except kind as error:
        # As a program that does not catch it prints it: `explain` is given this.
        traceback.print_exception(error)
        return error
    raise AssertionError(f"expected {kind.__name__}, got {result!r}")


def journal(registration_id):
    """The service's own line about this registration: the SDK loses the codes of failures."""
    lines = [json.loads(line) for line in _new("events", lambda text: registration_id in text)]
    return [line for line in lines if line.get("registrationId") == registration_id][-1]


def payload_at_webhook(registration_id):
    """The payload that arrived at the allocation function, which logs what it was sent."""
    for line in _new("log", lambda text: "deviceRuntimeContext" in text):
        if "deviceRuntimeContext" in line:
            request = json.loads(line[line.index("{") :])["deviceRuntimeContext"]
            if request["registrationId"] == registration_id:
                return request["payload"]
    raise AssertionError(f"the allocation function was not asked about {registration_id}")


def logged(*words):
    """Waits for a line of the service's log with all these words."""
    _new("log", lambda text: any(all(word in line for word in words) for line in text.splitlines()))


def messages(device_id):
    """How many messages of the device its hub has counted."""
    with urllib.request.urlopen(f"http://{FACTS['admin']}/twins?deviceId={device_id}", timeout=10) as answer:
        return json.load(answer)[0]["messages"]


def _new(name, wanted):
    deadline = time.monotonic() + 5  # the answer may be faster than the line about it
    while True:
        with open(FACTS[name], "rb") as file:
            file.seek(_before[name])
            text = file.read().decode()
        whole = text[: text.rfind("\n") + 1]
        if wanted(whole):
            return whole.splitlines()
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing about it in {os.path.basename(FACTS[name])}:\n{text}")
        time.sleep(0.02)
