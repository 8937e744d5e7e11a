//! Failures of the TLS handshake.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::TRANSPORT;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The server's certificate leads to no authority that this side trusts. Nothing was sent.",
        causes: &[
            hint(
                About::Trust,
                "it is a local service, whose CA this machine does not know; or a proxy that opens TLS",
            ),
            hint(
                About::Trust,
                "the device's CA bundle is old: Azure's chains end in DigiCert Global Root G2",
            ),
            hint(About::Trust, "the CA file is of an earlier service that made a new CA since"),
        ],
        remedies: &[
            hint(
                About::Trust,
                "give its CA: --ca-file PEM (for `provision-sim serve` just use --local)",
            ),
            hint(
                About::Any,
                "see who signed it: `provision-sim diagnose` shows the chain that is presented",
            ),
        ],
        rules: &["A-1", "J-45"],
        aliases: &[
            "unable to get local issuer certificate",
            "self signed certificate",
            "self-signed certificate",
            "self_signed_cert_in_chain",
            "certificate verify failed",
            "unknown_ca",
            "not signed by a trusted authority",
        ],
        ..fault(
            "tls-unknown-issuer",
            "the server's certificate is not signed by a trusted authority",
        )
    },
    Entry {
        meaning: "The server's certificate is for other names than the one that was dialled. Nothing was sent.",
        causes: &[
            hint(
                About::Host,
                "the name given is not the one the service has its certificate for: an address, an alias, a gateway",
            ),
            hint(About::Network, "DNS or a redirect leads to another server"),
        ],
        remedies: &[hint(About::Host, "dial the service by a name that stands in its certificate")],
        rules: &["A-1", "J-45"],
        aliases: &[
            "err_tls_cert_altname_invalid",
            "hostname mismatch",
            "certificate verify failed",
            "hostname/ip does not match",
            "server's certificate is not for",
        ],
        ..fault("tls-wrong-name", "the server's certificate is for another name")
    },
    Entry {
        meaning: "By this machine's clock the server's certificate has expired. Nothing was sent.",
        causes: &[
            hint(About::Clock, "this machine's clock is ahead"),
            hint(
                About::Trust,
                "the server's certificate was not renewed, or a proxy on the way has an old one",
            ),
        ],
        remedies: &[
            hint(About::Clock, "check the clock: `date -u`"),
            hint(About::Trust, "have the server's certificate renewed"),
        ],
        rules: &["A-1"],
        aliases: &[
            "certificate has expired",
            "cert_has_expired",
            "certificate verify failed",
            "certificate expired",
        ],
        ..fault("tls-expired", "the server's certificate has expired")
    },
    Entry {
        meaning: "By this machine's clock the server's certificate is not valid yet. Nothing was sent.",
        causes: &[
            hint(
                About::Clock,
                "this machine's clock is behind: after a power loss many devices start in 1970 or 2000",
            ),
            hint(About::Trust, "the certificate was made on a machine whose clock is ahead"),
        ],
        remedies: &[hint(
            About::Clock,
            "set the clock before TLS: by NTP, or keep the time of the last shutdown",
        )],
        rules: &["A-1"],
        aliases: &["certificate is not yet valid", "cert_not_yet_valid"],
        ..fault("tls-not-yet-valid", "the server's certificate is not valid yet")
    },
    Entry {
        meaning: "The server's certificate is broken, or used for what it may not be used for. Nothing was sent.",
        causes: &[
            hint(About::Trust, "the server shows a CA certificate, or one for clients, as its own"),
            hint(
                About::Trust,
                "the certificate is of X.509 version 1, or has a critical extension nobody knows",
            ),
        ],
        remedies: &[hint(
            About::Trust,
            "give the server a certificate for servers (extended key usage serverAuth)",
        )],
        rules: &["A-1"],
        aliases: &["causedasendentity"],
        ..fault("tls-bad-certificate", "the server's certificate is not acceptable")
    },
    Entry {
        meaning: "What came back is no TLS. Nothing was sent but the greeting.",
        causes: &[
            hint(
                About::Host,
                "the port belongs to something else, such as plain MQTT on 1883 or plain HTTP on 80",
            ),
            hint(About::Network, "a captive portal or a proxy answers in place of the service"),
        ],
        remedies: &[hint(
            About::Host,
            "DPS speaks MQTT over TLS on 8883, HTTPS and WebSockets on 443; check the port",
        )],
        rules: &["A.1"],
        aliases: &[
            "wrong version number",
            "wrong_version_number",
            "does not speak tls",
            "packet length too long",
        ],
        ..fault("tls-not-tls", "the server does not speak TLS on this port")
    },
    Entry {
        meaning: "TCP stood, and the server hung up during the handshake without a word.",
        causes: &[
            hint(
                About::Network,
                "a firewall lets TCP through and cuts TLS off, often by the host name in it (SNI)",
            ),
            hint(About::Host, "the port belongs to something that wants another protocol"),
            hint(About::Any, "the server is overloaded"),
        ],
        remedies: &[
            hint(
                About::Network,
                "try another network; if it works there, have the firewall let the host through",
            ),
            hint(About::Host, "check the port: 8883 for MQTT, 443 for HTTPS and WebSockets"),
        ],
        rules: &["A.1"],
        aliases: &["unexpected eof while reading", "during the tls handshake", "ssl_error_syscall"],
        ..fault("tls-closed", "the server closed the connection during the TLS handshake")
    },
    Entry {
        meaning: "The handshake failed in a way that has no entry of its own.",
        causes: &[hint(
            About::Any,
            "one of the sides breaks the TLS protocol, or something between them does",
        )],
        remedies: &[hint(
            About::Any,
            "look at the handshake from outside: `openssl s_client -connect HOST:PORT`",
        )],
        rules: &["A-1"],
        aliases: &["ssl routines"],
        ..fault("tls-other", "the TLS handshake failed")
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
