"""What the tests of the package share."""

import json
import subprocess

import pytest
from provision_sim import Dps, find_binary

pytest_plugins = ["pytester"]


class Device:
    """A device that needs no SDK and no two seconds: `provision-sim register`."""

    def __init__(self, dps: Dps) -> None:
        self.dps = dps

    def register(self, registration_id, payload=None, key=None, group=None, transport="mqtt", more=(), tpm=None):
        """Registers, and returns what the service told it, or its error."""
        command = [find_binary(), "register", "-o", "json", "--transport", transport]
        command += ["--host", self.dps.mqtt if transport == "mqtt" else self.dps.https]
        command += ["--ca-file", self.dps.ca_file, "--id-scope", self.dps.id_scope, "--reg-id", registration_id]
        if tpm is None:
            command += ["--device-key", key or self.dps.device_key(registration_id, group)]
        else:
            command += ["--tpm-state", tpm]
        command += more
        if payload is not None:
            command += ["--payload", json.dumps(payload)]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={})
        return json.loads(ended.stdout)


@pytest.fixture
def device(dps):
    return Device(dps)


@pytest.fixture
def new_device():
    return Device
