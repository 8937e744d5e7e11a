"""MQTT, port 8883."""

import device
import witness

witness.main(device.cases(websockets=False))
