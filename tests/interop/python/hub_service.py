"""The hub's back end through `azure-iot-hub`: identities, twins, methods."""

import witness
from azure.iot.device import ProvisioningDeviceClient
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.protocol.models import CloudToDeviceMethod, QuerySpecification, Twin, TwinProperties
from device import connection, derived
from msrest.exceptions import HttpOperationError
from witness import FACTS, HUB, expect, raised

# The SDK has no option for either; `requests`, below it, looks here.
witness.by_environment()


def manager(change=lambda text: text):
    return IoTHubRegistryManager.from_connection_string(change(witness.connection_string(HUB)))


def change_desired(device_id, desired, etag=None):
    return manager().update_twin(device_id, Twin(properties=TwinProperties(desired=desired)), etag)


def call(device_id, name, payload):
    method = CloudToDeviceMethod(
        method_name=name, payload=payload, response_timeout_in_seconds=30, connect_timeout_in_seconds=10
    )
    return manager().invoke_device_method(device_id, method)


def send(device_id, body, headers):
    """The SDK sends messages to devices over AMQP, so this is by hand, with the SDK's own token."""
    protocol = manager().protocol
    url = f"{protocol._client.config.base_url}/devices/{device_id}/messages/devicebound"
    session = protocol.config.credentials.signed_session()
    answer = session.post(url, params={"api-version": "2021-04-12"}, data=body, headers=headers)
    expect(answer.status_code, 204, "status of a message to a device")


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


def made():
    name, first, second = "hub-python-made", "MDAwMDAwMDAwMDAwMDAwMA==", "MTExMTExMTExMTExMTExMQ=="
    made = manager().create_device_with_sas(name, first, second, "enabled", iot_edge=True)
    expect(made.authentication.symmetric_key.primary_key, first, "primary key")
    expect(made.capabilities.iot_edge, True, "iotEdge")
    changed = manager().update_device_with_sas(name, made.etag, second, first, "disabled")
    expect((changed.status, changed.authentication.symmetric_key.primary_key), ("disabled", second), "changed")
    thumbprint = "0123456789ABCDEF0123456789ABCDEF01234567"
    by_certificate = manager().create_device_with_x509(f"{name}-x509", thumbprint, thumbprint, "enabled")
    expect(by_certificate.authentication.x509_thumbprint.primary_thumbprint, thumbprint, "thumbprint")
    statistics = manager().get_device_registry_statistics()
    expect(statistics.disabled_device_count, 1, "disabled devices")
    manager().get_service_statistics()
    expect(manager().get_modules(name), [], "modules")
    query = f"SELECT * FROM devices WHERE STARTSWITH(deviceId, '{name}')"
    error = raised(HttpOperationError, lambda: manager().query_iot_hub(QuerySpecification(query=query)))
    expect(error.response.status_code, 400, "status of a query that is not understood")
    query = f"SELECT * FROM devices WHERE deviceId IN ['{name}', '{name}-x509'] AND status = 'disabled'"
    found = manager().query_iot_hub(QuerySpecification(query=query)).items
    expect([item.device_id for item in found], [name], "query")
    error = raised(HttpOperationError, lambda: call(name, "reboot", None))
    expect(error.response.headers["iothub-errorcode"], "DeviceNotOnline", "a method of a device that is away")
    for device_id in [name, f"{name}-x509"]:
        manager().delete_device(device_id)
    return f"{name} made, changed, counted, found and deleted"


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
    witness.main({"device": device, "made": made, "twin": twin, "wrong-key": wrong_key})
