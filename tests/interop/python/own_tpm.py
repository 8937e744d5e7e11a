"""The program's own device with a TPM: with swtpm, as it is and as Microsoft's simulator, and with one in a file.

`tpm show` says what it is enrolled with, and `azure-iot-deviceprovisioning` enrolls it as it stands there.
"""

import json
import os
import pathlib
import subprocess
import tempfile

import service
import witness
from witness import FACTS, HUB, expect, journal

ADDRESSES = {"https": "https", "amqp": "amqp", "amqp-ws": "https"}


def provision_sim(folder, *arguments):
    command = [os.environ["PROVISION_SIM"], *arguments, "-o", "json"]
    alone = {"PATH": os.environ["PATH"]}  # the proxy is the SDK's
    return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, timeout=40)


def shown(folder, tpm, *more):
    told = provision_sim(folder, "tpm", "show", *tpm, *more)
    expect(told.returncode, 0, f"exit code of tpm show: {told.stderr}")
    return json.loads(told.stdout)


def enrolled(folder, tpm, name=None):
    """Enrolls the TPM, under the ID that its endorsement key gives it if no other is named; the ID."""
    told = shown(folder, tpm, *(["--reg-id", name] if name else []))
    records = service.client().enrollment
    made = records.create_or_update(told["registrationId"], told["enrollment"])
    expect(made["attestation"]["tpm"]["endorsementKey"], told["endorsementKey"], "what is enrolled")
    return told["registrationId"]


def register(folder, tpm, transport, *more):
    address = FACTS[ADDRESSES[transport]]
    command = ["register", *tpm, "--transport", transport, "--host", f"localhost:{address.rpartition(':')[2]}"]
    command += ["--ca-file", FACTS["caFile"], "--id-scope", FACTS["idScope"]]
    return provision_sim(folder, *command, *more)


def swtpm(form):
    return lambda: ["--tpm", f"127.0.0.1:{FACTS['tpm'][form]}"]


def in_file():
    return ["--tpm-state", "device.tpm"]


def assigned(tpm, transport, name=None):
    def case(folder):
        given = tpm()
        own = enrolled(folder, given, name)
        more = ["--reg-id", name] if name else []
        for times in (1, 2):
            # Another key each time, with which it goes to its hub.
            connect = ["--connect", "--telemetry", "1", "--hub-gateway", FACTS[ADDRESSES[transport]]]
            told = register(folder, given, transport, *more, *connect)
            expect(told.returncode, 0, f"exit code: {told.stdout}{told.stderr}")
            expect((journal(own)["status"], journal(own)["enrollment"]), ("assigned", own), "journal")
            expect(witness.messages(own), times, "messages")
        return f"{own} assigned to {HUB} twice, and signed in there with both keys"

    return case


def other(transport, exit_code, kind):
    """The enrollment is for another TPM."""

    def case(folder):
        name = f"own-other-tpm-{transport}"
        enrolled(folder, ["--tpm-state", "another.tpm"], name)
        told = register(folder, swtpm("raw")(), transport, "--reg-id", name)
        expect(told.returncode, exit_code, f"exit code: {told.stdout}{told.stderr}")
        error = json.loads(told.stdout)["error"]
        expect(error["kind"], kind, "kind of error")
        return error["message"]

    return case


CASES = {
    "https-swtpm": assigned(swtpm("raw"), "https"),
    "https-simulator": assigned(swtpm("simulator"), "https", "own-tpm-simulator"),
    "https-file": assigned(in_file, "https", "own-tpm-file-https"),
    "amqp-swtpm": assigned(swtpm("raw"), "amqp"),
    "amqp-ws-simulator": assigned(swtpm("simulator"), "amqp-ws", "own-tpm-amqp-ws"),
    "amqp-file": assigned(in_file, "amqp", "own-tpm-file-amqp"),
    "https-other-tpm": other("https", 5, "rejected"),
    "amqp-other-tpm": other("amqp", 4, "sasl"),
}


def run(name):
    def case():
        with tempfile.TemporaryDirectory() as folder:
            return CASES[name](pathlib.Path(folder))

    return case


witness.main({name: run(name) for name in CASES})
