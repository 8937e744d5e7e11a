"""Devices with certificates: see pki.py. A name that ends in `-ws` is the same over WebSocket."""

import os

import device
import witness
from azure.iot.device import X509, ProvisioningDeviceClient
from azure.iot.device.exceptions import ClientError
from witness import FACTS, HUB, expect, journal, raised


def client(name, websockets):
    path = os.path.join(FACTS["pki"], name)
    return ProvisioningDeviceClient.create_from_x509_certificate(
        registration_id=name, x509=X509(f"{path}.pem", f"{path}.key"), **device.connection(websockets)
    )


def assigned(name, enrollment, websockets=False):
    result = client(name, websockets).register()
    expect(result.status, "assigned", "status")
    expect(result.registration_state.assigned_hub, HUB, "hub")
    expect(result.registration_state.device_id, name, "device ID")
    expect(journal(name)["enrollment"], enrollment, "enrollment")
    return f"{result.registration_state.device_id} assigned to {result.registration_state.assigned_hub}"


def stranger():
    error = raised(ClientError, client("x509-stranger", websockets=False).register)
    if "401" not in str(error.__cause__):
        raise AssertionError(f"no 401 in {error.__cause__!r}")
    said = journal("x509-stranger")
    expect(said["status"], "refused", "journal")
    return f"{error.__cause__!r}; the journal has {said['failedCheck']}"


witness.main(
    {
        "group": lambda: assigned("x509-in-group", "x509-group"),
        "individual": lambda: assigned("x509-individual", "x509-individual"),
        "stranger": stranger,
        "group-ws": lambda: assigned("x509-in-group", "x509-group", websockets=True),
    }
)
