"""Devices with symmetric keys, on any transport of `azure-iot-device`."""

import base64
import hashlib
import hmac

from azure.iot.device import ProvisioningDeviceClient, ProxyOptions
from azure.iot.device.exceptions import ClientError
from witness import DPS, FACTS, HUB, expect, journal, payload_at_webhook, proxy, raised

# The keys of the world that `serve` has without a configuration; they are published.
CONTOSO = "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA=="
SIMULATED = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="


def derived(group_key, registration_id):
    digest = hmac.new(base64.b64decode(group_key), registration_id.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def connection(websockets):
    """The arguments that lead the SDK to the local service, under the real name: over each kind of proxy."""
    with open(FACTS["caFile"]) as ca:
        trusted = ca.read()
    return {
        "provisioning_host": DPS,
        "id_scope": FACTS["idScope"],
        "server_verification_cert": trusted,
        "proxy_options": ProxyOptions("HTTP" if websockets else "SOCKS5", *proxy()),
        "websockets": websockets,
    }


def cases(websockets):
    def client(registration_id, key, payload=None):
        made = ProvisioningDeviceClient.create_from_symmetric_key(
            registration_id=registration_id, symmetric_key=key, **connection(websockets)
        )
        made.provisioning_payload = payload
        return made

    def toaster():
        name = "contoso-toaster-007"
        payload = {"MyDeviceFirmwareVersion": "12.0.2.5", "room": "Küche", "slots": [1, 2.50, None]}
        result = client(name, derived(CONTOSO, name), payload).register()
        expect(result.status, "assigned", "status")
        expect(result.registration_state.assigned_hub, HUB, "hub")
        expect(result.registration_state.device_id, name, "device ID")
        expect(payload_at_webhook(name), payload, "payload")
        expect(journal(name)["enrollment"], "contoso-custom-allocated-devices", "enrollment")
        return f"{result.registration_state.device_id} assigned to {result.registration_state.assigned_hub}"

    def heat_pump():
        name = "contoso-heatpump-088"
        error = raised(ClientError, client(name, derived(CONTOSO, name)).register)
        said = journal(name)
        expect((said["status"], said["errorCode"]), ("failed", 400207), "journal")
        return f"{error!r} from {error.__cause__!r}; the journal has {said['errorCode']}"

    def wrong_key():
        name = "contoso-toaster-007"
        error = raised(ClientError, client(name, derived(CONTOSO, "contoso-toaster-008")).register)
        if "401" not in str(error.__cause__):
            raise AssertionError(f"no 401 in {error.__cause__!r}")
        said = journal(name)
        expect((said["errorCode"], said["failedCheck"]), (401000, "signature"), "journal")
        return f"{error.__cause__!r}; the journal has {said['failedCheck']}"

    def any_device():
        # An ID with everything that this SDK escapes and Node does not.
        name = "Py:sim_ulated.device-1" + (":ws" if websockets else "")
        result = client(name, derived(SIMULATED, name)).register()
        expect(result.status, "assigned", "status")
        expect(result.registration_state.device_id, name, "device ID")
        expect(result.registration_state.response_payload, "null", "payload")
        expect(journal(name)["enrollment"], "simulated-devices", "enrollment")
        return f"{result.registration_state.device_id} assigned to {result.registration_state.assigned_hub}"

    return {
        "toaster": toaster,
        "heat-pump": heat_pump,
        "wrong-key": wrong_key,
        "any-device": any_device,
    }
