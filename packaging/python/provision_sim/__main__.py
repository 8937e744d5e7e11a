"""`python -m provision_sim …` is `provision-sim …`."""

import os
import subprocess
import sys

from . import DpsError, find_binary


def main() -> int:
    try:
        command = [find_binary(), *sys.argv[1:]]
    except DpsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if sys.platform == "win32":
        # There is no exec that the shell would wait for.
        return subprocess.call(command)
    sys.stdout.flush()
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main())
