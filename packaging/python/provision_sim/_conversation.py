"""What the service and its devices said to each other, for whoever looks for the reason of a failed test."""

from __future__ import annotations

import traceback
from typing import Iterable, List, Mapping, Sequence

from ._model import JournalEntry, Moment

LOG_LINES = 100
"""How much of the log is shown: its end."""
LOG_COLUMNS = 240
"""How much of a line of it: requests of the webhook are long, and stand whole in the timeline."""


def conversation(
    entries: Sequence[JournalEntry],
    timelines: Mapping[int, Sequence[Moment]],
    log: str,
    errors: Iterable[BaseException],
) -> str:
    """All of it, line by line. `timelines` has what is known of an entry, by its sequence."""
    lines: List[str] = []
    if not entries:
        lines.append("The service saw no registration.")
    elif len(entries) == 1:
        lines.append("The service saw 1 registration:")
    else:
        lines.append(f"The service saw {len(entries)} registrations:")
    for entry in entries:
        lines.append(_head(entry))
        lines.extend(_timeline(timelines.get(entry.sequence, ())))
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


def _head(entry: JournalEntry) -> str:
    through = ""
    if entry.enrollment is not None:
        kind = "enrollment" if entry.enrollment_kind == "individual" else "enrollment group"
        through = f" through {kind} {entry.enrollment}"
    return f"  #{entry.sequence} {entry.registration_id}{through}: {result(entry)} ({entry.time})"


def _timeline(moments: Sequence[Moment]) -> Iterable[str]:
    passed: List[Moment] = []
    for moment in moments:
        # Checks that were passed are of interest together.
        if moment.outcome == "good" and moment.title.startswith(_CHECKS):
            passed.append(moment)
            continue
        if passed:
            yield _passed(passed)
            passed = []
        detail = f": {moment.detail}" if moment.detail else ""
        yield _line(moment, moment.title + detail)
    if passed:
        yield _passed(passed)


_CHECKS = "checks "


def _passed(checks: Sequence[Moment]) -> str:
    names = ", ".join(check.title[len(_CHECKS) :] for check in checks)
    return _line(checks[0], f"checks and finds good: {names}")


def _line(moment: Moment, text: str) -> str:
    mark = "!" if moment.outcome == "bad" else " "
    return f"   {mark} {moment.at:5} ms  {moment.actor:7}  {text}"


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
