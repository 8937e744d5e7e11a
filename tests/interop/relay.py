"""Azure's own ports on a loopback address of this run's own, for clients that take neither proxy nor port.

Java's AMQP opens its sockets past the machine's SOCKS settings, at 5671 and, for WebSocket, 443; Node's with a TPM
loses what it was told of a proxy for the latter.
"""

import contextlib
import os
import socket
import threading

# What a client dials, and which of the service's addresses it means.
PORTS = {5671: "amqp", 443: "https"}


def start(facts):
    """Listens until the process ends; returns the address."""
    pid = os.getpid()
    address = f"127.{64 + (pid >> 16) % 64}.{pid >> 8 & 255}.{pid & 255}"
    for port, name in PORTS.items():
        host, _, to = facts[name].rpartition(":")
        try:
            listener = socket.create_server((address, port))
        except PermissionError as error:
            hint = f"as root, or after `sysctl net.ipv4.ip_unprivileged_port_start={port}`"
            raise RuntimeError(f"some SDKs dial {port} and no other port; this may be listened at {hint}") from error
        threading.Thread(target=accept, args=(listener, (host.strip("[]"), int(to))), daemon=True).start()
    return address


def accept(listener, to):
    while True:
        here, _ = listener.accept()
        try:
            there = socket.create_connection(to)
        except OSError:
            here.close()
            continue
        for ends in ((here, there), (there, here)):
            threading.Thread(target=carry, args=ends, daemon=True).start()


def carry(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
        return
    # Whoever broke off is followed on the other side.
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
