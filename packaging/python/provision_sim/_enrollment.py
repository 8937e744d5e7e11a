"""Enrollments of a running service."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional
from urllib.parse import quote

from ._http import ServiceApi
from ._keys import derive_device_key

INDIVIDUAL = "individual"
GROUP = "group"


class Enrollment:
    """An enrollment of the service: which device, or which devices, it lets in.

    It is made by `Dps.enroll`, or found by `Dps.enrollment` and `Dps.group`. What is asked of it is
    asked of the service, so it is never out of date.
    """

    def __init__(self, api: ServiceApi, kind: str, name: str) -> None:
        self._api = api
        self.kind = kind
        """`individual` or `group`."""
        self.id = name
        """The registration ID of an individual enrollment, or the ID of a group."""

    def __repr__(self) -> str:
        return f"<Enrollment {self.kind} {self.id}>"

    @property
    def record(self) -> Dict[str, Any]:
        """The record as the REST API has it; keys are not in it."""
        record: Dict[str, Any] = self._api.get(path(self.kind, self.id))
        return record

    @property
    def primary_key(self) -> str:
        """The primary symmetric key.

        Raises:
            ValueError: if its devices prove themselves with certificates.
        """
        return self._key("primaryKey")

    @property
    def secondary_key(self) -> str:
        """The secondary symmetric key."""
        return self._key("secondaryKey")

    def device_key(self, registration_id: Optional[str] = None) -> str:
        """The key of a device: that of the individual enrollment, or the one that the group's key gives
        for a registration ID."""
        if self.kind == INDIVIDUAL:
            return self.primary_key
        if registration_id is None:
            raise TypeError(f"group {self.id} has a key for each device: name the registration ID")
        return derive_device_key(self.primary_key, registration_id)

    def disable(self) -> None:
        """Lets its devices in no more; they are told that they are disabled."""
        self.update({"provisioningStatus": "disabled"})

    def enable(self) -> None:
        """Lets its devices in again."""
        self.update({"provisioningStatus": "enabled"})

    def update(self, members: Mapping[str, Any]) -> Dict[str, Any]:
        """Changes members of the record, by the names of the REST API; returns the new record."""
        record = self.record
        changed = {**record, **members}
        answer: Dict[str, Any] = self._api.call("PUT", path(self.kind, self.id), changed, record.get("etag"))
        return answer

    def delete(self) -> None:
        """Removes it. Devices that registered through it keep their hub until they register again."""
        self._api.call("DELETE", path(self.kind, self.id))

    def _key(self, which: str) -> str:
        attestation = self._api.call("POST", path(self.kind, self.id) + "/attestationmechanism")
        keys = attestation.get("symmetricKey")
        if not keys:
            raise ValueError(f"{self.kind} {self.id} has no keys: its attestation is {attestation.get('type')}")
        return str(keys[which])


def path(kind: str, name: str) -> str:
    return f"/{'enrollments' if kind == INDIVIDUAL else 'enrollmentGroups'}/{quote(name, safe='')}"
