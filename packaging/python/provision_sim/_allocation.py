"""Allocation functions written in Python: asked over real HTTP, as a function app is."""

from __future__ import annotations

import json
import secrets
import threading
import traceback
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union


@dataclass(frozen=True)
class Allocation:
    """An answer that assigns a device to a hub."""

    hub: str
    """One of the hubs in the request's `linkedHubs`."""
    twin: Optional[Mapping[str, Any]] = None
    """The device's first twin: `{"tags": …, "properties": {"desired": …}}`."""
    payload: Optional[Mapping[str, Any]] = None
    """What the device is told beside its hub: an object."""

    def as_body(self) -> Dict[str, Any]:
        members = {"iotHubHostName": self.hub, "initialTwin": self.twin, "payload": self.payload}
        return {name: value for name, value in members.items() if value is not None}


class Refuse(Exception):
    """An answer that refuses the device: to be returned or raised, whichever reads better."""

    def __init__(self, message: str = "Unrecognized device registration.", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        """The body of the answer; it is in the journal, a device does not get to see it."""
        self.status = status
        """The status of the answer. From 429 on the service asks again."""


Answer = Union[str, Allocation, Refuse, Mapping[str, Any]]
AllocationFunction = Callable[[Dict[str, Any]], Answer]
"""Takes the request (`deviceRuntimeContext`, `linkedHubs`, `enrollmentGroup` or `individualEnrollment`)
and returns the name of a hub, an `Allocation`, `Refuse`, or a mapping that is sent as it is."""


class FunctionServer:
    """Serves functions on a free port of this machine, until it is closed."""

    def __init__(self) -> None:
        self._functions: Dict[str, AllocationFunction] = {}
        self._lock = threading.Lock()
        self.errors: List[BaseException] = []
        """What functions have raised, in order."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, text = server._answer(self.path, body)
                content = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """The service's log has every call."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="provision-sim allocation", daemon=True).start()

    def url(self, function: AllocationFunction) -> str:
        """The address of this function; like a function key, its code keeps others out."""
        # With a name that its owner recognizes in the journal.
        name = "".join(c for c in getattr(function, "__name__", "function") if c.isalnum() or c in "-_") or "function"
        path = f"/api/{name}?code={secrets.token_urlsafe(12)}"
        with self._lock:
            self._functions[path] = function
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str, body: bytes) -> Tuple[int, str]:
        with self._lock:
            function = self._functions.get(path)
        if function is None:
            return 404, "there is no such allocation function"
        try:
            return _as_http(function, function(json.loads(body)))
        except Refuse as refusal:
            return refusal.status, refusal.message
        except BaseException as error:  # pytest's `fail` and `skip` are none of Exception
            with self._lock:
                self.errors.append(error)
            # A status that the service does not ask again for: one error is one call.
            return 400, f"the allocation function raised {_brief(error)}"


def _as_http(function: AllocationFunction, answer: Any) -> Tuple[int, str]:
    if isinstance(answer, str):
        answer = Allocation(answer)
    if isinstance(answer, Refuse):
        return answer.status, answer.message
    if isinstance(answer, Allocation):
        answer = answer.as_body()
    if not isinstance(answer, Mapping):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"{name}() returned {answer!r}: expected the name of a hub, an Allocation, Refuse or a mapping")
    return 200, json.dumps(answer)


def _brief(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip()
