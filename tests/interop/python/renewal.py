"""The next certificate from the hub: `hub renew`, and by `paho-mqtt` what no SDK of a released version speaks yet.

`openssl` makes the requests of the latter and verifies what is issued; what was issued first and what
takes its place both sign in with `azure-iot-device`.
"""

import base64
import json
import os
import queue
import ssl
import subprocess
import urllib.request

import paho.mqtt.client as mqtt
import witness
from csr import VERIFIED, main, openssl, provisioned, request, root, signs_in
from witness import FACTS, HUB, expect

ANSWERS = "$iothub/credentials/res/"


def first_certificate(folder, name):
    """What the device is issued with its registration: `name.pem`, `name.key`, and the root."""
    provisioned(folder, name, request(folder, name, "p256"))
    root(folder)


def goes_wrong(rule):
    """The next answers to this device are as the rule says."""
    fault = urllib.request.Request(f"http://{FACTS['admin']}/faults", json.dumps({"rule": rule}).encode())
    with urllib.request.urlopen(fault, timeout=10) as answer:
        expect(answer.status, 201, rule)


def serial(folder, file):
    return openssl("x509", "-in", file, "-serial", "-noout", folder=folder)


def own(transport, address, fault=None):
    """The program's own device renews with another key, and keeps what it is issued."""

    def case(folder):
        name = f"renewal-own-{transport}{'-lost' if fault else ''}"
        first_certificate(folder, name)
        if fault:
            goes_wrong(f"{fault} device={name}")
        command = [os.environ["PROVISION_SIM"], "hub", "renew", "--hub", HUB, "--hub-gateway", FACTS[address]]
        command += ["--transport", transport, "--ca-file", FACTS["caFile"], "-o", "json"]
        command += ["--cert", f"{name}.pem", "--cert-key", f"{name}.key", "--new-key", "next.key"]
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=40)
        expect(told.returncode, 0, f"exit code: {told.stdout}{told.stderr}")
        expect(json.loads(told.stdout)["status"], "renewed", "status")
        openssl(*VERIFIED, "-untrusted", "next.crt", "next.crt", folder=folder)
        expect(serial(folder, "next.crt") == serial(folder, f"{name}.pem"), False, "the same certificate")
        (folder / "next.crt").rename(folder / "next.pem")
        for certificate in ("next", name):
            signs_in(name, folder, certificate)
        return f"{name}: openssl verifies the next certificate, and the hub takes it and the first one"

    return case


class Session:
    """A device at its hub, for what is about its certificate alone."""

    def __init__(self, folder, name):
        self.name = name
        self.answers = queue.Queue()
        self.client = mqtt.Client(client_id=name)
        self.client.username_pw_set(f"{HUB}/{name}/?api-version=2025-08-01-preview")
        self.client.tls_set(FACTS["caFile"], str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
        self.client.on_message = lambda _, __, message: self.answers.put(message)
        subscribed = queue.Queue()
        self.client.on_subscribe = lambda *_: subscribed.put(True)
        self.client.on_connect = lambda *_: self.client.subscribe(ANSWERS + "#", 1)
        self.client.connect("localhost", int(FACTS["mqtt"].rpartition(":")[2]))
        self.client.loop_start()
        subscribed.get(timeout=10)

    def ask(self, rid, der, **more):
        body = {"id": self.name, "csr": base64.b64encode(der).decode(), **more}
        self.client.publish(f"$iothub/credentials/POST/issueCertificate/?$rid={rid}", json.dumps(body), 1)

    def told(self, status, rid):
        message = self.answers.get(timeout=20)
        expect(message.topic, f"{ANSWERS}{status}/?$rid={rid}", f"topic of {message.payload}")
        return json.loads(message.payload)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def keep(folder, told):
    """`next.pem`: what was issued, of which openssl verifies the chain."""
    leaf, issuing, _ = (ssl.DER_cert_to_PEM_cert(base64.b64decode(it)) for it in told["certificates"])
    (folder / "next.pem").write_text(leaf + issuing)
    openssl(*VERIFIED, "-untrusted", "next.pem", "next.pem", folder=folder)


def next_request(folder, name, key):
    """A request of the device for another key, which is `next.key`; the first stays as it is."""
    (folder / "next").mkdir()
    der = request(folder / "next", name, key)
    (folder / "next" / f"{name}.key").rename(folder / "next.key")
    return der


def by_openssl(folder):
    name = "renewal-openssl"
    first_certificate(folder, name)
    session = Session(folder, name)
    session.ask("request-1", next_request(folder, name, "rsa2048"))
    session.told(202, "request-1")
    keep(folder, session.told(200, "request-1"))
    session.close()
    signs_in(name, folder, "next")
    return f"{name}: openssl verifies the next certificate, and the hub takes it"


def two_at_once(folder):
    name = "renewal-two"
    first_certificate(folder, name)
    der = next_request(folder, name, "p384")
    goes_wrong(f"issue delay=1h times=1 device={name}")
    session = Session(folder, name)
    session.ask("request-1", der)
    session.told(202, "request-1")
    session.ask("request-2", der)
    busy = session.told(409, "request-2")
    expect((busy["errorCode"], busy["info"]["requestId"]), (409005, "request-1"), "a second one")
    session.ask("request-2", der, replace="request-0")
    expect(session.told(412, "request-2")["errorCode"], 412001, "in place of one that is not there")
    session.ask("request-2", der, replace="request-1")
    session.told(202, "request-2")
    keep(folder, session.told(200, "request-2"))
    session.close()
    signs_in(name, folder, "next")
    return "409005 for the second, 412001 for a stale one, and the next certificate in place of the first"


CASES = {
    "own-mqtt": own("mqtt", "mqtt"),
    "own-mqtt-ws": own("mqtt-ws", "https"),
    "own-lost": own("mqtt", "mqtt", fault="issue close times=1"),
    "openssl": by_openssl,
    "two-at-once": two_at_once,
}

if __name__ == "__main__":
    main(CASES)
