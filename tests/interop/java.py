"""How a Java virtual machine is led to the local service, by options of its own alone.

The Java SDKs know no port but 8883, 5671 and 443, and no trust but the machine's. So all that is dialled goes
through the service's gateway, as SOCKS; names come from a hosts file, which knows no others; and the service's
CA is in a trust store, made as the README of the project says. Only AMQP opens its sockets past SOCKS: what the
hosts file says is where relay.py listens.
"""

import subprocess

from pki import HUB

DPS = "global.azure-devices-provisioning.net"
PASSWORD = "changeit"


def command(installed, folder, facts):
    """The command before a class and its cases. `folder` gets what it needs, once for each run."""
    store, hosts = folder / "trust.jks", folder / "hosts"
    if not store.exists():
        keytool = ["keytool", "-importcert", "-noprompt", "-storepass", PASSWORD, "-alias", "provision-sim"]
        keytool += ["-file", facts["caFile"], "-keystore", str(store)]
        subprocess.run(keytool, check=True, capture_output=True, timeout=30)
        hosts.write_text(f"127.0.0.1 localhost\n{facts['azure']} {DPS} {HUB}\n")
    # MQTT asks it for the address, HTTPS for the name.
    gateway, _, port = facts["gateway"].rpartition(":")
    options = {
        "javax.net.ssl.trustStore": store,
        "javax.net.ssl.trustStorePassword": PASSWORD,
        "jdk.net.hosts.file": hosts,
        "socksProxyHost": gateway,
        "socksProxyPort": port,
    }
    # Less to compile and to collect: these are short runs on a machine that has other things to do.
    return [
        "java",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Dfile.encoding=UTF-8",
        *(f"-D{name}={value}" for name, value in options.items()),
        *("-cp", f"{installed / 'classes'}:{installed / 'lib'}/*"),
    ]
