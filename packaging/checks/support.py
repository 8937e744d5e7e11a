"""What the checks of packages share: they say what they see, count it, and skip nothing in silence."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

# A service has started, or ended, long before; what takes longer hangs.
PATIENCE = 60


class Skip(Exception):
    """Something cannot be checked on this machine; the text says why."""


class Checks:
    """One file's checks. The first that fails ends the program."""

    def __init__(self, what: str) -> None:
        self.what, self.passed, self.skipped = what, 0, 0

    def that(self, holds, sentence: str, *evidence) -> None:
        """Counts what holds; ends with the evidence if it does not."""
        if not holds:
            print(f"FAILED  {self.what}: {sentence}", *evidence, sep="\n", flush=True)
            sys.exit(1)
        self.passed += 1
        print(f"ok      {self.what}: {sentence}", flush=True)

    @contextmanager
    def unless_skipped(self, sentence: str):
        """A part that may raise `Skip`, which is said aloud."""
        try:
            yield
        except Skip as reason:
            self.skipped += 1
            print(f"SKIPPED {self.what}: {sentence}: {reason}", flush=True)

    def end(self) -> None:
        """The last line."""
        skipped = f", {self.skipped} SKIPPED" if self.skipped else ""
        print(f"{self.what}: {self.passed} checks passed{skipped}")


def only(folder, pattern: str) -> Path:
    """The one file of that name."""
    found = sorted(Path(folder).glob(pattern))
    if len(found) != 1:
        sys.exit(f"{len(found)} files are called {pattern} in {folder}, and not one")
    return found[0]


def native(folder, pattern: str) -> Path:
    """The one file of that name for this machine: PROCESSOR in it stands for what the processor is called.

    Of two archives for Linux it is the one for musl, as in what a release makes of it.
    """
    names = {"x86_64": ("x86_64", "amd64"), "aarch64": ("aarch64", "arm64")}[os.uname().machine]
    found = {path for name in names for path in Path(folder).glob(pattern.replace("PROCESSOR", name))}
    musl = {path for path in found if "-musl" in path.name}
    if len(musl or found) != 1:
        sys.exit(f"{len(found)} files are called {pattern} in {folder}, and not one")
    return (musl or found).pop()


@contextmanager
def empty_folder():
    """A folder outside the tree, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="provision-sim-") as folder:
        yield Path(folder)


def bare(home: Path, **more: str) -> dict:
    """The environment of a machine on which nothing is installed and nothing else runs."""
    return {"PATH": "", "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), **more}


def run(command, **options) -> subprocess.CompletedProcess:
    """Runs a command to its end, and keeps what it prints."""
    options = {"text": True, "timeout": PATIENCE, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run([str(word) for word in command], capture_output=True, check=False, **options)


def first_green_toaster(binary: Path, folder: Path) -> subprocess.CompletedProcess:
    """The tutorial's scenario, with its files and nothing else of the tree."""
    contoso = folder / "contoso"
    contoso.mkdir()
    for file in (ROOT / "fixtures/contoso").iterdir():
        (contoso / file.name).write_bytes(file.read_bytes())
    return run([binary, "run", "contoso/scenario.toml"], cwd=folder, env=bare(folder))


class Container:
    """A folder as the root of a system that has nothing else: `enter.py` says how.

    Its network is its own, so that every port is free and nothing outside is reached.
    """

    def __init__(self, root: Path, user: int, environment: dict, names=()) -> None:
        self.root, self.user, self.environment = root, user, environment
        hosts = root / "etc/hosts"
        hosts.parent.mkdir(parents=True, exist_ok=True)
        # As every engine writes it, with what its own name service says besides.
        lines = ["127.0.0.1 localhost", "::1 localhost", *(f"127.0.0.1 {name}" for name in names)]
        hosts.write_text("\n".join(lines) + "\n")

    def command(self, *arguments: str, beside=None, devices: bool = True):
        """What runs `arguments` in it; `beside` a process that is running there."""
        given = {
            "root": str(self.root),
            "user": self.user,
            "environment": self.environment,
            "beside": beside.pid if beside else None,
            "devices": devices,
        }
        return [sys.executable, str(HERE / "enter.py"), json.dumps(given), *arguments]

    def run(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        """Runs a program to its end."""
        done = run(self.command(*arguments, **options))
        if done.returncode == 77:
            raise Skip(done.stderr.strip())
        return done

    @contextmanager
    def serving(self, *arguments: str):
        """Runs a service until it is healthy, then what is in the block."""
        command, program = self.command(*arguments), arguments[0]
        with tempfile.TemporaryFile("w+") as log:
            service = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True)
            try:
                wait_for(lambda: healthy(self, program, service), service, log)
                yield service
            finally:
                if service.poll() is None:
                    service.kill()
                service.wait()


def healthy(container: Container, program: str, service) -> bool:
    """What the image's HEALTHCHECK asks."""
    return container.run(program, "healthcheck", beside=service).returncode == 0


def wait_for(condition, process, log) -> None:
    """Asks until it holds, as long as the process lives."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > until:
            log.seek(0)
            said = log.read()
            if process.returncode == 77:
                raise Skip(said.strip())
            ended = "it still runs" if process.returncode is None else f"exit code {process.returncode}"
            sys.exit(f"the service does not come up ({ended})\n{said}")
        time.sleep(0.1)
