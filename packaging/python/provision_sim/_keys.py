"""Keys and tokens of symmetric keys, with nothing but the standard library."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import time
from urllib.parse import quote


def new_key() -> str:
    """A random key of 64 bytes, as the service makes them; Base64."""
    return base64.b64encode(os.urandom(64)).decode()


def derive_device_key(group_key: str, registration_id: str) -> str:
    """The key of a device that an enrollment group lets in: HMAC-SHA256 of its registration ID, in
    lower case, with the group's key. Both keys are Base64.

    Raises:
        ValueError: if `group_key` is no Base64.
    """
    return _signed(group_key, registration_id.lower())


def sas_token(resource: str, key: str, policy: str, seconds: int = 3600) -> str:
    """A token for the service API, for as many seconds."""
    escaped = quote(resource, safe="")
    expiry = int(time.time()) + seconds
    signature = quote(_signed(key, f"{escaped}\n{expiry}"), safe="")
    return f"SharedAccessSignature sr={escaped}&sig={signature}&se={expiry}&skn={policy}"


def _signed(key: str, text: str) -> str:
    try:
        secret = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"a symmetric key is Base64: {error}") from None
    return base64.b64encode(hmac.new(secret, text.encode(), hashlib.sha256).digest()).decode()
