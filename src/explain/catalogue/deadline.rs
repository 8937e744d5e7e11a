//! The deadline passed: for what the device was waiting.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::TIMEOUT;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The resolver gave no answer, not even that there is no such name.",
        causes: &[hint(
            About::Network,
            "the DNS server is not reachable, or a firewall swallows port 53",
        )],
        remedies: &[hint(
            About::Network,
            "ask the resolver: `nslookup HOST`; on Linux /etc/resolv.conf names it",
        )],
        ..late("deadline-dns", "the name lookup did not end")
    },
    Entry {
        meaning: "The packets go out and nothing comes back.",
        causes: &[
            hint(
                About::Network,
                "a firewall swallows the packets; many let 443 through and 8883 not",
            ),
            hint(
                About::Local,
                "the service is stopped in a debugger, or has more connections waiting than it takes",
            ),
            hint(About::Host, "the host is not there"),
        ],
        remedies: &[
            hint(
                About::Network,
                "--transport auto finds what the network lets through; `provision-sim diagnose` shows it port by port",
            ),
            hint(About::Host, "check that the host and its port can be reached from here"),
        ],
        ..late("deadline-tcp", "nothing answered the TCP connection")
    },
    Entry {
        meaning: "The proxy took the TCP connection and did not answer CONNECT.",
        causes: &[hint(About::Any, "the proxy hangs, or it is no HTTP proxy")],
        remedies: &[hint(
            About::Any,
            "check --proxy, HTTPS_PROXY and ALL_PROXY; --proxy '' goes without",
        )],
        rules: &["J-104"],
        ..late("deadline-proxy", "the proxy did not answer CONNECT")
    },
    Entry {
        meaning: "TCP stood, and the server did not go on with TLS.",
        causes: &[
            hint(About::Host, "the port belongs to something that waits for another protocol"),
            hint(About::Network, "a firewall lets TCP through and holds TLS back"),
            hint(About::Any, "the server hangs"),
        ],
        remedies: &[hint(
            About::Host,
            "check the port: 8883 for MQTT, 443 for HTTPS and WebSockets",
        )],
        ..late("deadline-tls", "the server did not answer the TLS handshake")
    },
    Entry {
        meaning: "TLS stood, and the server did not answer the opening handshake of the WebSocket.",
        causes: &[
            hint(About::Host, "the port belongs to a TLS service that does not speak HTTP"),
            hint(About::Network, "a firewall holds WebSockets back"),
            hint(About::Any, "the server hangs"),
        ],
        remedies: &[
            hint(
                About::Host,
                "check the host and the port: MQTT and AMQP over WebSocket are on 443",
            ),
            hint(About::Network, "--transport auto finds what the network lets through"),
        ],
        rules: &["A-2"],
        ..late("deadline-upgrade", "the server did not answer the WebSocket handshake")
    },
    Entry {
        meaning: "TLS stood, CONNECT was sent, and the server kept silent.",
        causes: &[
            hint(About::Host, "the port belongs to a TLS service that does not speak MQTT"),
            hint(About::Any, "the server hangs"),
        ],
        remedies: &[hint(About::Host, "check the host and the port: MQTT is on 8883")],
        ..late("deadline-connack", "the server did not answer CONNECT")
    },
    Entry {
        meaning: "`--transport auto` tried MQTT, MQTT over WebSocket, HTTPS, AMQP and AMQP over WebSocket, and all met with silence.",
        causes: &[
            hint(About::Network, "a firewall swallows the packets"),
            hint(About::Host, "the host is not there"),
        ],
        remedies: &[
            hint(About::Local, "start `provision-sim serve`"),
            hint(About::Host, "check --host"),
            hint(About::Network, "if the network has a proxy, give it: --proxy http://HOST:PORT"),
        ],
        rules: &["J-103"],
        ..late("deadline-transports", "no transport got an answer")
    },
    Entry {
        at_fault: Party::Network,
        meaning: "The connection was lost after the registration had begun, and could not be opened again in time.",
        causes: &[
            hint(About::Network, "the network is unsteady"),
            hint(About::Any, "the service went down"),
        ],
        remedies: &[hint(
            About::Any,
            "register again: it is safe, the device keeps its enrollment",
        )],
        ..late("deadline-reconnect", "the connection was lost and could not be resumed")
    },
    Entry {
        at_fault: Party::Service,
        meaning: "The service took CONNECT and did not answer SUBSCRIBE.",
        causes: &[hint(About::Any, "the service hangs, or it is not DPS")],
        remedies: &[hint(About::Host, "check the host")],
        ..late("deadline-suback", "the service did not answer SUBSCRIBE")
    },
    Entry {
        meaning: "TLS stood, and the server did not answer AMQP's header, or the sign-in by SASL behind it.",
        causes: &[
            hint(About::Host, "the port is not that of AMQP"),
            hint(About::Network, "a middlebox lets TLS through and swallows what follows"),
        ],
        remedies: &[
            hint(About::Network, "try --transport amqp-ws or https"),
            hint(About::Host, "DPS speaks AMQP on port 5671; check the host and its port"),
        ],
        ..late("deadline-sasl", "the server did not answer the sign-in by SASL")
    },
    Entry {
        meaning: "TLS stood, and the server did not answer `open`, with which an AMQP connection begins.",
        causes: &[
            hint(About::Host, "the port is not that of AMQP"),
            hint(About::Network, "a middlebox lets TLS through and swallows what follows"),
        ],
        remedies: &[
            hint(About::Network, "try --transport amqp-ws or https"),
            hint(About::Host, "DPS speaks AMQP on port 5671; check the host and its port"),
        ],
        ..late("deadline-open", "the server did not answer AMQP's `open`")
    },
    Entry {
        at_fault: Party::Service,
        meaning: "The service opened the AMQP connection and did not answer `begin` or `attach`.",
        causes: &[hint(About::Any, "the service hangs, or it is not DPS")],
        remedies: &[hint(About::Host, "check the host")],
        ..late("deadline-attach", "the service did not answer `attach`")
    },
    Entry {
        at_fault: Party::Service,
        meaning: "A register or poll request was sent, and no answer came, with or without PUBACK.",
        causes: &[hint(About::Any, "the service hangs, or it is not DPS")],
        remedies: &[
            hint(About::Any, "register again: it is safe, the device keeps its enrollment"),
            hint(About::Local, "read the log of `provision-sim serve`"),
        ],
        ..late("deadline-answer", "the service did not answer a request")
    },
    Entry {
        at_fault: Party::Webhook,
        meaning: "The service works on the registration and has no result yet.",
        causes: &[
            hint(
                About::Webhook,
                "the enrollment's webhook is slow, or answers 429 or 5xx and is being asked again: on Azure for up to 7 minutes",
            ),
            hint(About::Any, "retry-after is longer than the time that is left"),
        ],
        remedies: &[
            hint(About::Webhook, "look at the webhook's log; give it more time with --timeout"),
            hint(About::Any, "register again: it is safe, the device keeps its enrollment"),
        ],
        rules: &["A-17", "G.5", "J-4"],
        ..late("deadline-assigning", "the registration is still being assigned")
    },
    Entry {
        at_fault: Party::Service,
        meaning: "The service answered 429 or 5xx to the end.",
        causes: &[
            hint(
                About::Any,
                "the service is throttling: more devices register than its quota allows",
            ),
            hint(About::Any, "the service is in trouble"),
        ],
        remedies: &[hint(About::Any, "try again later, or give it more time with --timeout")],
        rules: &["A-16", "H.3", "J-48"],
        ..late("deadline-busy", "the service was busy to the end")
    },
];

const fn late(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Network,
        class: Class::Deadline,
        c_sdk_result: TIMEOUT,
        rules: &["A.1"],
        aliases: &[],
        is_ours: false,
    }
}
