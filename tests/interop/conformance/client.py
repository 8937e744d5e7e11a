"""The SDK for Python as a program that registers once, over MQTT: with its key, or with `x509` as argument.

It adds nothing to what the SDK does: `provision-sim conformance` is to see that. There is no option for
a port, so the SDK is led there by a proxy, which it has one for, and dials Azure's own name.
"""

import os
import sys

from azure.iot.device import X509, ProvisioningDeviceClient, ProxyOptions

proxy_host, _, proxy_port = os.environ["DPS_GATEWAY"].rpartition(":")
with open(os.environ["DPS_CA_FILE"]) as file:
    ca = file.read()
arguments = {
    "provisioning_host": "global.azure-devices-provisioning.net",
    "registration_id": os.environ["DPS_REGISTRATION_ID"],
    "id_scope": os.environ["DPS_ID_SCOPE"],
    "server_verification_cert": ca,
    "proxy_options": ProxyOptions("SOCKS5", proxy_host, int(proxy_port)),
}
if "x509" in sys.argv:
    certificate = X509(os.environ["DPS_CERT"], os.environ["DPS_CERT_KEY"])
    client = ProvisioningDeviceClient.create_from_x509_certificate(x509=certificate, **arguments)
else:
    key = os.environ["DPS_DEVICE_KEY"]
    client = ProvisioningDeviceClient.create_from_symmetric_key(symmetric_key=key, **arguments)
result = client.register()
print(result)
sys.exit(0 if result.status == "assigned" else 1)
