"""What the service and its devices said to each other, for whoever looks for the reason of a failed test."""

from __future__ import annotations

import traceback
from typing import Any, Iterable, List, Mapping, Sequence

from ._model import JournalEntry

LOG_LINES = 200
"""How much of the log is shown: its end."""
LOG_COLUMNS = 240
"""How much of a line of it: requests of the webhook are long, and stand whole in the journal."""


def conversation(entries: Sequence[JournalEntry], log: str, errors: Iterable[BaseException]) -> str:
    """All of it, line by line."""
    lines: List[str] = []
    if not entries:
        lines.append("The service saw no registration.")
    elif len(entries) == 1:
        lines.append("The service saw 1 registration:")
    else:
        lines.append(f"The service saw {len(entries)} registrations:")
    for entry in entries:
        lines.extend(_registration(entry))
    for error in errors:
        lines.append("An allocation function raised:")
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        lines.extend("  " + line for line in trace.rstrip().split("\n"))
    logged = log.splitlines()
    if logged:
        left_out = len(logged) - LOG_LINES
        lines.append("Its log:" if left_out <= 0 else f"The end of its log ({left_out} lines before it):")
        lines.extend("  " + _cut(line) for line in logged[-LOG_LINES:])
    return "\n".join(map(inert, lines))


def _cut(line: str) -> str:
    return line if len(line) <= LOG_COLUMNS else line[:LOG_COLUMNS] + " …"


def _registration(entry: JournalEntry) -> Iterable[str]:
    over = f" over {entry.transport.upper()}" if entry.transport else ""
    yield f"  #{entry.sequence} {entry.registration_id}{over}, {entry.time}"
    yield f"     ID scope {entry.raw.get('idScope')}, api-version {entry.raw.get('apiVersion')}"
    if entry.enrollment is not None:
        kind = "individual enrollment" if entry.enrollment_kind == "individual" else "enrollment group"
        yield f"     {kind} {entry.enrollment}"
    if entry.attestation is not None:
        yield f"     proved itself with {_proof(entry.attestation)}"
    if entry.raw.get("payload") is not None:
        yield f"     payload: {entry.raw['payload']}"
    if entry.webhook_url is not None:
        yield f"     webhook {entry.webhook_url}"
        yield f"       was asked: {entry.raw['webhook']['request']}"
        for attempt in entry.webhook_attempts:
            if attempt.status is None:
                yield f"       did not answer: {attempt.error} ({attempt.ms} ms)"
            else:
                yield f"       answered {attempt.status} after {attempt.ms} ms: {attempt.body}"
    yield f"     {result(entry)}"
    if entry.reason is not None:
        yield f"       because: {entry.reason}"
    if entry.polls:
        yield f"     asked for the result {entry.polls} times"


def _proof(attestation: Mapping[str, Any]) -> str:
    if attestation.get("type") == "symmetricKey":
        return f"the {attestation.get('keySlot')} key"
    if attestation.get("authority"):
        return f"the certificate {attestation.get('thumbprint')}, under {attestation['authority']}"
    return f"the enrolled certificate {attestation.get('thumbprint')}"


def result(entry: JournalEntry) -> str:
    """How a registration ended, or where it stands."""
    code = f" with {entry.error_code}" if entry.error_code is not None else ""
    if entry.status == "assigning":
        return "is still in progress"
    if entry.status == "assigned":
        return f"assigned to {entry.assigned_hub} as {entry.device_id}"
    if entry.status == "refused":
        return f"refused{code}; the check that failed: {entry.failed_check}"
    return f"{entry.status}{code}" + (f": {entry.error_message}" if entry.error_message else "")


def inert(line: str) -> str:
    """Devices write some of this: nothing of it moves a terminal's cursor or looks like a line of ours."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
