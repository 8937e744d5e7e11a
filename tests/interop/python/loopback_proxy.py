"""A SOCKS5 proxy that knows only the service.

The Python and Java SDKs can be given neither a port nor an address, but a proxy (Java's virtual machine
can). Through this one they dial the real name and the real port, and arrive at the local service;
whatever else they might dial is refused.
"""

import socket
import socketserver
import struct
import threading

NO_SUCH_HOST, GRANTED = 4, 0


def start(routes):
    """Serves `routes`, from (host name or address, port) to "address:port"; returns the proxy's own port."""

    class Connection(socketserver.BaseRequestHandler):
        def handle(self):
            target = routes.get(greet(self.request))
            if target is None:
                return reply(self.request, NO_SUCH_HOST)
            address, _, port = target.rpartition(":")
            with socket.create_connection((address, int(port)), timeout=10) as onward:
                onward.settimeout(None)
                reply(self.request, GRANTED)
                back = threading.Thread(target=pump, args=(onward, self.request), daemon=True)
                back.start()
                pump(self.request, onward)
                back.join()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def greet(client):
    """RFC 1928: method selection without authentication, then CONNECT; returns what is wanted."""
    _, methods = struct.unpack("!BB", exactly(client, 2))
    exactly(client, methods)
    client.sendall(b"\x05\x00")
    _, command, _, kind = struct.unpack("!BBBB", exactly(client, 4))
    if command != 1 or kind not in (1, 3):  # CONNECT, to an IPv4 address or by name, which is not looked up here
        return None
    host = exactly(client, exactly(client, 1)[0]).decode() if kind == 3 else socket.inet_ntoa(exactly(client, 4))
    return host, struct.unpack("!H", exactly(client, 2))[0]


def reply(client, code):
    client.sendall(struct.pack("!BBBBIH", 5, code, 0, 1, 0, 0))


def exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("the client closed in the middle of the greeting")
        data += more
    return data


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one side is gone; the other learns it from its own socket
