"""The unmodified `azure-iot-device`, by production host names and ports, through the gateway."""

import os
import socket
import subprocess
import sys
import threading

import certifi
import pytest
import requests
from azure.iot.device import IoTHubDeviceClient, ProvisioningDeviceClient
from azure.iot.device.exceptions import ClientError
from provision_sim import Allocation, Dps, DpsError, Refuse, find_binary

HUB = "contoso-toasters-hub-1098.azure-devices.net"
WEST, EAST = "hub-west.azure-devices.net", "hub-east.azure-devices.net"


def test_the_toaster_is_accepted(dps):
    client = ProvisioningDeviceClient.create_from_symmetric_key(
        provisioning_host="global.azure-devices-provisioning.net",
        registration_id="contoso-toaster-007",
        id_scope=dps.id_scope,
        symmetric_key=dps.device_key("contoso-toaster-007"),
        server_verification_cert=dps.ca_pem,
        proxy_options=dps.proxy_options(),
    )

    result = client.register()

    assert result.status == "assigned"
    assert result.registration_state.assigned_hub == HUB
    assert dps.registration("contoso-toaster-007").enrollment == "contoso-custom-allocated-devices"


def test_the_heat_pump_is_refused_and_the_journal_says_why(dps):
    with pytest.raises(ClientError):
        dps.provisioning_client("contoso-heatpump-088").register()

    entry = dps.wait_for_registration("contoso-heatpump-088")
    assert (entry.status, entry.error_code) == ("failed", 400207)
    assert entry.webhook_attempts[0].status == 400


@pytest.mark.dps(hubs=[WEST])
@pytest.mark.parametrize("websockets", [False, True], ids=["mqtt", "mqtt-ws"])
def test_a_device_lives_at_its_hub(dps, websockets):
    dps.enroll("pump-1", twin={"tags": {"site": "b1"}, "properties": {"desired": {"interval": 30}}})
    dps.provisioning_client("pump-1", websockets=websockets).register()
    client = dps.hub_client("pump-1", websockets=websockets)
    assert isinstance(client, IoTHubDeviceClient)
    patches, arrived = [], threading.Event()
    client.on_twin_desired_properties_patch_received = lambda patch: (patches.append(patch), arrived.set())
    try:
        assert client.get_twin()["desired"]["interval"] == 30
        client.patch_twin_reported_properties({"fw": "1.0"})
        client.send_message("hello")

        twin = dps.twin("pump-1")
        assert (twin.hub, twin.connected, twin.messages) == (WEST, True, 1)
        assert (twin.tags, twin.reported) == ({"site": "b1"}, {"fw": "1.0"})

        assert dps.set_desired("pump-1", {"interval": 5}).desired == {"interval": 5}
        assert arrived.wait(20)
        assert patches[0]["interval"] == 5
    finally:
        client.shutdown()


def test_a_disabled_device_is_refused_and_an_enabled_one_is_not(dps):
    enrollment = dps.enroll("pump-1", device_id="the-pump")
    enrollment.disable()
    with pytest.raises(ClientError):
        dps.provisioning_client("pump-1").register()
    assert dps.wait_for_registration("pump-1").status == "disabled"

    enrollment.enable()

    assert dps.provisioning_client("pump-1").register().registration_state.device_id == "the-pump"


@pytest.mark.dps(hubs=[WEST, EAST])
def test_a_function_decides(dps):
    seen = []

    @dps.allocation
    def by_site(request):
        seen.append(request)
        site = request["deviceRuntimeContext"].get("payload", {}).get("site")
        if site is None:
            raise Refuse("no site")
        return Allocation(EAST, twin={"tags": {"site": site}}, payload={"welcome": site})

    state = dps.provisioning_client("pump-1", payload={"site": "b1"}).register().registration_state
    with pytest.raises(ClientError):
        dps.provisioning_client("pump-2").register()

    assert (state.assigned_hub, state.response_payload) == (EAST, '{"welcome": "b1"}')
    assert dps.twin("pump-1").tags == {"site": "b1"}
    assert seen[0]["linkedHubs"] == [WEST, EAST]
    assert "no site" in dps.wait_for_registration("pump-2").reason


def test_a_device_with_a_certificate(dps, tmp_path):
    made = [find_binary(), "pki", "--out", str(tmp_path), "--reg-id", "pump-1"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    chain, key = tmp_path / "devices" / "pump-1-chain.pem", tmp_path / "devices" / "pump-1-key.pem"
    dps.enroll("pump-1", certificate=tmp_path / "devices" / "pump-1-cert.pem")
    certificate = (str(chain), str(key))

    assert dps.provisioning_client("pump-1", x509=certificate).register().status == "assigned"

    client = dps.hub_client("pump-1", x509=certificate)
    client.connect()
    assert dps.twin("pump-1").connected
    client.shutdown()


@pytest.mark.dps(hubs=[])
def test_the_sdk_of_asyncio(dps):
    import asyncio

    async def registers():
        return await dps.provisioning_client("pump-1", aio=True).register()

    assert asyncio.run(registers()).status == "assigned"


def test_another_program_finds_the_service_by_its_environment(dps):
    """As `az` does, which is built on `requests`: the proxy and the CA come from the environment."""
    program = f"""
import requests
answer = requests.get("https://{dps.host}/{dps.id_scope}/registrations/nobody")
print(answer.status_code, requests.utils.get_environ_proxies("https://{HUB}/"))
"""
    environment = {"PATH": os.environ.get("PATH", ""), **dps.env}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)

    assert ran.returncode == 0, ran.stderr
    assert dps.gateway in ran.stdout


def production():
    """A device as it goes into production: it knows Azure's names, and nothing of tests."""
    key = os.environ["DEVICE_KEY"]
    state = (
        ProvisioningDeviceClient.create_from_symmetric_key(
            "global.azure-devices-provisioning.net", "pump-1", os.environ["ID_SCOPE"], key
        )
        .register()
        .registration_state
    )
    client = IoTHubDeviceClient.create_from_symmetric_key(key, state.assigned_hub, state.device_id)
    client.patch_twin_reported_properties({"fw": "1.0"})
    client.shutdown()


@pytest.mark.dps(hubs=[WEST])
def test_a_production_device_is_intercepted(dps, monkeypatch):
    monkeypatch.setenv("ID_SCOPE", dps.id_scope)
    monkeypatch.setenv("DEVICE_KEY", dps.device_key("pump-1"))
    before = socket.getaddrinfo
    dps.intercept()

    production()

    assert dps.twin("pump-1").reported == {"fw": "1.0"}
    assert requests.get(f"https://{WEST}/twins/pump-1", verify=certifi.where()).status_code == 401
    assert requests.get(f"https://localhost:{dps.https.split(':')[1]}/enrollments/pump-1").status_code == 401
    assert dps.hub_connection_string().startswith(f"HostName={WEST};SharedAccessKeyName=iothubowner;")
    with pytest.raises(DpsError, match="hub-north.* is no linked hub"):
        dps.hub_connection_string("hub-north.azure-devices.net")
    with socket.create_connection((WEST, 5671)) as amqp:
        assert "{}:{}".format(*amqp.getpeername()) == dps.amqp
    with pytest.raises(socket.gaierror, match="hub-north.* is not served"):
        socket.create_connection(("hub-north.azure-devices.net", 8883))
    with pytest.raises(DpsError, match="another service"), Dps(hubs=[WEST]) as another:
        another.intercept()
    dps.stop()
    assert socket.getaddrinfo is before
