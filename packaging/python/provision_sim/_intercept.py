"""Leads the connections of this process to the service, by the names and ports that it has on Azure.

For programs that name Azure's hosts and have no option for a proxy or a CA. Python looks names up in one
place and begins TLS in two; there, and only for names of Azure IoT and of the linked hubs, another address
is given and one more CA trusted. Connections to other names stay as they are.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence

from ._errors import DpsError

_OF_AZURE = tuple(
    f"{service}.{top}" for service in ("azure-devices-provisioning", "azure-devices") for top in ("net", "cn", "us")
)

# As the service's connection string has it.
_LOCAL = ("localhost", "127.0.0.1")


class Interception:
    """In force until it is lifted; one at a time in a process.

    Args:
        names: the names that the service has.
        ports: its listeners, by the port that they have on Azure.
        ca_pem: the CA to trust for these names.

    Raises:
        DpsError: if another service intercepts already.
    """

    _lock = threading.Lock()
    _current: Optional[Interception] = None

    def __init__(self, names: Sequence[str], ports: Dict[int, str], ca_pem: str) -> None:
        self._names = {name.lower() for name in names}
        self._ports = ports
        self._ca_pem = ca_pem
        with Interception._lock:
            if Interception._current is not None:
                raise DpsError("another service intercepts the connections of this process: stop it first")
            Interception._current = self
        self._before = (socket.getaddrinfo, ssl.SSLContext.wrap_socket, ssl.SSLContext.wrap_bio)
        socket.getaddrinfo = self._resolving(socket.getaddrinfo)
        ssl.SSLContext.wrap_socket = self._trusting(ssl.SSLContext.wrap_socket)  # type: ignore[method-assign]
        ssl.SSLContext.wrap_bio = self._trusting(ssl.SSLContext.wrap_bio)  # type: ignore[method-assign]

    def lift(self) -> None:
        with Interception._lock:
            if Interception._current is self:
                Interception._current = None
                socket.getaddrinfo, wrap_socket, wrap_bio = self._before
                ssl.SSLContext.wrap_socket = wrap_socket  # type: ignore[method-assign]
                ssl.SSLContext.wrap_bio = wrap_bio  # type: ignore[method-assign]

    def _is_ours(self, host: Any) -> bool:
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        if not isinstance(host, str):
            return False
        name = host.lower().rstrip(".")
        return name in self._names or name.endswith(tuple(f".{suffix}" for suffix in _OF_AZURE))

    def _resolving(self, getaddrinfo: Callable[..., List[Any]]) -> Callable[..., List[Any]]:
        @functools.wraps(getaddrinfo)
        def resolve(host: Any, port: Any, *more: Any, **named: Any) -> List[Any]:
            if not self._is_ours(host):
                return getaddrinfo(host, port, *more, **named)
            name = (host.decode() if isinstance(host, bytes) else host).lower().rstrip(".")
            listener = self._ports.get(int(port or 0))
            if name not in self._names or listener is None:
                served = ", ".join(sorted(self._names))
                ports = ", ".join(map(str, sorted(self._ports)))
                raise socket.gaierror(
                    socket.EAI_NONAME,
                    f"{name}:{port} is not served by the local service, which has {served} on the ports {ports}",
                )
            address, _, real_port = listener.rpartition(":")
            return getaddrinfo(address, int(real_port), *more, **named)

        return resolve

    def _trusting(self, wrap: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(wrap)
        def trusting(context: ssl.SSLContext, *positional: Any, **named: Any) -> Any:
            # The name comes last in both, and is given by name by whoever verifies it.
            name = named.get("server_hostname")
            if self._is_ours(name) or name in _LOCAL:
                context.load_verify_locations(cadata=self._ca_pem)
            return wrap(context, *positional, **named)

        return trusting
