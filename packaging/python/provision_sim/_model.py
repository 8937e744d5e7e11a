"""What the service tells: typed, and whole in `raw`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple


@dataclass(frozen=True)
class WebhookAttempt:
    """One call of an allocation function."""

    status: Optional[int]
    """Status of the answer; none if there was no answer."""
    ms: int
    """How long it took, in milliseconds."""
    body: Optional[str]
    """Body of the answer."""
    error: Optional[str]
    """Why there is no answer."""


@dataclass(frozen=True)
class JournalEntry:
    """One registration as the service saw it, from the request to its result, or to where it stands.

    What is not known is None. Bodies are cut after 4 KiB, and credentials are masked.
    """

    sequence: int
    """Its number: 1 for the first, never given twice by one service."""
    time: str
    """When the request was taken up, in UTC (ISO 8601)."""
    registration_id: str
    status: str
    """`assigning`, `assigned`, `failed`, `disabled`, or `refused` if no operation was begun."""
    transport: Optional[str]
    """`mqtt`, `https` or `amqp`."""
    enrollment: Optional[str]
    """The enrollment that vouched for the device: its registration ID or group ID."""
    enrollment_kind: Optional[str]
    """`individual` or `group`."""
    attestation: Optional[Mapping[str, Any]]
    """How the device proved itself: `type`, and `keySlot` or `thumbprint`."""
    challenge: Optional[Mapping[str, Any]]
    """Of a device with a TPM: what was looked at before it was given a key to sign with, `checks`, and when
    it came back, `answered`."""
    failed_check: Optional[str]
    """Which check a refused device did not pass, in one word, such as `signature`."""
    reason: Optional[str]
    """Why there is no hub, and what would have been right."""
    payload: Any
    """What the device had to say, read from JSON; a string if it was cut."""
    webhook_url: Optional[str]
    """The allocation function that was asked."""
    webhook_request: Any
    """What it was asked, read from JSON; a string if it was cut."""
    webhook_attempts: Tuple[WebhookAttempt, ...]
    """Its answers, or what came in their place."""
    operation_id: Optional[str]
    assigned_hub: Optional[str]
    device_id: Optional[str]
    certificate: Optional[Mapping[str, Any]]
    """What was issued to the device that asked for it: `subject`, `issuer`, `policy`, `serialNumber` and
    `notAfter`."""
    renewals: Tuple[Mapping[str, Any], ...]
    """What the device has asked its hub for since, the last ones."""
    substatus: Optional[str]
    error_code: Optional[int]
    """As told to the device, such as 400207."""
    error_message: Optional[str]
    ms: Optional[int]
    """From the request to the result, in milliseconds."""
    polls: int
    """How often the device has asked for the result."""
    raw: Mapping[str, Any] = field(repr=False)
    """The entry as the service sent it."""

    @property
    def ended(self) -> bool:
        """Whether there is a result, good or bad."""
        return self.status != "assigning"

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> JournalEntry:
        enrollment = raw.get("enrollment") or {}
        webhook = raw.get("webhook") or {}
        attempts = tuple(
            WebhookAttempt(each.get("status"), each.get("ms", 0), each.get("body"), each.get("error"))
            for each in webhook.get("attempts", ())
        )
        return cls(
            sequence=raw["sequence"],
            time=raw["time"],
            registration_id=raw["registrationId"],
            status=raw["status"],
            transport=raw.get("transport"),
            enrollment=enrollment.get("name"),
            enrollment_kind=enrollment.get("kind"),
            attestation=raw.get("attestation"),
            challenge=raw.get("challenge"),
            failed_check=raw.get("failedCheck"),
            reason=raw.get("reason"),
            payload=_parsed(raw.get("payload")),
            webhook_url=webhook.get("url"),
            webhook_request=_parsed(webhook.get("request")),
            webhook_attempts=attempts,
            operation_id=raw.get("operationId"),
            assigned_hub=raw.get("assignedHub"),
            device_id=raw.get("deviceId"),
            certificate=raw.get("certificate"),
            renewals=tuple(raw.get("renewals", ())),
            substatus=raw.get("substatus"),
            error_code=raw.get("errorCode"),
            error_message=raw.get("errorMessage"),
            ms=raw.get("ms"),
            polls=raw.get("polls", 0),
            raw=raw,
        )


@dataclass(frozen=True)
class Moment:
    """Something that happened in a registration: see `Dps.timeline`."""

    at: int
    """When, in milliseconds from the request on."""
    actor: str
    """Who: `device`, `service`, `webhook` or `hub`."""
    title: str
    """What it did: a sentence whose subject is the actor."""
    detail: Optional[str]
    """More about it: a sentence, or what was sent, as others wrote it."""
    outcome: str
    """Whether it helped: `good`, `bad` or `neutral`."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Moment:
        return cls(raw["at"], raw["actor"], raw["title"], raw.get("detail"), raw["outcome"])


@dataclass(frozen=True)
class Registration:
    """The record of a device that registered: what its last registration came to."""

    registration_id: str
    status: str
    """`assigned`, `assigning`, `failed` or `disabled`."""
    substatus: Optional[str]
    """How the assignment came about: `initialAssignment`, `deviceDataMigrated`, `deviceDataReset`, ..."""
    assigned_hub: Optional[str]
    device_id: Optional[str]
    enrollment: str
    """The enrollment that vouched for it."""
    error_code: Optional[int]
    error_message: Optional[str]
    payload: Any
    """What the allocation function had to say to the device."""
    raw: Mapping[str, Any] = field(repr=False)
    """The record as the service sent it."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Registration:
        return cls(
            registration_id=raw["registrationId"],
            status=raw["status"],
            substatus=raw.get("substatus"),
            assigned_hub=raw.get("assignedHub"),
            device_id=raw.get("deviceId"),
            enrollment=raw["enrollment"]["name"],
            error_code=raw.get("errorCode"),
            error_message=raw.get("errorMessage"),
            payload=raw.get("payload"),
            raw=raw,
        )


@dataclass(frozen=True)
class Twin:
    """A device on its hub, as it was when it was asked for."""

    device_id: str
    hub: str
    tags: Dict[str, Any]
    desired: Dict[str, Any]
    """Desired properties, without `$version`."""
    reported: Dict[str, Any]
    """Reported properties, without `$version`."""
    desired_version: int
    reported_version: int
    connected: bool
    """Whether the device is signed in."""
    enabled: bool
    messages: int
    """How many messages its hub has had from it since the service started."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Twin:
        return cls(
            device_id=raw["deviceId"],
            hub=raw["hub"],
            tags=dict(raw["tags"]),
            desired=_without_version(raw["desired"]),
            reported=_without_version(raw["reported"]),
            desired_version=raw["desired"].get("$version", 0),
            reported_version=raw["reported"].get("$version", 0),
            connected=raw["connectionState"] == "Connected",
            enabled=raw["status"] == "enabled",
            messages=raw["messages"],
            raw=raw,
        )


def _without_version(properties: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in properties.items() if not name.startswith("$")}


def _parsed(text: Optional[str]) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def entries(raw: List[Mapping[str, Any]]) -> List[JournalEntry]:
    return [JournalEntry.read(each) for each in raw]
