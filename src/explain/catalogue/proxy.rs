//! Failures of the proxy on the way (HTTP CONNECT).

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::TRANSPORT;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        meaning: "The proxy that was given, or that the environment names, cannot be found or connected to. The service was not asked.",
        causes: &[hint(
            About::Any,
            "the proxy's name or port is wrong, or it cannot be reached from this network",
        )],
        remedies: &[hint(
            About::Any,
            "check --proxy, HTTPS_PROXY and ALL_PROXY; --proxy '' goes without",
        )],
        aliases: &["proxyconnect tcp", "could not resolve proxy", "failed to connect to proxy"],
        ..fault("proxy-unreachable", "the proxy cannot be reached")
    },
    Entry {
        meaning: "The proxy answered CONNECT with 407: it wants a user name and a password, or others.",
        causes: &[hint(About::Any, "the proxy lets only those through that it knows")],
        remedies: &[
            hint(
                About::Any,
                "give --proxy http://USER:PASSWORD@HOST:PORT, special characters percent-encoded",
            ),
            hint(
                About::Any,
                "if it takes NTLM or Negotiate only, as devices do not: have the host let through without, or put a proxy like cntlm or px between",
            ),
        ],
        aliases: &["407", "http-407", "proxy authentication required"],
        ..fault("proxy-unauthorized", "the proxy wants a user name and a password")
    },
    Entry {
        meaning: "The proxy answered CONNECT, and opened no tunnel to the service.",
        causes: &[hint(
            About::Any,
            "the proxy does not allow this host or this port; many allow only 443",
        )],
        remedies: &[
            hint(About::Any, "--transport auto finds what it lets through"),
            hint(About::Any, "ask whoever runs the proxy to allow the host"),
        ],
        rules: &["J-103"],
        aliases: &["tunnel connection failed", "from proxy after connect", "connect tunnel failed"],
        ..fault("proxy-refused", "the proxy does not let the device through")
    },
    Entry {
        meaning: "What answered in the proxy's place spoke no HTTP, or hung up.",
        causes: &[hint(About::Any, "it is no HTTP proxy, or it is not well")],
        remedies: &[hint(About::Any, "check the port of --proxy, HTTPS_PROXY or ALL_PROXY")],
        aliases: &["proxy connect aborted"],
        ..fault("proxy-broken", "the proxy does not speak HTTP")
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
        rules: &["J-104"],
        aliases: &[],
        is_ours: false,
    }
}
