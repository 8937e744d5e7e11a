"""An allocation function that gives every device its hub and a first twin, but not heat pumps, as the tutorial's."""

import http.server
import json
import threading

from pki import HUB

INITIAL_TWIN = {
    "tags": {"site": "interop"},
    "properties": {"desired": {"interval": 30, "name": "Küche"}},
}


class Allocate(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(self.server.requests, "a") as requests:
            print(json.dumps(request), file=requests)
        if "heatpump" in request["deviceRuntimeContext"]["registrationId"]:
            self.send_error(400)
            return
        body = json.dumps({"iotHubHostName": HUB, "initialTwin": INITIAL_TWIN}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start(requests):
    """Serves it on a loopback port until the process ends, and keeps what it is sent in a file; returns its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Allocate)
    server.requests = requests
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/api/Allocate?code=interop"
