"""What can go wrong. Every text says what happened, and what the service has to say about it."""

from __future__ import annotations

from typing import Optional


class DpsError(Exception):
    """Something about the local service: the base of all errors of this package."""


class StartError(DpsError):
    """The service did not start, or has ended. The text has what it printed on standard error."""


class WaitError(DpsError):
    """What was waited for did not come. The text has the whole conversation with the devices."""


class AllocationError(DpsError):
    """An allocation function raised; its own exception is the cause (`__cause__`).

    The device was refused meanwhile, so a test that expects a refusal would otherwise pass for the
    wrong reason.
    """


class ApiError(DpsError):
    """The service refused a call of its API."""

    def __init__(self, what: str, status: int, message: str, code: Optional[int] = None) -> None:
        super().__init__("{}: {}{} {}".format(what, status, f" ({code})" if code else "", message))
        self.status = status
        """The status of the answer."""
        self.code = code
        """The service's own code, such as 409001, if the answer has one."""
        self.message = message
        """What the service says."""
