"""The hub's back end through `azure-iot-hub`: identities and twins."""

import os

import witness
from azure.iot.device import ProvisioningDeviceClient
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.protocol.models import Twin, TwinProperties
from device import connection, derived
from msrest.exceptions import HttpOperationError
from witness import FACTS, expect, raised

# The SDK has no option for it; `requests`, below it, looks here.
os.environ["REQUESTS_CA_BUNDLE"] = FACTS["caFile"]


def manager(change=lambda text: text):
    return IoTHubRegistryManager.from_connection_string(change(FACTS["serviceConnectionString"]))


def change_desired(device_id, desired, etag=None):
    return manager().update_twin(device_id, Twin(properties=TwinProperties(desired=desired)), etag)


def registered(name):
    """Lets a device of that name register, so that its hub knows it."""
    ProvisioningDeviceClient.create_from_symmetric_key(
        registration_id=name, symmetric_key=derived(FACTS["hubGroupKey"], name), **connection(websockets=False)
    ).register()
    return name


def device():
    name = registered("hub-python-identity")
    found = manager().get_device(name)
    expect((found.device_id, found.status, found.authentication.type), (name, "enabled", "sas"), "identity")
    error = raised(HttpOperationError, lambda: manager().get_device("nobody"))
    expect(error.response.status_code, 404, "status of a device that is not there")
    manager().delete_device(name)
    error = raised(HttpOperationError, lambda: manager().get_twin(name))
    expect(error.response.status_code, 404, "status of the twin of a deleted device")
    return f"{name} read and deleted"


def twin():
    name = registered("hub-python-twin")
    first = manager().get_twin(name)
    expect(first.tags, FACTS["initialTwin"]["tags"], "tags")
    expect(first.properties.desired["interval"], 30, "first desired property")
    changed = change_desired(name, {"interval": 5}, first.etag)
    expect(changed.properties.desired["interval"], 5, "desired property")
    expect(changed.properties.desired["$version"], 2, "version")
    error = raised(HttpOperationError, lambda: change_desired(name, {"interval": 6}, first.etag))
    expect(error.response.status_code, 412, "status of the stale change")
    expect(manager().get_twin(name).properties.desired["interval"], 5, "desired property after it")
    return f"{name}: twin read, changed, and not changed by a stale ETag"


def wrong_key():
    def change(text):
        parts = [part for part in text.split(";") if part]
        return ";".join(p if not p.startswith("SharedAccessKey=") else "SharedAccessKey=d3Jvbmc=" for p in parts)

    error = raised(HttpOperationError, lambda: manager(change).get_twin("nobody"))
    expect(error.response.status_code, 401, "status")
    return f"{type(error).__name__}: {error.response.status_code}"


if __name__ == "__main__":
    witness.main({"device": device, "twin": twin, "wrong-key": wrong_key})
