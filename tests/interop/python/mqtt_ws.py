"""MQTT over WebSocket, port 443."""

import device
import witness

witness.main(device.cases(websockets=True))
