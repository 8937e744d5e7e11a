"""Faults on demand: what goes wrong because a test wants it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, Mapping, Optional, Type

from ._errors import ApiError
from ._http import Management

_GONE = 404


class Fault:
    """A rule of a running service: see `Dps.fault`. In a `with` it is removed at the end of it."""

    def __init__(self, raw: Mapping[str, Any], management: Callable[[], Optional[Management]]) -> None:
        self._last = raw
        self._management = management

    @property
    def id(self) -> int:
        """Its number, as the log and the journal have it."""
        return int(self._last["id"])

    @property
    def rule(self) -> str:
        """The rule, in the order of words that the service writes."""
        return str(self._last["rule"])

    @property
    def struck(self) -> int:
        """How many requests it has struck so far; of one that was removed, until then."""
        return int(self._now()["struck"])

    @property
    def matched(self) -> int:
        """How many requests it was meant for so far, struck or not."""
        return int(self._now()["matched"])

    def remove(self) -> None:
        """Takes it away; nothing happens if it is gone already, with its service too."""
        self._now()
        management = self._management()
        if management is None:
            return
        try:
            management.delete(f"/faults/{self.id}")
        except ApiError as error:
            if error.status != _GONE:
                raise

    def _now(self) -> Mapping[str, Any]:
        management = self._management()
        if management is not None:
            try:
                self._last = management.get(f"/faults/{self.id}")
            except ApiError as error:
                if error.status != _GONE:
                    raise
        return self._last

    def __repr__(self) -> str:
        return f"<Fault {self.id}: {self.rule}>"

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.remove()
