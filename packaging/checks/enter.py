"""Usage: enter.py JSON PROGRAM [ARGUMENT…]

Runs a program as a container engine does, by the same means of the kernel: with a folder as its root, a
network and process numbers of its own, another user, and an environment that is exactly what is given. As
root, or, if this is somebody else, in a user namespace. Ends with the program's exit code and hands SIGTERM
on; with 77 where the system allows none of this.

JSON: root, user, environment, beside (the number of an enter.py whose network to share), devices (whether
there are /dev/random and /dev/urandom).
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

NEW_USER, NEW_NETWORK, NEW_PROCESSES, NEW_MOUNTS = 0x10000000, 0x40000000, 0x20000000, 0x00020000
BIND, RECURSIVE, PRIVATE = 4096, 16384, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments) -> None:
    """A system call that Python has no name for."""
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        if code in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EINVAL, errno.ENOSPC):
            print(f"the system allows no {name}: {os.strerror(code)}", file=sys.stderr)
            sys.exit(77)
        raise OSError(code, os.strerror(code), name)


def own_namespaces(beside) -> None:
    """Leaves the machine's network, mounts and process numbers, and what only root may."""
    kinds = NEW_MOUNTS | NEW_PROCESSES
    root = os.geteuid() == 0
    if beside is not None:
        for kind in ("net",) if root else ("user", "net"):
            with open(f"/proc/{beside}/ns/{kind}", "rb") as namespace:
                call("setns", namespace.fileno(), 0)
        call("unshare", kinds)
        return
    user, group = os.geteuid(), os.getegid()
    call("unshare", kinds | NEW_NETWORK | (0 if root else NEW_USER))
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    # Loopback is down in a new network (SIOCSIFFLAGS, IFF_UP), and Docker lets everybody open 443.
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 1))
    Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")


def devices(root: str) -> None:
    """What the program needs of /dev, until this process's mounts vanish with it."""
    call("mount", None, b"/", None, RECURSIVE | PRIVATE, None)
    for name in ("random", "urandom"):
        device = Path(root) / "dev" / name
        device.parent.mkdir(exist_ok=True)
        device.touch()
        call("mount", f"/dev/{name}".encode(), str(device).encode(), None, BIND, None)


def main(given: dict, program) -> int:
    """Runs it to its end."""
    own_namespaces(given["beside"])
    if given["devices"]:
        devices(given["root"])
    child = os.fork()
    if child == 0:
        # The first process of its own numbers, as in a container: signals reach it only if it asks.
        os.chroot(given["root"])
        os.chdir("/")
        become(given["user"])
        os.execve(program[0], program, given["environment"])
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


def become(user: int) -> None:
    """The image's user; in a user namespace there is nobody but root, who is nobody outside."""
    try:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    except (PermissionError, OSError) as error:
        if error.errno not in (errno.EPERM, errno.EINVAL):
            raise


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
