//! Failures between a provisioned device and its hub.

use super::super::entry::{About, Entry, Party, hint};
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The hub that the service named has no address.",
        causes: &[
            hint(About::Host, "there is no hub of this name: it was deleted, or never was"),
            hint(About::Network, "this machine has no DNS for it"),
        ],
        remedies: &[
            hint(
                About::Network,
                "--hub-gateway HOST:PORT dials another address in the hub's place",
            ),
            hint(About::Azure, "register again: the service names a hub that is there"),
        ],
        rules: &["J-141", "J-143"],
        ..fault("hub-dns", "the hub's name has no address", Class::Network)
    },
    Entry {
        meaning: "No TCP connection to the hub.",
        causes: &[
            hint(About::Host, "nothing listens there"),
            hint(
                About::Network,
                "a firewall blocks the port (8883 for MQTT, 5671 for AMQP, else 443)",
            ),
        ],
        remedies: &[
            hint(About::Network, "take --transport mqtt-ws, or auto"),
            hint(About::Any, "check --hub-gateway if you gave one"),
        ],
        rules: &["J-141"],
        ..fault("hub-connect", "the hub cannot be connected to", Class::Network)
    },
    Entry {
        meaning: "The proxy opened no way to the hub.",
        causes: &[hint(About::Any, "the proxy does not let this host or this port through")],
        remedies: &[
            hint(About::Any, "take --transport mqtt-ws: many proxies allow port 443 only"),
            hint(About::Any, "ask whoever runs the proxy to allow the hub"),
        ],
        rules: &["J-141"],
        ..fault("hub-proxy", "the proxy does not let the device through to the hub", Class::Network)
    },
    Entry {
        meaning: "Whoever answered has no certificate for the hub's name.",
        causes: &[hint(About::Any, "what was dialled is not this hub")],
        remedies: &[hint(
            About::Any,
            "check --hub-gateway; a local service has certificates for its own hubs only",
        )],
        rules: &["J-141"],
        ..fault("hub-tls-wrong-name", "the certificate is not the hub's", Class::Network)
    },
    Entry {
        meaning: "The hub's certificate was not issued by an authority that is trusted here.",
        causes: &[
            hint(
                About::Trust,
                "--ca-file is for the provisioning service, and the hub's certificate is signed by another",
            ),
            hint(About::Network, "a proxy opens TLS on the way"),
        ],
        remedies: &[hint(About::Trust, "give both authorities in --ca-file")],
        rules: &["J-141"],
        ..fault("hub-tls-unknown-issuer", "the hub's certificate is not trusted", Class::Network)
    },
    Entry {
        meaning: "The hub's certificate has expired, is not valid yet, or is broken.",
        causes: &[hint(About::Any, "this machine's clock is wrong, or the hub's certificate is")],
        remedies: &[hint(About::Any, "check the clock: `date -u`")],
        rules: &["J-141"],
        ..fault("hub-tls-certificate", "the hub's certificate is no good", Class::Network)
    },
    Entry {
        meaning: "The TLS handshake with the hub failed.",
        causes: &[
            hint(About::Host, "the port is no TLS port of a hub"),
            hint(About::Certificate, "the hub does not like the device's certificate"),
        ],
        remedies: &[
            hint(About::Any, "check --hub-gateway"),
            hint(About::Certificate, "check the device's certificate"),
        ],
        rules: &["J-141"],
        ..fault("hub-tls", "there is no TLS with the hub", Class::Network)
    },
    Entry {
        meaning: "TLS stood, and the hub did not answer the WebSocket handshake with 101, or not as it must.",
        causes: &[
            hint(About::Network, "something answers in the hub's place: a proxy or a firewall"),
            hint(About::Host, "what was dialled is no IoT hub"),
        ],
        remedies: &[hint(About::Any, "try --transport mqtt, or another network")],
        rules: &["J-141"],
        ..fault("hub-upgrade", "the hub opened no WebSocket", Class::Network)
    },
    Entry {
        meaning: "TLS stood, CONNECT was sent, or over AMQP a header or `open`, and the hub hung up without an answer.",
        causes: &[
            hint(About::Any, "the hub is overloaded"),
            hint(About::Host, "what was dialled speaks another protocol: look at --hub-gateway"),
            hint(About::Network, "something between here and there cuts MQTT or AMQP off"),
        ],
        remedies: &[hint(
            About::Any,
            "try again; if it stays so, --transport mqtt-ws, or another network",
        )],
        rules: &["I.1"],
        ..fault("hub-closed", "the hub closed the connection instead of answering", Class::Network)
    },
    Entry {
        meaning: "The device has its hub, and is told to speak to it by a connection profile that this program does not speak: it knows `classic`, MQTT 3.1.1 and AMQP as they have always been. `mqttV5` is MQTT 5 in topics of its own. Nothing was dialled.",
        causes: &[
            hint(About::Azure, "the hub is one of another kind, for devices of a later SDK"),
            hint(
                About::Local,
                "the hub has a `connectionProfile` in `linkedHubs`, or a fault says one",
            ),
        ],
        remedies: &[
            hint(About::Any, "let the device be assigned to a hub of the profile `classic`"),
            hint(
                About::Any,
                "only API versions from 2026-11-02-preview on tell the profile: see --api-version",
            ),
        ],
        rules: &["J-496"],
        ..fault("hub-profile", "the hub is spoken to in another way", Class::NotAssigned)
    },
    Entry {
        meaning: "CONNACK 4 or 5 from a hub; over AMQP a token that it does not take, or a link that it does not grant: it does not let this device in. Unlike DPS, a hub checks the credential at once.",
        causes: &[
            hint(About::Id, "the hub has no device of this ID, or has it disabled"),
            hint(
                About::Key,
                "the hub has another key for it: the enrollment's was changed after the device was provisioned",
            ),
            hint(
                About::Certificate,
                "the hub has another certificate for it: the device was provisioned with another one",
            ),
            hint(About::Certificate, "its certificate has expired, or is not valid yet"),
            hint(
                About::Clock,
                "this machine's clock is far off, so that the token has expired already",
            ),
        ],
        remedies: &[
            hint(About::Id, "register again: that brings device and hub into line"),
            hint(About::Local, "read the log of `provision-sim serve`: it says which check failed"),
            hint(
                About::Azure,
                "look at the device: `az iot hub device-identity show --hub-name HUB --device-id ID`",
            ),
        ],
        at_fault: Party::Identity,
        rules: &["I.1", "J-142", "J-143"],
        aliases: &["the hub refused the token: status 40"],
        ..fault("hub-identity", "the hub does not let the device in", Class::Identity)
    },
    Entry {
        meaning: "CONNACK 3 from a hub.",
        causes: &[hint(
            About::Any,
            "the hub is down for a moment, or over its quota of connections or messages",
        )],
        remedies: &[hint(
            About::Any,
            "try again later; the assignment stays good, so that registering again is no help",
        )],
        at_fault: Party::Service,
        rules: &["J-143"],
        ..fault("hub-unavailable", "the hub is unavailable", Class::NotAssigned)
    },
    Entry {
        meaning: "CONNACK 1 or 2 from what should be a hub.",
        causes: &[hint(
            About::Any,
            "the hub does not accept this program's MQTT, or the device ID, so it is no IoT hub",
        )],
        remedies: &[hint(About::Any, "check --hub-gateway, and which hub the enrollment names")],
        at_fault: Party::Service,
        rules: &["J-142"],
        ..fault("hub-refused", "the hub refuses to speak MQTT with the device", Class::NotAssigned)
    },
    Entry {
        meaning: "What came is nothing that a hub sends.",
        causes: &[hint(About::Any, "it is no IoT hub, or something stands before it")],
        remedies: &[hint(About::Any, "check --hub-gateway, and which hub the enrollment names")],
        at_fault: Party::Service,
        rules: &["I.1", "J-142"],
        ..fault("hub-protocol", "the hub's answer breaks the protocol", Class::NotAssigned)
    },
    Entry {
        meaning: "The hub answered what the device reported with 400.",
        causes: &[hint(
            About::Any,
            "the hub does not take these properties: a name or value that no twin may hold",
        )],
        remedies: &[hint(
            About::Any,
            "check --reported: names without `.`, `$` and blanks, at most 10 levels, at most 32 KB",
        )],
        at_fault: Party::Device,
        rules: &["I.1"],
        aliases: &["the hub answered the report with status 400"],
        ..fault(
            "hub-properties",
            "the hub does not take the reported properties",
            Class::NotAssigned,
        )
    },
    Entry {
        meaning: "The hub answered a request about the twin with 429 or 5xx.",
        causes: &[hint(About::Any, "the hub is throttling, or not well")],
        remedies: &[hint(About::Any, "try again later; the assignment stays good")],
        at_fault: Party::Service,
        rules: &["J-143"],
        aliases: &[
            "the hub answered the twin request",
            "the hub answered the report with",
            "the hub refused the token",
        ],
        ..fault("hub-busy", "the hub is busy", Class::NotAssigned)
    },
    Entry {
        meaning: "The hub refused a link, a message or the connection, in the words of AMQP, for a reason that is neither the device's identity nor its own health.",
        causes: &[hint(
            About::Any,
            "the hub does not allow this device what it asked for, or it is no IoT hub",
        )],
        remedies: &[
            hint(About::Any, "read the condition and the text behind it: they are the hub's own"),
            hint(About::Any, "check --hub-gateway, and which hub the enrollment names"),
        ],
        at_fault: Party::Service,
        rules: &["J-142"],
        aliases: &[
            "the hub refused the link",
            "the hub refused the message",
            "the hub refused the connection: amqp:",
        ],
        ..fault("hub-denied", "the hub refuses what the device asks for", Class::NotAssigned)
    },
    Entry {
        meaning: "The hub had let the device in, and the session ended.",
        causes: &[
            hint(About::Id, "the device has signed in elsewhere: a hub keeps the newer connection"),
            hint(
                About::Any,
                "the device was disabled or removed from the hub, or its token has ended (--ttl)",
            ),
        ],
        remedies: &[hint(
            About::Any,
            "see that no other program runs as this device, and try again",
        )],
        rules: &["I.1", "J-140"],
        aliases: &[
            "the hub closed the connection",
            "the connection to the hub broke",
            "the hub stopped answering pings",
        ],
        ..fault("hub-lost", "the session with the hub ended", Class::Network)
    },
    Entry {
        meaning: "The time was up before there was a connection to the hub.",
        causes: &[
            hint(About::Network, "a firewall swallows the packets"),
            hint(About::Host, "the hub is not there"),
        ],
        remedies: &[
            hint(About::Network, "take --transport mqtt-ws, or auto"),
            hint(About::Any, "give it more time with --timeout"),
        ],
        rules: &["J-142"],
        ..fault("hub-deadline-connect", "the hub could not be reached in time", Class::Deadline)
    },
    Entry {
        meaning: "The hub took the connection, and did not answer in time.",
        causes: &[hint(About::Any, "the hub hangs, or it is no IoT hub")],
        remedies: &[hint(About::Any, "try again, or give it more time with --timeout")],
        at_fault: Party::Service,
        rules: &["J-142"],
        aliases: &["the hub did not answer"],
        ..fault("hub-deadline", "the hub is silent", Class::Deadline)
    },
    Entry {
        meaning: "Changes of desired properties came faster than the device took them, and the oldest are gone.",
        causes: &[hint(About::Any, "the device is busy with something else for too long")],
        remedies: &[hint(About::Any, "read the twin: it has them all")],
        at_fault: Party::Device,
        rules: &["J-149"],
        ..fault("hub-missed", "changes of desired properties were missed", Class::NotAssigned)
    },
];

const fn fault(key: &'static str, title: &'static str, class: Class) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Network,
        class,
        c_sdk_result: None,
        rules: &[],
        aliases: &[],
        is_ours: false,
    }
}
