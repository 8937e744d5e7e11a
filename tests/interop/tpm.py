"""A TPM of its own for whoever asks: swtpm, as bare commands over TCP and as Microsoft's simulator has them.

swtpm speaks neither to several clients nor the simulator's framing, so a relay stands before it:

    raw         commands and responses as they are
    simulator   each in a frame; this port's next is the simulator's platform port, which switches the power
"""

import contextlib
import itertools
import pathlib
import shutil
import socket
import struct
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where `run` unpacks it if it may not install it.
UNPACKED = ROOT / "target" / "interop" / "swtpm"

# What a client of the simulator says first in each frame.
SEND_COMMAND, HANDSHAKE = 8, 15
POWER_ON, MEMORY_ON = 1, 11
VERSION, POWER_CAN_BE_SWITCHED = 1, 1


@contextlib.contextmanager
def started(folder):
    """A new TPM, whose state is in `folder`; gives its ports, and ends it."""
    folder.mkdir(parents=True)
    here, there = socket.socketpair()
    command = [program(), "socket", "--tpm2", "--fd", str(there.fileno()), "--tpmstate", f"dir={folder}"]
    # It is on already, as a machine's is when the system runs.
    command += ["--flags", "not-need-init,startup-clear", "--log", f"file={folder / 'log'}"]
    process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, pass_fds=[there.fileno()])
    there.close()
    chip = Chip(here)
    ports = {"raw": [bare], "simulator": [framed, switched]}
    listeners = {name: adjacent(len(serving)) for name, serving in ports.items()}
    try:
        for name, serving in ports.items():
            for listener, serve in zip(listeners[name], serving):
                threading.Thread(target=accept, args=(listener, serve, chip), daemon=True).start()
        yield {name: ours[0].getsockname()[1] for name, ours in listeners.items()}
    finally:
        for listener in itertools.chain(*listeners.values()):
            listener.close()
        here.close()
        process.kill()
        process.wait()


def program():
    return shutil.which("swtpm") or UNPACKED / "usr" / "bin" / "swtpm"


def environment():
    """Where it is unpacked, its libraries are, too."""
    folders = [str(it) for it in UNPACKED.glob("usr/lib/**/")]
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}


def adjacent(count):
    """So many listeners, on ports that follow each other."""
    while True:
        listeners = [socket.create_server(("127.0.0.1", 0))]
        port = listeners[0].getsockname()[1]
        try:
            listeners += [socket.create_server(("127.0.0.1", port + n)) for n in range(1, count)]
            return listeners
        except (OSError, OverflowError):
            listeners[0].close()


class Chip:
    """The TPM, which does one command at a time, whoever says it."""

    def __init__(self, link):
        self.link = link
        self.lock = threading.Lock()

    def does(self, command):
        with self.lock:
            self.link.sendall(command)
            return message(self.link)


def message(link):
    """One command or response: its header says how long it is."""
    header = exactly(link, 10)
    return header + exactly(link, struct.unpack_from(">I", header, 2)[0] - len(header))


def exactly(link, count):
    data = b""
    while len(data) < count:
        more = link.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def accept(listener, serve, chip):
    with contextlib.suppress(OSError):
        while True:
            link, _ = listener.accept()
            threading.Thread(target=conversation, args=(link, serve, chip), daemon=True).start()


def conversation(link, serve, chip):
    with link, contextlib.suppress(OSError, EOFError):
        while serve(link, chip):
            pass


def bare(link, chip):
    link.sendall(chip.does(message(link)))
    return True


def framed(link, chip):
    """Whoever says what the simulator does not know, or that it is done, is hung up on."""
    (kind,) = struct.unpack(">I", exactly(link, 4))
    if kind == HANDSHAKE:
        exactly(link, 4)  # the client's version
        link.sendall(struct.pack(">III", VERSION, POWER_CAN_BE_SWITCHED, 0))
    elif kind == SEND_COMMAND:
        _locality, size = struct.unpack(">BI", exactly(link, 5))
        response = chip.does(exactly(link, size))
        link.sendall(struct.pack(">I", len(response)) + response + struct.pack(">I", 0))
    return kind in (SEND_COMMAND, HANDSHAKE)


def switched(link, _chip):
    """Power and memory are on, and stay so."""
    (kind,) = struct.unpack(">I", exactly(link, 4))
    if kind in (POWER_ON, MEMORY_ON):
        link.sendall(struct.pack(">I", 0))
    return kind in (POWER_ON, MEMORY_ON)
