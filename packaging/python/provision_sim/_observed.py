"""What a running service has seen."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional
from urllib.parse import quote

from ._allocation import FunctionServer
from ._conversation import conversation, result
from ._errors import DpsError, WaitError
from ._fault import Fault
from ._model import JournalEntry, Moment, Registration, Twin, entries
from ._service import Service

_EVERY_ENTRY = 10_000
_TIMELINES = 50
"""How many of the newest registrations a conversation tells moment by moment."""


class Position(NamedTuple):
    """How far the conversation of a service has come."""

    sequence: int
    """The newest entry of the journal."""
    log: int
    """Characters of the log."""
    errors: int
    """Errors of allocation functions."""


class Observed(Service):
    """The part of `Dps` that tells what happened, and shows the twins."""

    def __init__(self) -> None:
        super().__init__()
        self._functions: Optional[FunctionServer] = None
        self._at_the_end: List[JournalEntry] = []
        self._told_at_the_end: Dict[int, List[Moment]] = {}

    def _end(self) -> None:
        try:
            self._at_the_end = self.journal()
            self._told_at_the_end = self._timelines(self._at_the_end)
        except DpsError:
            pass  # it has ended by itself: what it logged says why
        super()._end()

    def journal(
        self, registration_id: Optional[str] = None, *, status: Optional[str] = None, after: int = 0
    ) -> List[JournalEntry]:
        """The registrations that the service saw, oldest first: those in progress and refused ones too.

        Args:
            registration_id: only of this device.
            status: only with this status, such as `failed`.
            after: only those behind this `sequence`.
        """
        if self._process is not None and not self._is_running:
            wanted = (registration_id or "").lower()
            return [
                entry
                for entry in self._at_the_end
                if entry.sequence > after
                and (status is None or entry.status == status)
                and (registration_id is None or entry.registration_id.lower() == wanted)
            ]
        self._running()
        query = {"registrationId": registration_id, "status": status, "after": after, "limit": _EVERY_ENTRY}
        return entries(self._management.get("/journal", query))

    def timeline(self, entry: JournalEntry) -> List[Moment]:
        """Who did what when in a registration, in order: how the device connected, what was checked, what the
        allocation function was asked and said, what the device was told, and what it did at its hub."""
        self._running()
        return [Moment.read(each) for each in self._management.get(f"/journal/{entry.sequence}")["timeline"]]

    def registration(self, registration_id: str) -> Optional[Registration]:
        """The record of a device; None if it never registered, or was refused each time."""
        self._running()
        found = self._management.get("/registrations", {"registrationId": registration_id})
        return Registration.read(found[0]) if found else None

    def wait_for_registration(
        self, registration_id: str, timeout: float = 10, *, status: Optional[str] = None, after: int = 0
    ) -> JournalEntry:
        """Waits until a registration of this device has ended, well or not, and returns the first that
        did; at once if there is one.

        Args:
            registration_id: the device.
            timeout: seconds.
            status: how it must have ended, such as `assigned`.
            after: only registrations behind this `sequence`: that of the entry before, for a device that
                registers again.

        Raises:
            WaitError: if none ends in time; with the whole conversation.
        """
        process = self._running()
        deadline = time.monotonic() + timeout
        while True:
            # Counted before the look, so that what happens in between is not waited for in vain.
            seen = process.events()
            found = [entry for entry in self.journal(registration_id, status=status, after=after) if entry.ended]
            if found:
                return found[0]
            if not process.wait_for_event(seen, deadline - time.monotonic()):
                break
        wanted = f"no registration of {registration_id} has ended" + (f" as {status}" if status else "")
        others = self.journal(registration_id, after=after)
        stands = "".join(f"\n  #{entry.sequence} {result(entry)}" for entry in others)
        raise WaitError(f"{wanted} within {timeout:g} s{stands}\n\n{self.conversation()}")

    def twin(self, device_id: str, hub: Optional[str] = None) -> Optional[Twin]:
        """A device on its hub: tags, desired and reported properties, whether it is connected. None if no
        hub knows it."""
        self._running()
        found = self._management.get("/twins", {"deviceId": device_id, "hub": hub, "limit": 1})
        return Twin.read(found[0]) if found else None

    def set_desired(self, device_id: str, properties: Mapping[str, Any]) -> Twin:
        """Changes desired properties, as a back end does; a device that is connected is told. A value of
        None removes its property. Returns the new twin.

        Raises:
            ApiError: if no hub knows the device.
        """
        body = {"properties": {"desired": dict(properties)}}
        self._service_api().call("PATCH", f"/twins/{quote(device_id, safe='')}", body)
        twin = self.twin(device_id)
        if twin is None:
            raise DpsError(f"{device_id} was removed from its hub meanwhile")
        return twin

    def fault(self, rule: str) -> Fault:
        """Has the service go wrong as the rule says, from now on: `poll status=503 times=2 device=pump-*`.
        It goes behind those that are there, and lasts until it is removed, or the service is reset.

            with dps.fault("register status=429 retry-after=1 times=1") as fault:
                ...
                assert fault.struck == 1

        Args:
            rule: where, for whom, when, what; the project's page on faults has all words.

        Raises:
            ApiError: if it is no rule, or one that can never strike; with the reason.
        """
        self._running()
        made = self._management.post("/faults", {"rule": rule})
        return Fault(made, lambda: self._management if self._is_running else None)

    def faults(self) -> List[Fault]:
        """The rules that there are, in the order in which they are asked: those of the start too."""
        self._running()
        here = self._management.get("/faults")
        return [Fault(each, lambda: self._management if self._is_running else None) for each in here]

    def clear_faults(self) -> None:
        """Takes all rules away."""
        self._running()
        self._management.delete("/faults")

    @property
    def log(self) -> str:
        """What the service has logged, line by line as it happened."""
        return self._process.log if self._process is not None else ""

    def position(self) -> Position:
        """Where the conversation stands, for `conversation(since=…)`."""
        newest = self._management.get("/journal", {"limit": 1}) if self._is_running else []
        sequence = newest[0]["sequence"] if newest else 0
        return Position(sequence, len(self.log), len(self._allocation_errors()))

    def conversation(self, since: Optional[Position] = None) -> str:
        """What the service and its devices said to each other, for people: each registration with the
        check that failed, what the allocation function was asked and said, and the log."""
        since = since or Position(0, 0, 0)
        try:
            seen = self.journal(after=since.sequence)
            told = self._timelines(seen) if self._is_running else self._told_at_the_end
        except DpsError:
            seen, told = [], {}  # it does not run: there is the log
        return conversation(seen, told, self.log[since.log :], self._allocation_errors()[since.errors :])

    def _timelines(self, seen: List[JournalEntry]) -> Dict[int, List[Moment]]:
        return {entry.sequence: self.timeline(entry) for entry in seen[-_TIMELINES:]}

    def _allocation_errors(self) -> List[BaseException]:
        return list(self._functions.errors) if self._functions is not None else []
