"""A running service, and how it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from . import _sdk
from ._errors import DpsError
from ._http import Management, ServiceApi
from ._intercept import Interception
from ._process import Process

if TYPE_CHECKING:
    from azure.iot.device import ProxyOptions

HOST = "global.azure-devices-provisioning.net"
"""The production host name of DPS; behind the gateway it is the service's."""


class Service:
    """The part of `Dps` that knows addresses, names and the CA."""

    def __init__(self) -> None:
        self._process: Optional[Process] = None
        self._is_running = False
        self._interception: Optional[Interception] = None

    def _begin(self, process: Process) -> None:
        self._process = process
        self._is_running = True
        ready = process.ready
        with open(ready["caFile"], encoding="ascii") as file:
            self._ca_pem = file.read()
        self._management = Management(ready["admin"], process.raise_if_ended)
        self._api = ServiceApi(ready["https"], ready["serviceConnectionString"], self._ca_pem, process.raise_if_ended)

    def _end(self) -> None:
        self._is_running = False
        if self._interception is not None:
            self._interception.lift()
        if self._process is not None:
            self._process.stop()

    def _running(self) -> Process:
        if self._process is None or not self._is_running:
            raise DpsError("the service does not run" + (" any more" if self._process else ": use it in a `with`"))
        return self._process

    def _ready(self, name: str) -> Any:
        return self._running().ready[name]

    def _service_api(self) -> ServiceApi:
        self._running()
        return self._api

    @property
    def host(self) -> str:
        """The production host name of DPS, for clients that go through the gateway."""
        return HOST

    @property
    def id_scope(self) -> str:
        """The ID scope that devices must name."""
        return str(self._ready("idScope"))

    @property
    def ca_file(self) -> str:
        """The file with the CA that clients must trust (PEM)."""
        return str(self._ready("caFile"))

    @property
    def ca_pem(self) -> str:
        """The same as text: the SDK's `server_verification_cert`."""
        self._running()
        return self._ca_pem

    @property
    def mqtt(self) -> str:
        """`HOST:PORT` of MQTT over TLS."""
        return str(self._ready("mqtt"))

    @property
    def https(self) -> str:
        """`HOST:PORT` of HTTPS, and of MQTT and AMQP over WebSocket."""
        return str(self._ready("https"))

    @property
    def amqp(self) -> str:
        """`HOST:PORT` of AMQP over TLS."""
        return str(self._ready("amqp"))

    @property
    def hubs(self) -> List[str]:
        """The names of the linked hubs."""
        return list(self._running().described()["hubConnectionStrings"])

    @property
    def gateway(self) -> str:
        """`HOST:PORT` of the gateway: an HTTP and SOCKS5 proxy behind which the production names of DPS
        and of the linked hubs lead to this service."""
        return str(self._ready("gateway"))

    @property
    def admin(self) -> str:
        """`HOST:PORT` of the management listener (plain HTTP)."""
        return str(self._ready("admin"))

    @property
    def service_connection_string(self) -> str:
        """The connection string of the service API, of the hubs too."""
        return str(self._ready("serviceConnectionString"))

    def hub_connection_string(self, hub: Optional[str] = None) -> str:
        """The connection string of a hub in its own name, of its policy `iothubowner`: for back ends that
        `intercept()` leads there.

        Args:
            hub: the hub; by default the first.
        """
        strings = self._running().described()["hubConnectionStrings"]
        hub = self.hubs[0] if hub is None else hub
        if hub not in strings:
            raise DpsError(f"{hub} is no linked hub: there are {', '.join(strings)}")
        return str(strings[hub])

    @property
    def env(self) -> Dict[str, str]:
        """Variables for other programs, such as `az`, a device in a subprocess, or one in Node: the
        gateway as their proxy, the CA as what they trust, and host and ID scope by the names that
        Microsoft's samples read. Add them to your own: `{**os.environ, **dps.env}`."""
        proxy = f"http://{self.gateway}"
        trust = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
            **{name: self.ca_file for name in trust},
            "IOTHUB_DEVICE_DPS_ENDPOINT": self.host,
            "IOTHUB_DEVICE_DPS_ID_SCOPE": self.id_scope,
        }

    def intercept(self) -> None:
        """Leads whatever this process connects to by the names of Azure IoT to this service, and lets it
        trust the CA there, until the service stops: for programs that have no option for that. Other
        connections stay as they are, and a name that the service does not have is not found.

        Only for what is written in Python, and for one service at a time in a process.

        Raises:
            DpsError: if another service does it already.
        """
        if self._interception is None:
            served = {8883: self.mqtt, 443: self.https, 5671: self.amqp}
            self._interception = Interception([self.host, *self.hubs], served, self.ca_pem)

    def proxy_options(self) -> ProxyOptions:
        """The SDK's `ProxyOptions` that lead through the gateway."""
        return _sdk.proxy_options(self.gateway)
