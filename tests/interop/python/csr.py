"""Certificates on request: what `openssl` asks for and verifies, and what it is good for at the hub.

No SDK of a released version asks for one with its registration, so that is HTTPS without any; the hub is
signed in to with `azure-iot-device`.
"""

import base64
import functools
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import witness
from azure.iot.device import X509, IoTHubDeviceClient, Message
from azure.iot.device.exceptions import ClientError
from device import derived
from hub import hub_connection
from witness import FACTS, HUB, expect, journal

API_VERSION = "2026-11-01"
VERIFIED = ["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "root.pem"]
KEYS = {
    "p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa2048": ["-newkey", "rsa:2048"],
    "rsa1024": ["-newkey", "rsa:1024"],
}


def openssl(*arguments, folder=None, data=None):
    told = subprocess.run(["openssl", *arguments], cwd=folder, input=data, capture_output=True, timeout=30)
    if told.returncode:
        raise AssertionError(f"openssl {' '.join(arguments)}: {told.stderr.decode()}")
    return told.stdout


def request(folder, name, key, *more):
    """A request in DER; its key is in `name.key`."""
    command = ["req", "-new", "-nodes", *KEYS[key], "-subj", f"/CN={name}", "-keyout", f"{name}.key"]
    return openssl(*command, "-outform", "DER", *more, folder=folder)


def ask(name, csr, key):
    """Registers over HTTPS; the status and body of the last answer."""
    scope = FACTS["idScope"]
    resource = urllib.parse.quote(f"{scope}/registrations/{name}", safe="")
    expiry = int(time.time()) + 600
    signed = hmac.new(base64.b64decode(derived(key, name)), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(signed), safe="")
    headers = {
        "Authorization": f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn=registration",
        "Content-Type": "application/json; charset=utf-8",
    }
    link = http.client.HTTPSConnection(FACTS["https"], context=ssl.create_default_context(cafile=FACTS["caFile"]))

    def call(method, what, body=None):
        path = f"/{scope}/registrations/{name}/{what}?api-version={API_VERSION}"
        link.request(method, path, body and json.dumps(body), headers)
        answer = link.getresponse()
        wait = answer.headers.get("retry-after")
        return answer.status, json.loads(answer.read()), int(wait or 1)

    status, told, wait = call("PUT", "register", {"registrationId": name, "csr": csr})
    while told.get("status") == "assigning":
        time.sleep(wait)
        status, told, wait = call("GET", f"operations/{told['operationId']}")
    return status, told


def provisioned(folder, name, csr, key=FACTS["issuedGroupKey"]):
    """The chain that a device is given, as PEM files: `name.pem` is it, and what is above it but the root."""
    status, told = ask(name, base64.b64encode(csr).decode(), key)
    expect((status, told.get("status")), (200, "assigned"), f"registration: {told}")
    state = told["registrationState"]
    expect(state["assignedHub"], HUB, "hub")
    leaf, issuing, root = (ssl.DER_cert_to_PEM_cert(base64.b64decode(it)) for it in state["issuedCertificateChain"])
    for file, text in {"leaf": leaf, "issuing": issuing, "root": root, name: leaf + issuing}.items():
        (folder / f"{file}.pem").write_text(text)


def hub_client(name, folder, certificate):
    """A client of the hub for this device with this certificate and its key; it does not try again."""
    return IoTHubDeviceClient.create_from_x509_certificate(
        x509=X509(str(folder / f"{certificate}.pem"), str(folder / f"{certificate}.key")),
        hostname=HUB,
        device_id=name,
        connection_retry=False,
        **hub_connection(websockets=False),
    )


def signs_in(name, folder, certificate):
    client = hub_client(name, folder, certificate)
    client.connect()
    client.send_message(Message('{"temperature": 21.5}'))
    client.shutdown()


def is_refused(name, folder, certificate, why):
    """The SDK knows no more than that it is; the log says why."""
    client = hub_client(name, folder, certificate)
    error = witness.raised(ClientError, client.connect)
    client.shutdown()
    witness.logged(f"/{name}/", why)
    return f"{error!r} from {error.__cause__!r}; the log has: {why}"


def granted(folder, key, *more):
    name = f"csr-{key}{'-extensions' if more else ''}"
    csr = request(folder, name, key, *more)
    provisioned(folder, name, csr)
    openssl(*VERIFIED, "-untrusted", "issuing.pem", "leaf.pem", folder=folder)
    asked = openssl("req", "-inform", "DER", "-pubkey", "-noout", data=csr)
    issued = openssl("x509", "-in", "leaf.pem", "-pubkey", "-noout", folder=folder)
    expect(issued, asked, "public key")
    subject = openssl("x509", "-in", "leaf.pem", "-subject", "-nameopt", "RFC2253", "-noout", folder=folder)
    expect(subject.decode().strip(), f"subject=CN={name}", "name")
    text = openssl("x509", "-in", "leaf.pem", "-text", "-noout", folder=folder).decode()
    for unwanted in ("CA:TRUE", "another-device", "1.2.3.4.5"):
        if unwanted in text:
            raise AssertionError(f"{unwanted} in what was issued: {text}")
    signs_in(name, folder, name)
    expect(witness.messages(name), 1, "messages")
    return f"{name}: openssl verifies its chain, and its hub takes it"


def refused(told, make):
    """What `make` gives in place of a request in Base64 is a 400 with these words."""

    def case(folder):
        name = "csr-refused"
        status, body = ask(name, make(folder, name), FACTS["issuedGroupKey"])
        expect((status, body.get("errorCode")), (400, 400004), "answer")
        if told not in body["message"]:
            raise AssertionError(f"nothing of {told!r} in {body['message']!r}")
        expect(journal(name)["failedCheck"], "certificateRequest", "journal")
        return body["message"]

    return case


def encoded(make):
    return lambda folder, name: base64.b64encode(make(folder, name)).decode()


def damaged(folder, name):
    csr = bytearray(request(folder, name, "p256"))
    csr[-1] ^= 1  # the signature is last
    return bytes(csr)


def oversized(folder, name):
    return request(folder, name, "p256", "-addext", "nsComment=" + "x" * 7000)


def expired(folder):
    name = "csr-brief"
    provisioned(folder, name, request(folder, name, "p256"), FACTS["briefGroupKey"])
    signs_in(name, folder, name)
    end = openssl("x509", "-in", "leaf.pem", "-enddate", "-noout", folder=folder).decode().strip()
    remaining = ssl.cert_time_to_seconds(end.removeprefix("notAfter=")) - time.time()
    expect(0 < remaining < 6, True, f"it is valid for {remaining} s more, which")
    time.sleep(remaining)
    return is_refused(name, folder, name, "its certificate expired")


def foreign(folder):
    name, other = "csr-foreign", "csr-other"
    for one in (name, other):
        provisioned(folder, one, request(folder, one, "p256"))
        signs_in(one, folder, one)
    # What another device was issued, and what somebody of the same names has made.
    is_refused(name, folder, other, "its certificate was issued to")
    issuer = openssl("x509", "-in", "issuing.pem", "-subject", "-nameopt", "RFC2253", "-noout", folder=folder)
    subject = "/" + issuer.decode().strip().removeprefix("subject=").replace(",", "/")
    make = ["req", "-x509", "-nodes", *KEYS["p256"], "-days", "2"]
    openssl(*make, "-subj", subject, "-keyout", "ca.key", "-out", "ca.pem", folder=folder)
    by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=CA:FALSE"]
    openssl(*make, *by, "-subj", f"/CN={name}", "-keyout", "forged.key", "-out", "forged.pem", folder=folder)
    with open(folder / "forged.pem", "a") as chain:
        chain.write((folder / "ca.pem").read_text())
    return is_refused(name, folder, "forged", "not by the authority interop/line-1")


def root(folder):
    """The root of the authority, from the management listener: `root.pem`."""
    with urllib.request.urlopen(f"http://{FACTS['admin']}/certificate-authorities", timeout=10) as answer:
        ours = [it for it in json.load(answer) if it["name"] == "line-1"]
    (folder / "root.pem").write_text(ours[0]["certificates"][-1]["pem"])


def own(transport, address, asks):
    """The program's own device asks, keeps what it is issued, and goes to its hub with it."""

    def case(folder):
        name = f"csr-own-{transport}-{asks}"
        command = [os.environ["PROVISION_SIM"], "register", "--host", f"localhost:{FACTS[address].rpartition(':')[2]}"]
        command += ["--transport", transport, "--ca-file", FACTS["caFile"], "--id-scope", FACTS["idScope"]]
        command += ["--reg-id", name, "--device-key", derived(FACTS["issuedGroupKey"], name)]
        command += ["--issued-cert", f"{name}.pem"]
        if asks == "key":
            command += ["--new-key", f"{name}.key", "--connect", "--hub-gateway", FACTS[address], "--telemetry", "1"]
        else:
            (folder / "request").write_bytes(request(folder, name, "rsa2048"))
            command += ["--csr", "request"]
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=40)
        expect(told.returncode, 0, f"exit code: {told.stdout}{told.stderr}")
        root(folder)
        openssl(*VERIFIED, "-untrusted", f"{name}.pem", f"{name}.pem", folder=folder)
        expect((folder / f"{name}.key").stat().st_mode & 0o777, 0o600, "rights of the key")
        heard = 1 if asks == "key" else 0
        expect(witness.messages(name), heard, "its own messages")
        # Files as others take them.
        signs_in(name, folder, name)
        expect(witness.messages(name), heard + 1, "messages")
        return f"{name}: openssl verifies what it keeps, and its hub takes it"

    return case


EXTENSIONS = ["basicConstraints=critical,CA:TRUE", "1.2.3.4.5=ASN1:UTF8String:own", "subjectAltName=DNS:another-device"]
CASES = {
    "p256": lambda folder: granted(folder, "p256"),
    "p384": lambda folder: granted(folder, "p384"),
    "rsa2048": lambda folder: granted(folder, "rsa2048"),
    "extensions": lambda folder: granted(folder, "p256", *(part for it in EXTENSIONS for part in ("-addext", it))),
    "other-name": refused("csr-another", encoded(lambda folder, _: request(folder, "csr-another", "p256"))),
    "rsa1024": refused("RSA with 1024 bits", encoded(lambda folder, name: request(folder, name, "rsa1024"))),
    "p521": refused("EC P-521", encoded(lambda folder, name: request(folder, name, "p521"))),
    "damaged": refused("signature", encoded(damaged)),
    "pem": refused("is PEM", lambda folder, name: request(folder, name, "p256", "-outform", "PEM").decode()),
    "oversized": refused("characters", encoded(oversized)),
    "own-mqtt": own("mqtt", "mqtt", "key"),
    "own-https": own("https", "https", "key"),
    "own-amqp": own("amqp", "amqp", "key"),
    "own-request": own("mqtt", "mqtt", "request"),
    "expired": expired,
    "foreign": foreign,
}


def main(cases):
    """Each case has a folder for its files."""

    def run(case):
        with tempfile.TemporaryDirectory() as folder:
            return case(pathlib.Path(folder))

    witness.main({name: functools.partial(run, case) for name, case in cases.items()})


if __name__ == "__main__":
    main(CASES)
