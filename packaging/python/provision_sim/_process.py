"""The service as a process: started on free ports, followed, and stopped, whatever becomes of this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from typing import IO, Any, Dict, List, Mapping, Optional, Sequence

from ._errors import StartError

_STOP_SECONDS = 5
# Between the end of its sockets and that of a process.
_DYING_SECONDS = 1
# What a program needs of its surroundings to run at all. All else stays out: proxies, a CA, variables
# of `provision-sim`, and the state folder, in which `--local` would find a service of the user's own.
_KEPT_VARIABLES = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "HOME", "USERPROFILE")


class Process:
    """One `provision-sim serve`, ready when this is there. `config` is the text of its configuration.

    Raises:
        StartError: if it does not come up within `seconds`, with what it printed.
    """

    def __init__(
        self,
        binary: str,
        arguments: Sequence[str],
        config: Optional[str],
        environment: Mapping[str, str],
        seconds: float,
    ) -> None:
        self._folder = tempfile.mkdtemp(prefix="provision-sim-")
        self._log_path = self._path("serve.log")
        self._events = 0
        self._ended = False
        self._changed = threading.Condition()
        command = [binary, *arguments]
        if config is not None:
            command += ["--config", self._path("service.toml")]
            with open(command[-1], "w", encoding="utf-8") as file:
                file.write(config)
        try:
            with open(self._log_path, "wb") as log:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=self._environment(environment),
                )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise StartError(f"{binary} cannot be run: {error}") from error
        # At the latest when the interpreter ends. Should this process be killed, the service's standard
        # input ends, and with --until-eof the service.
        self._stop = weakref.finalize(self, _stop, self._child, self._folder, os.getpid())
        self.ready = self._wait_until_ready(seconds)

    def _path(self, name: str) -> str:
        """A file in the folder that is removed with the service."""
        return os.path.join(self._folder, name)

    def described(self) -> Dict[str, Any]:
        """What the service says of itself to other programs of this machine."""
        with open(os.path.join(self._path("state"), "provision-sim", "local.json"), encoding="utf-8") as file:
            described: Dict[str, Any] = json.load(file)
            return described

    @property
    def log(self) -> str:
        """What the service has logged so far, at its end too."""
        try:
            with open(self._log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return self._last_log

    _last_log = ""

    def events(self) -> int:
        """How many registrations have ended so far."""
        with self._changed:
            return self._events

    def wait_for_event(self, seen: int, seconds: float) -> bool:
        """Waits until more than `seen` registrations have ended; False if the time is over before.

        Raises:
            StartError: if the service ends meanwhile.
        """
        with self._changed:
            happened = self._changed.wait_for(lambda: self._ended or self._events > seen, timeout=max(seconds, 0))
        if not happened or self.events() > seen:
            return happened
        self.raise_if_ended()
        return False

    def raise_if_ended(self) -> None:
        """Raises StartError if the service has ended by itself."""
        try:
            code = self._child.wait(_DYING_SECONDS)
        except subprocess.TimeoutExpired:
            return
        raise StartError(f"the service has ended by itself (exit code {code}); its log:\n{self.log}")

    def stop(self) -> None:
        """Ends it in order; with force if it does not."""
        self._last_log = self.log
        self._stop()

    def _environment(self, more: Mapping[str, str]) -> Dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.upper() in _KEPT_VARIABLES}
        own = self._path("state")
        return {**kept, "XDG_STATE_HOME": own, "LOCALAPPDATA": own, "NO_COLOR": "1", **more}

    def _wait_until_ready(self, seconds: float) -> Dict[str, Any]:
        lines: IO[bytes] = self._child.stdout  # type: ignore[assignment]
        first: Dict[str, Any] = {}
        faults: List[str] = []
        is_there = threading.Event()

        def follow(process: "weakref.ref[Process]") -> None:
            """Reads all that it prints, or it would stop at a full pipe."""
            for line in lines:
                event = _parsed(line)
                if event.get("event") == "ready":
                    first.update(event)
                    is_there.set()
                elif event.get("event") == "registration":
                    _told(process(), ended=False)
                elif isinstance(event.get("error"), dict):
                    faults.append(_fault(event["error"]))
            lines.close()
            is_there.set()
            _told(process(), ended=True)

        # It must not keep this object alive, or nobody would ever stop the service that is forgotten.
        threading.Thread(target=follow, args=(weakref.ref(self),), name="provision-sim events", daemon=True).start()
        in_time = is_there.wait(seconds)
        if first:
            return first
        if in_time:
            try:
                exit_code: Optional[int] = self._child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                exit_code = None
            what = f"the service did not start (exit code {exit_code})"
        else:
            what = f"the service is not ready after {seconds:g} s"
        self.stop()
        command = " ".join(map(str, self._child.args))  # type: ignore[arg-type]
        said = "\n".join([*faults, self.log.strip()]).strip()
        raise StartError(f"{what}: {said or '(it said nothing)'}\n{command}")


def _told(process: Optional[Process], ended: bool) -> None:
    if process is None:
        return
    with process._changed:
        process._events += not ended
        process._ended = process._ended or ended
        process._changed.notify_all()


def _fault(error: Dict[str, Any]) -> str:
    """An error as the program prints it for programs, for people."""
    causes = [f"  cause: {cause}" for cause in error.get("causes") or ()]
    return "\n".join([str(error.get("message")), *causes, *(f"  try: {each}" for each in error.get("remedies") or ())])


def _parsed(line: bytes) -> Dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _stop(child: "subprocess.Popen[bytes]", folder: str, owner: int) -> None:
    if os.getpid() != owner:
        # A fork that ends is not the end of whoever started the service.
        return
    if child.stdin is not None:
        child.stdin.close()
    if sys.platform != "win32" and child.poll() is None:
        # Forks may still hold the pipe.
        child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    # Its output has ended, and with it the thread that reads it.
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.02)  # Windows lets go of files a little later
