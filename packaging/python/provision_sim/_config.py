"""What the service is to serve, as the file that `serve --config` reads."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, Mapping, Optional, Sequence, Union

Config = Union[str, "os.PathLike[str]", Mapping[str, Any]]
"""A configuration: the path of a TOML file, the TOML text itself, or a mapping with its members."""

OWN_GROUP = "local-devices"
"""The enrollment group of a service that is given hubs and no configuration: it takes every device."""
OWN_HUB = "local-hub.azure-devices.net"
_OWN_SCOPE = "0ne00000001"


def own_world(hubs: Sequence[str], group_key: str, id_scope: Optional[str]) -> Dict[str, Any]:
    """A service with these hubs and one group that takes every device."""
    return {
        "idScope": id_scope or _OWN_SCOPE,
        "linkedHubs": list(hubs) or [OWN_HUB],
        "enrollmentGroups": [
            {
                "enrollmentGroupId": OWN_GROUP,
                "allocationPolicy": "hashed",
                "attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": group_key}},
            }
        ],
    }


def as_toml(config: Config) -> Optional[str]:
    """The text of a configuration that is no file yet; none if it is the path of one."""
    if isinstance(config, Mapping):
        return "".join(f"{_key(key)} = {_value(value, key)}\n" for key, value in config.items() if value is not None)
    if isinstance(config, str) and "\n" in config:
        return config
    return None


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"config: a member's name is a string, not {key!r}")
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _string(key)


def _value(value: Any, path: str) -> str:
    """As a value on one line; TOML's inline tables need no headings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        members = ((key, item) for key, item in value.items() if item is not None)
        return "{" + ", ".join(f"{_key(key)} = {_value(item, f'{path}.{key}')}" for key, item in members) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item, f"{path}[{index}]") for index, item in enumerate(value)) + "]"
    raise TypeError(f"config: {path} is {value!r}, which a configuration cannot hold")


def _string(text: str) -> str:
    # JSON's escapes are TOML's, but for characters beyond the BMP, which are therefore not escaped,
    # and DEL, which JSON leaves alone.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
