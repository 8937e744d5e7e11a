"""HTTP to the service itself: the management listener, and the service API over TLS.

No proxy of the environment is asked, and nothing but the service's own CA is trusted.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlencode

from ._errors import ApiError, DpsError
from ._keys import sas_token

_SECONDS = 30
_API_VERSION = "2021-10-01"
_HUB_API_VERSION = "2021-04-12"


Died = Callable[[], None]
"""Raises if the service has ended by itself, which explains why it does not answer."""


class Management:
    """The management listener: what the service has seen."""

    def __init__(self, address: str, died: Died) -> None:
        self._address = address
        self._died = died

    def get(self, path: str, query: Optional[Mapping[str, object]] = None) -> Any:
        return self._call("GET", path, query)

    def post(self, path: str, body: Any = None) -> Any:
        return self._call("POST", path, None, None if body is None else json.dumps(body).encode())

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def _call(
        self, method: str, path: str, query: Optional[Mapping[str, object]] = None, body: Optional[bytes] = None
    ) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=_SECONDS)
        known = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(known)}" if known else path
        headers = {"Content-Length": "0"} if method == "POST" and body is None else {}
        return _answer(connection, method, target, headers, body, self._died).content


class ServiceApi:
    """Enrollments, and the twins of the hubs, in the name of the service's own policy."""

    def __init__(self, https: str, connection_string: str, ca_pem: str, died: Died) -> None:
        self._address = https
        self._died = died
        self._facts = dict(part.split("=", 1) for part in connection_string.split(";") if part)
        self._context = ssl.create_default_context(cadata=ca_pem)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Any = None, etag: Optional[str] = None) -> Any:
        """One call; the API's version is that of whoever serves the path."""
        return self._call(method, path, body, {} if etag is None else {"If-Match": etag}).content

    def query(self, path: str) -> Iterator[Any]:
        """All records of a kind, page by page."""
        more: Dict[str, str] = {}
        while True:
            page = self._call("POST", f"{path}/query", {"query": "SELECT *"}, more)
            yield from page.content
            if page.continuation is None:
                return
            more = {"x-ms-continuation": page.continuation}

    def _call(self, method: str, path: str, body: Any, more: Mapping[str, str]) -> _Answer:
        host = self._facts["HostName"]
        version = _HUB_API_VERSION if path.startswith("/twins/") else _API_VERSION
        headers = {
            "Host": host,
            "Accept": "application/json",
            "Authorization": sas_token(host, self._facts["SharedAccessKey"], self._facts["SharedAccessKeyName"]),
            **more,
        }
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            content = json.dumps(body).encode()
        elif method == "POST":
            headers["Content-Length"] = "0"
        connection = http.client.HTTPSConnection(self._address, timeout=_SECONDS, context=self._context)
        return _answer(connection, method, f"{path}?api-version={version}", headers, content, self._died)


class _Answer(NamedTuple):
    content: Any
    """Read from JSON; None if there is none."""
    continuation: Optional[str]
    """What asks for the next page."""


def _answer(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: Dict[str, str],
    body: Optional[bytes],
    died: Died,
) -> _Answer:
    what = f"{method} {target.split('?')[0]}"
    try:
        # The service closes, in order, and not this side in the middle of TLS.
        connection.request(method, target, body, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        status, text = answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        died()
        raise DpsError(f"{what}: the service does not answer: {error!r}") from error
    finally:
        connection.close()
    if status >= 400:
        message, code = _fault(text)
        raise ApiError(what, status, message, code)
    return _Answer(json.loads(text) if text else None, answer.getheader("x-ms-continuation"))


def _fault(text: str) -> Tuple[str, Optional[int]]:
    """Message and code of an error; DPS and the hubs have different members for them."""
    try:
        fault = json.loads(text)
        code = fault.get("errorCode")
        return str(fault.get("message") or fault.get("Message") or text), code if isinstance(code, int) else None
    except (ValueError, AttributeError):
        return text, None
