"""The clients of Microsoft's SDK `azure-iot-device`, told how to reach the service.

They are the SDK's own, unmodified, with production host names and ports; its proxy option leads them
through the service's gateway. The SDK is imported when a client is asked for, and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Tuple, Union

from ._errors import DpsError

if TYPE_CHECKING:
    from azure.iot.device import X509, ProxyOptions

Certificate = Union["X509", Tuple[str, str]]
"""A certificate as the SDK has it, or the paths of its PEM file and of its key."""


def proxy_options(gateway: str) -> ProxyOptions:
    host, _, port = gateway.rpartition(":")
    options: ProxyOptions = _sdk().ProxyOptions(proxy_type="SOCKS5", proxy_addr=host, proxy_port=int(port))
    return options


def x509(certificate: Certificate) -> Any:
    if isinstance(certificate, tuple):
        return _sdk().X509(cert_file=certificate[0], key_file=certificate[1])
    return certificate


def provisioning_client(aio: bool) -> Any:
    return _sdk(aio).ProvisioningDeviceClient


def hub_client(aio: bool) -> Any:
    return _sdk(aio).IoTHubDeviceClient


def _sdk(aio: bool = False) -> Any:
    try:
        import azure.iot.device
        import azure.iot.device.aio
    except ImportError as error:
        raise DpsError(f"the SDK is not installed (pip install azure-iot-device): {error}") from error
    return azure.iot.device.aio if aio else azure.iot.device
