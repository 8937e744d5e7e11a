"""Where the program is."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from importlib import metadata
from typing import Iterator

from ._errors import StartError

VARIABLE = "PROVISION_SIM"
_NAME = "provision-sim" + (".exe" if sys.platform == "win32" else "")


def find_binary() -> str:
    """The path of the program `provision-sim`.

    The variable PROVISION_SIM goes before the one that was installed with this package, and that one
    before any on PATH, which may be of another version.

    Raises:
        StartError: if there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.path.isfile(named):
            raise StartError(f"{VARIABLE} is {named!r}, and there is no such file")
        return named
    for path in _installed():
        if os.path.isfile(path):
            return path
    found = shutil.which("provision-sim")
    if found:
        return found
    raise StartError(
        "the program provision-sim is neither installed with this package nor on PATH; "
        f"install the wheel (pip install provision-sim), or name the program in the variable {VARIABLE}"
    )


def _installed() -> Iterator[str]:
    try:
        # The exact place, also with `pip install --user`, `--target` and `--prefix`.
        for file in metadata.files("provision-sim") or ():
            if file.name == _NAME:
                yield str(file.locate())
    except metadata.PackageNotFoundError:
        pass
    yield os.path.join(sysconfig.get_path("scripts"), _NAME)
