//! TLS alerts of the server (RFC 8446, section 6.2): mostly about the device's certificate (J-113).

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::TRANSPORT;
use crate::device::Class;

const READ_THE_LOG: super::super::Hint = hint(
    About::Local,
    "read the log of `provision-sim serve`: it names the trouble with the handshake",
);

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The alert was `unknown_ca`, `bad_certificate` or `certificate_unknown`: the server does not believe the certificate that it was shown.",
        causes: &[
            hint(
                About::Certificate,
                "the server does not trust who signed the device's certificate",
            ),
            hint(About::Certificate, "an intermediate is missing, or they are in the wrong order"),
        ],
        remedies: &[
            hint(
                About::Certificate,
                "give leaf and intermediates in --cert, each signed by the next",
            ),
            READ_THE_LOG,
        ],
        aliases: &["bad_certificate", "certificate_unknown", "alert unknown ca", "bad certificate"],
        ..alert("tls-alert-untrusted", "the server does not trust the device's certificate")
    },
    Entry {
        meaning: "The alert was `certificate_expired` or `certificate_revoked`: by the server's clock, or by its list.",
        causes: &[
            hint(
                About::Certificate,
                "by the server's clock the device's certificate, or one above it, has expired or is revoked",
            ),
            hint(About::Clock, "one of the two clocks is wrong"),
        ],
        remedies: &[
            hint(About::Certificate, "compare the clocks: `date -u`; renew the certificate"),
            READ_THE_LOG,
        ],
        aliases: &["certificate_expired", "certificate_revoked", "alert certificate expired"],
        ..alert(
            "tls-alert-expired",
            "to the server the device's certificate has expired or is revoked",
        )
    },
    Entry {
        meaning: "The alert was `unsupported_certificate`, `decrypt_error` or `illegal_parameter`: the server cannot use the device's certificate, or its signature is wrong.",
        causes: &[hint(
            About::Certificate,
            "the server does not take this kind of key or certificate",
        )],
        remedies: &[
            hint(
                About::Certificate,
                "try a certificate with an RSA key of 2048 bits or an EC key on P-256",
            ),
            READ_THE_LOG,
        ],
        aliases: &["unsupported_certificate", "decrypt_error", "illegal_parameter"],
        ..alert("tls-alert-unsupported", "the server cannot use the device's certificate")
    },
    Entry {
        meaning: "The alert was `handshake_failure`: the two have nothing in common, or something is missing.",
        causes: &[
            hint(
                About::Key,
                "the server insists on a client certificate, and the device proves itself by a key",
            ),
            hint(About::Certificate, "the server does not take this kind of key or certificate"),
            hint(About::Any, "the two have no cipher suite in common"),
        ],
        remedies: &[
            hint(
                About::Key,
                "DPS takes both on one port, so check --host; or give a certificate: --cert PEM",
            ),
            hint(
                About::Certificate,
                "try a certificate with an RSA key of 2048 bits or an EC key on P-256",
            ),
            READ_THE_LOG,
            hint(About::Any, "compare the TLS versions and cipher suites of both sides"),
        ],
        at_fault: Party::Service,
        aliases: &["handshake_failure", "handshake failure"],
        ..alert("tls-alert-handshake", "the server found nothing in common")
    },
    Entry {
        meaning: "The alert was `access_denied` or `certificate_required`: the server wants a certificate, or another one. DPS is not known to say so.",
        causes: &[
            hint(
                About::Key,
                "the server insists on a client certificate, and the device proves itself by a key",
            ),
            hint(About::Certificate, "the server does not let the device's certificate in"),
        ],
        remedies: &[
            hint(
                About::Key,
                "DPS takes both on one port, so check --host; or give a certificate: --cert PEM",
            ),
            hint(
                About::Certificate,
                "DPS lets any certificate in and judges it later, so check --host",
            ),
        ],
        aliases: &["access_denied", "certificate_required", "certificate required"],
        ..alert("tls-alert-denied", "the server wants a certificate, or another one")
    },
    Entry {
        meaning: "The server ended TLS itself, and said why in one word that has no entry of its own.",
        causes: &[
            hint(About::Any, "`protocol_version`: no common TLS version (1.2, 1.3)"),
            hint(
                About::Host,
                "`unrecognized_name`: it does not serve the host name that was dialled",
            ),
            hint(About::Any, "`internal_error`: the server is in trouble"),
        ],
        remedies: &[
            READ_THE_LOG,
            hint(About::Any, "compare the TLS versions and cipher suites of both sides"),
        ],
        at_fault: Party::Network,
        rules: &["A-1", "A-3"],
        aliases: &["protocol_version", "unrecognized_name", "tlsv1 alert"],
        ..alert("tls-alert", "the server ended TLS with an alert")
    },
];

const fn alert(key: &'static str, title: &'static str) -> Entry {
    Entry {
        key,
        name: None,
        title,
        meaning: "",
        causes: &[],
        remedies: &[],
        at_fault: Party::Identity,
        class: Class::Network,
        c_sdk_result: TRANSPORT,
        rules: &["J-113"],
        aliases: &[],
        is_ours: false,
    }
}
