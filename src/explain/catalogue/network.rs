//! Failures of names and sockets.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::TRANSPORT;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The host name has no address.",
        causes: &[
            hint(About::Host, "the name is mistyped"),
            hint(
                About::Network,
                "this machine has no DNS, or one that does not know names outside",
            ),
            hint(
                About::Azure,
                "the instance was deleted, or its private endpoint resolves only inside its network",
            ),
        ],
        remedies: &[
            hint(
                About::Host,
                "check --host; the name of all of Azure is global.azure-devices-provisioning.net",
            ),
            hint(About::Network, "ask another resolver: `nslookup HOST 1.1.1.1`"),
        ],
        rules: &["A.1"],
        aliases: &[
            "name or service not known",
            "failed dns lookup",
            "getaddrinfo",
            "enotfound",
            "temporary failure in name resolution",
            "nodename nor servname",
            "no address associated",
            "no such host is known",
            "cannot find the address",
        ],
        ..fault("dns", "the host name has no address")
    },
    Entry {
        meaning: "The host is there, and nothing listens on the port.",
        causes: &[
            hint(About::Local, "the service on this machine is not running, or not any more"),
            hint(About::Host, "nothing listens there: the port is wrong, or the service is down"),
            hint(
                About::Network,
                "a firewall refuses the port (8883 for MQTT, else 443) instead of letting it through",
            ),
        ],
        remedies: &[
            hint(About::Local, "start `provision-sim serve`"),
            hint(About::Host, "check --host and its port"),
            hint(
                About::Network,
                "--transport auto finds what the network lets through: 443 often is open where 8883 is not",
            ),
        ],
        rules: &["A.1"],
        aliases: &[
            "connection refused",
            "econnrefused",
            "connect failure 111",
            "os error 111",
            "os error 61",
            "os error 10061",
            "winerror 10061",
            "actively refused it",
        ],
        ..fault("refused", "nothing listens on the port")
    },
    Entry {
        meaning: "This machine knows no way to the address.",
        causes: &[
            hint(About::Network, "the machine is offline, or has no route"),
            hint(About::Network, "the name has an IPv6 address and this network has no IPv6"),
        ],
        remedies: &[hint(
            About::Network,
            "check the network of this machine: `ip route get ADDRESS` on Linux, `route get ADDRESS` on macOS, `route print` on Windows",
        )],
        rules: &["A.1"],
        aliases: &[
            "network is unreachable",
            "no route to host",
            "host is unreachable",
            "enetunreach",
            "ehostunreach",
            "os error 101",
            "os error 113",
            "os error 51",
            "os error 65",
            "os error 10051",
            "os error 10065",
            "winerror 10051",
            "winerror 10065",
            "unreachable network",
            "unreachable host",
        ],
        ..fault("unreachable", "there is no way to the host")
    },
    Entry {
        meaning: "The operating system gave up: nobody answered the TCP connection.",
        causes: &[
            hint(About::Network, "a firewall swallows the packets instead of refusing them"),
            hint(About::Host, "the host is down, or the address is not its own any more"),
        ],
        remedies: &[
            hint(
                About::Network,
                "--transport auto finds what the network lets through; or try another network",
            ),
            hint(About::Host, "check that the host is up"),
        ],
        rules: &["A.1"],
        aliases: &[
            "connection timed out",
            "operation timed out",
            "etimedout",
            "os error 110",
            "os error 60",
            "os error 10060",
            "winerror 10060",
            "did not properly respond after a period of time",
        ],
        ..fault("timed-out", "nobody answered the TCP connection")
    },
    Entry {
        meaning: "The connection was taken and then torn down.",
        causes: &[
            hint(About::Network, "a firewall or a load balancer ends connections it does not like"),
            hint(About::Any, "the server was restarted"),
        ],
        remedies: &[hint(About::Any, "try again; if it stays so, try another network")],
        rules: &["A.1"],
        aliases: &[
            "connection reset",
            "econnreset",
            "errno=104",
            "os error 104",
            "os error 54",
            "os error 10054",
            "winerror 10054",
            "forcibly closed by the remote host",
            "broken pipe",
            "mqtt communication error",
        ],
        ..fault("reset", "the connection was reset")
    },
    Entry {
        meaning: "TLS stood, CONNECT was sent, and the server hung up without a CONNACK.",
        causes: &[
            hint(About::Any, "the service is overloaded, or does not speak MQTT on this port"),
            hint(About::Network, "something between here and there cuts MQTT off"),
            hint(
                About::Any,
                "the CONNECT packet breaks MQTT 3.1.1, which a server may answer by hanging up",
            ),
        ],
        remedies: &[
            hint(About::Any, "try again"),
            hint(About::Network, "if it stays so, --transport auto, or another network"),
            hint(
                About::Local,
                "read the log of `provision-sim serve`: it has the number of the rule that was broken",
            ),
        ],
        rules: &["A.7"],
        aliases: &[
            "mqtt communication error",
            "instead of answering connect",
            "connectiondroppederror",
        ],
        ..fault(
            "closed-before-connack",
            "the server closed the connection instead of answering CONNECT",
        )
    },
    Entry {
        meaning: "TLS stood, and the server hung up before the AMQP connection did: instead of its own header, the outcome of SASL, or `open`.",
        causes: &[
            hint(About::Host, "the port is not that of AMQP"),
            hint(About::Network, "a middlebox ends connections that it cannot read"),
            hint(About::Any, "the service restarted, or takes no more connections"),
        ],
        remedies: &[
            hint(About::Any, "try again"),
            hint(About::Network, "if it stays so, --transport auto, or another network"),
            hint(About::Host, "DPS speaks AMQP on port 5671; check the host and its port"),
            hint(About::Local, "read the log of `provision-sim serve`: it says why"),
        ],
        rules: &["J-358"],
        aliases: &["instead of answering amqp", "connection closed before open"],
        ..fault("closed-before-open", "the server hung up instead of opening an AMQP connection")
    },
    Entry {
        meaning: "TLS stood, the request was sent over HTTPS, and the server hung up, again and again.",
        causes: &[
            hint(About::Host, "the port belongs to something else than HTTPS, such as MQTT"),
            hint(About::Network, "a firewall cuts it off"),
        ],
        remedies: &[hint(About::Host, "DPS speaks HTTPS on port 443; check --host and its port")],
        rules: &["J-107"],
        aliases: &["server disconnected without sending a response", "remotedisconnected"],
        ..fault(
            "unanswered",
            "the server closed the connection instead of answering the first request",
        )
    },
    Entry {
        meaning: "TLS stood, and the server did not answer the WebSocket handshake with 101, or not as it must.",
        causes: &[
            hint(
                About::Network,
                "something answers in the service's place: a proxy, a firewall, or a page to log in",
            ),
            hint(About::Host, "the host serves HTTPS, but it is not DPS"),
        ],
        remedies: &[
            hint(About::Network, "log in to the network, or give its proxy with --proxy"),
            hint(About::Host, "check --host: MQTT and AMQP over WebSocket are on port 443"),
            hint(About::Network, "--transport auto finds what the network lets through"),
        ],
        rules: &["A-2", "J-102"],
        aliases: &[
            "opened no websocket",
            "unexpected server response",
            "websocket handshake",
            "websocket upgrade",
        ],
        ..fault("upgrade", "the server opened no WebSocket")
    },
    Entry {
        meaning: "While several transports are tried, one was silent for its share of the time.",
        causes: &[
            hint(About::Network, "a firewall swallows the packets"),
            hint(About::Host, "nothing listens at this host"),
        ],
        remedies: &[
            hint(About::Local, "start `provision-sim serve`"),
            hint(About::Host, "check --host"),
        ],
        rules: &["J-103"],
        ..fault("no-answer", "a transport got no answer")
    },
    Entry {
        meaning: "`--transport auto` tried MQTT, MQTT over WebSocket, HTTPS, AMQP and AMQP over WebSocket, and none got through; the message says why not, one by one.",
        causes: &[
            hint(About::Local, "the service on this machine is not running, or not any more"),
            hint(About::Network, "a firewall is in the way"),
            hint(About::Host, "nothing listens at this host"),
        ],
        remedies: &[
            hint(About::Local, "start `provision-sim serve`"),
            hint(About::Host, "check --host"),
            hint(About::Network, "if the network has a proxy, give it: --proxy http://HOST:PORT"),
        ],
        rules: &["J-103"],
        ..fault("no-transport", "no transport gets through")
    },
    Entry {
        meaning: "No TCP connection, for a reason that has no entry of its own.",
        causes: &[
            hint(About::Network, "a local firewall or a sandbox forbids it"),
            hint(About::Any, "this machine has run out of ports or of open files"),
        ],
        remedies: &[hint(About::Any, "read the operating system's words in the message")],
        rules: &["A.1"],
        aliases: &["eacces", "too many open files", "cannot assign requested address"],
        ..fault("connect", "no TCP connection could be opened")
    },
];

const fn fault(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Network,
        class: Class::Network,
        c_sdk_result: TRANSPORT,
        rules: &[],
        aliases: &[],
        is_ours: false,
    }
}
