"""From provisioning to the assigned hub with `azure-iot-device`: twin, desired update, messages, method.

The device asks DPS for its hub, then signs in there by the hub's own name. The back end's side of it
is played by `azure-iot-hub`.
"""

import os
import queue

import hub_service
import witness
from azure.iot.device import (
    X509,
    IoTHubDeviceClient,
    Message,
    MethodResponse,
    ProvisioningDeviceClient,
    ProxyOptions,
)
from device import connection, derived
from witness import FACTS, HUB, expect


def hub_connection(websockets):
    """The same for the assigned hub, each over the other kind of proxy."""
    with open(FACTS["caFile"]) as ca:
        trusted = ca.read()
    return {
        "server_verification_cert": trusted,
        "proxy_options": ProxyOptions("SOCKS5" if websockets else "HTTP", *witness.proxy()),
        "websockets": websockets,
    }


def with_key(websockets):
    name = "hub-python-mqtt" + ("-ws" if websockets else "")
    key = derived(FACTS["hubGroupKey"], name)
    provisioning = ProvisioningDeviceClient.create_from_symmetric_key(
        registration_id=name, symmetric_key=key, **connection(websockets)
    )
    state = provisioned(provisioning, name)
    return lives_at_its_hub(
        IoTHubDeviceClient.create_from_symmetric_key(
            symmetric_key=key,
            hostname=state.assigned_hub,
            device_id=state.device_id,
            **hub_connection(websockets),
        ),
        state.device_id,
    )


def with_certificate(websockets):
    name = "x509-hub-python-mqtt" + ("-ws" if websockets else "")
    path = os.path.join(FACTS["pki"], name)
    certificate = X509(f"{path}.pem", f"{path}.key")
    provisioning = ProvisioningDeviceClient.create_from_x509_certificate(
        registration_id=name, x509=certificate, **connection(websockets)
    )
    state = provisioned(provisioning, name)
    return lives_at_its_hub(
        IoTHubDeviceClient.create_from_x509_certificate(
            x509=certificate,
            hostname=state.assigned_hub,
            device_id=state.device_id,
            **hub_connection(websockets),
        ),
        state.device_id,
    )


def provisioned(client, name):
    result = client.register()
    expect(result.status, "assigned", "status")
    expect(result.registration_state.assigned_hub, HUB, "hub")
    expect(result.registration_state.device_id, name, "device ID")
    return result.registration_state


def lives_at_its_hub(client, device_id):
    client.connect()
    first = FACTS["initialTwin"]["properties"]["desired"]
    expect(client.get_twin(), {"desired": {**first, "$version": 1}, "reported": {"$version": 1}}, "first twin")

    client.patch_twin_reported_properties({"firmware": "12.0.2.5", "slots": {"left": 1}})
    expect(client.get_twin()["reported"], {"firmware": "12.0.2.5", "slots": {"left": 1}, "$version": 2}, "reported")

    patches = queue.Queue()
    client.on_twin_desired_properties_patch_received = patches.put
    twin = hub_service.change_desired(device_id, {"interval": 5, "name": None})
    expect(patches.get(timeout=20), {"interval": 5, "name": None, "$version": 2}, "desired update")
    expect(twin.properties.desired["interval"], 5, "desired, as the back end sees it")
    expect(twin.properties.reported["firmware"], "12.0.2.5", "reported, as the back end sees it")
    expect(twin.tags, FACTS["initialTwin"]["tags"], "tags")

    client.send_message(Message('{"temperature": 21.5}'))
    expect(witness.messages(device_id), 1, "messages")
    expect(hub_service.manager().get_device(device_id).connection_state, "Connected", "connection")

    def answer(request):
        payload = {"name": request.name, "payload": request.payload}
        client.send_method_response(MethodResponse.create_from_method_request(request, 207, payload))

    client.on_method_request_received = answer
    answered = hub_service.call(device_id, "reboot", {"delay": 1.5})
    expect((answered.status, answered.payload["name"]), (207, "reboot"), "method")
    expect(answered.payload["payload"], {"delay": 1.5}, "its payload")

    messages = queue.Queue()
    client.on_message_received = messages.put
    hub_service.send(device_id, b"hello", {"iothub-messageid": "m 1", "iothub-app-colour": "blue"})
    message = messages.get(timeout=20)
    expect((message.data, message.message_id), (b"hello", "m 1"), "message to the device")
    expect(message.custom_properties, {"colour": "blue"}, "its properties")
    client.shutdown()
    return f"{device_id} at its hub: first twin, reported, desired update, messages, method"


if __name__ == "__main__":
    witness.main(
        {
            "mqtt": lambda: with_key(websockets=False),
            "mqtt-ws": lambda: with_key(websockets=True),
            "x509-mqtt": lambda: with_certificate(websockets=False),
            "x509-mqtt-ws": lambda: with_certificate(websockets=True),
        }
    )
