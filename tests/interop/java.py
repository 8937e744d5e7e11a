"""How a Java virtual machine is led to the local service, by options of its own alone.

The Java SDKs know no port but 8883 and 443, and no trust but the machine's. So all that is dialled goes
through a proxy on loopback, which knows the service; names come from a hosts file, which knows no others;
and the service's CA is in a trust store, made as the README of the project says.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE / "python"))
import loopback_proxy  # noqa: E402

from pki import HUB  # noqa: E402

DPS = "global.azure-devices-provisioning.net"
PASSWORD = "changeit"


def command(installed, folder, facts):
    """The command before a class and its cases. `folder` gets what it needs, once for each run."""
    names = {DPS: "127.0.0.2", HUB: "127.0.0.3"}  # nobody listens there
    store, hosts, port = folder / "trust.jks", folder / "hosts", folder / "proxy-port"
    if not store.exists():
        keytool = ["keytool", "-importcert", "-noprompt", "-storepass", PASSWORD, "-alias", "provision-sim"]
        keytool += ["-file", facts["caFile"], "-keystore", str(store)]
        subprocess.run(keytool, check=True, capture_output=True, timeout=30)
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in names.items()))
        # MQTT asks for the address, HTTPS for the name.
        hosts_served = [*names, *names.values()]
        routes = {(host, 8883): facts["mqtt"] for host in hosts_served}
        routes |= {(host, 443): facts["https"] for host in hosts_served}
        port.write_text(str(loopback_proxy.start(routes)))
    options = {
        "javax.net.ssl.trustStore": store,
        "javax.net.ssl.trustStorePassword": PASSWORD,
        "jdk.net.hosts.file": hosts,
        "socksProxyHost": "127.0.0.1",
        "socksProxyPort": port.read_text(),
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
